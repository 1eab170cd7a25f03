"""From the world's seeds to entries of the directory."""

from __future__ import annotations

import uuid
from typing import Any

from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import refused
from agent_ops.sandbox.entra.moments import timestamp
from agent_ops.sandbox.entra.schema import USER
from agent_ops.sandbox.entra.skus import sku_of
from agent_ops.sandbox.world import ContactSeed, GroupSeed, UserSeed


def user_entry(seed: UserSeed, object_id: str) -> Entry:
    """A user as the directory keeps it; a deleted one is not yet marked so."""
    unknown = sorted(set(seed.attributes) - set(USER.properties))
    if unknown:
        raise refused(f"Invalid property '{unknown[0]}'.", target=unknown[0])
    properties: dict[str, Any] = {
        "id": object_id,
        "accountEnabled": True,
        "displayName": seed.display_name,
        "userPrincipalName": seed.user_principal_name,
        "mailNickname": seed.user_principal_name.partition("@")[0],
        "mail": seed.user_principal_name,
        "userType": "Member",
        "createdDateTime": timestamp(0),
        **seed.attributes,
    }
    return Entry(object_id, properties)


def group_entry(seed: GroupSeed) -> Entry:
    nickname = "".join(c for c in seed.name if c.isascii() and c.isalnum()) or "group"
    properties: dict[str, Any] = {
        "id": seed.id.lower(),
        "assignedLicenses": group_licences(seed),
        "displayName": seed.name,
        "createdDateTime": timestamp(0),
        "renewedDateTime": timestamp(0),
        "groupTypes": ["Unified"] if seed.mail else [],
        "isAssignableToRole": bool(seed.roles) or None,
        "mail": seed.mail or None,
        "mailEnabled": bool(seed.mail),
        "mailNickname": seed.mail.partition("@")[0] or nickname,
        "proxyAddresses": [f"SMTP:{seed.mail}"] if seed.mail else [],
        "securityEnabled": not seed.mail,
        "securityIdentifier": _security_identifier(seed.id),
    }
    return Entry(properties["id"], properties)


def contact_entry(seed: ContactSeed, object_id: str) -> Entry:
    properties: dict[str, Any] = {
        "id": object_id,
        "displayName": seed.display_name,
        "mail": seed.mail,
        "mailNickname": seed.mail.partition("@")[0],
        "proxyAddresses": [f"SMTP:{seed.mail}", *seed.proxy_addresses],
    }
    return Entry(object_id, properties)


def seed_id(tenant: str, seed: UserSeed | ContactSeed) -> str:
    """The same seed is the same object in every sandbox of the tenant."""
    if isinstance(seed, ContactSeed):
        name = f"contact {seed.mail}"
    else:
        name = seed.user_principal_name + (" deleted" if seed.deleted else "")
    return str(uuid.uuid5(uuid.UUID(tenant), name.casefold()))


def group_licences(seed: GroupSeed) -> list[dict[str, Any]]:
    """The group's ``assignedLicenses``."""
    return [{"disabledPlans": [], "skuId": sku_of(seed.licence).id}] if seed.licence else []


def _security_identifier(object_id: str) -> str:
    """The SID that Entra ID derives from an object id: S-1-12-1 and the four little-endian words of the UUID."""
    raw = uuid.UUID(object_id).bytes_le
    return "S-1-12-1-" + "-".join(str(int.from_bytes(raw[start : start + 4], "little")) for start in (0, 4, 8, 12))

"""What a test or a demo can do to the Entra twin from outside, besides calling Graph."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any


class EntraSteering(ABC):
    """The part of ``Sandbox`` that plays a tenant's administrator, and time."""

    @abstractmethod
    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the control server."""

    async def licence_seats(self, sku: str, seats: int) -> None:
        """Decide how many seats of a product (skuPartNumber) have been bought. Those who got none stay without until
        somebody has the licences processed again: ``reprocess_licences``, or Graph's ``reprocessLicenseAssignment``."""
        await self._tell("licences", sku=sku, seats=seats)

    async def licence_seconds(self, seconds: float) -> None:
        """Decide how long it takes from joining a group to its licence."""
        await self._tell("licences", licence_seconds=seconds)

    async def mailbox_seconds(self, seconds: float) -> None:
        """Decide how long it takes from a licence to a value in ``mail``."""
        await self._tell("licences", mailbox_seconds=seconds)

    async def reprocess_licences(self) -> None:
        """Try every failed licence again, as an administrator's Reprocess does."""
        await self._tell("licences/reprocess")

    async def domain(self, name: str, *, verified: bool = True, federated: bool = False, default: bool | None = None) -> None:
        """Add a domain to the tenant, or change one."""
        await self._tell("domains", name=name, verified=verified, federated=federated, default=default)

    async def permissions(self, names: Iterable[str] | None = None) -> list[str]:
        """Grant the application exactly these Graph permissions, and answer what is granted. What is taken away is gone at
        once; what is added comes with the next token."""
        told = await self._tell("permissions", names=None if names is None else sorted(names))
        return list(told["names"])

    async def secret_ends(self, seconds: float) -> None:
        """Let the application's client secret expire in so many seconds."""
        await self._tell("conditions", secret_ends=time.time() + seconds)

    async def certificate_ends(self, seconds: float) -> None:
        """Let the application's certificate expire in so many seconds."""
        await self._tell("conditions", certificate_ends=time.time() + seconds)

    async def synchronised(self, enabled: bool) -> None:
        """Decide whether the tenant is synchronised from an on-premises directory."""
        await self._tell("conditions", synchronised=enabled)

    async def clock_seconds(self, seconds: float) -> None:
        """Put the service's clock ahead (or behind) of ours, as its ``Date`` header shows it."""
        await self._tell("conditions", clock_seconds=seconds)

    async def access_pass_policy(
        self, *, enabled: bool = True, only_once: bool = False, minutes: tuple[int, int] = (60, 480)
    ) -> None:
        """Decide which Temporary Access Passes can be made, as the tenant's policy of the method does."""
        least, most = minutes
        changes = {"passes_enabled": enabled, "passes_only_once": only_once, "pass_minutes_least": least}
        await self._tell("conditions", **changes, pass_minutes_most=most)

    async def befall_method(self, user: str, event: str) -> None:
        """Let a user's access pass be ``used`` or ``expired``, somebody have ``signed_in``, or a method be registered, such
        as ``phoneAuthenticationMethod``."""
        await self._tell("methods", user=user, event=event)

    async def plant_user(
        self,
        user_principal_name: str,
        display_name: str = "",
        *,
        deleted: bool = False,
        roles: Sequence[str] = (),
        **attributes: Any,
    ) -> str:
        """Put a person into the directory and answer the object id.

        ``attributes`` are Graph's, read-only ones too (``userType="Guest"``, ``accountEnabled=False``,
        ``onPremisesSyncEnabled=True``); ``mail`` is the name unless it is given; ``roles`` are names of administrator roles.
        """
        planted = await self._tell(
            "users",
            user_principal_name=user_principal_name,
            display_name=display_name or user_principal_name.partition("@")[0],
            deleted=deleted,
            roles=list(roles),
            attributes=attributes,
        )
        return str(planted["id"])

    async def plant_group(
        self, name: str, *, mail: str = "", licence: str = "", roles: Sequence[str] = (), object_id: str = ""
    ) -> str:
        """Put a group into the directory and answer its object id; ``licence`` is the skuPartNumber that its members get."""
        planted = await self._tell("groups", id=object_id, name=name, mail=mail, licence=licence, roles=list(roles))
        return str(planted["id"])

    async def plant_contact(self, display_name: str, mail: str, *, proxy_addresses: Sequence[str] = ()) -> str:
        """Put an organizational contact into the directory and answer its object id."""
        body = {"display_name": display_name, "mail": mail, "proxy_addresses": list(proxy_addresses)}
        return str((await self._tell("contacts", **body))["id"])

    async def _tell(self, what: str, **body: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self._control, "POST", f"/entra/{what}", body)

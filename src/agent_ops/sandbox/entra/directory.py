"""The directory behind Graph: users, groups and memberships, who may have which address, and what survives a restart.

Everything is in memory and every change is mirrored to the records before the call is answered. Nothing here knows HTTP.
"""

from __future__ import annotations

import bisect
import time
import uuid
from collections.abc import Iterable
from typing import Any

from agent_ops.sandbox.entra.domains import Domains
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import conflict, not_found, refused
from agent_ops.sandbox.entra.index import Index
from agent_ops.sandbox.entra.moments import timestamp
from agent_ops.sandbox.entra.role_templates import role_template
from agent_ops.sandbox.entra.schema import CONTACT, GROUP, ROLE_ASSIGNMENT, USER, Schema
from agent_ops.sandbox.entra.seeds import contact_entry, group_entry, group_licences, seed_id, user_entry
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.world import ContactSeed, GroupSeed, UserSeed, World

TWIN = "entra"
_MEMBER_EXISTS = "One or more added object references already exist for the following modified properties: 'members'."


class Shelf:
    """Entries of one kind by id, in the order of their ids, mirrored to the records."""

    def __init__(self, records: Records, kind: str, schema: Schema, entries: Iterable[Entry]) -> None:
        self._records, self._kind = records, kind
        self.schema = schema
        self.index = Index()
        self.entries = {entry.id: entry for entry in entries}
        self._order = sorted(self.entries)
        for entry in self.entries.values():
            self.index.add(entry)

    def save(self, entry: Entry) -> None:
        if entry.id not in self.entries:
            bisect.insort(self._order, entry.id)
            self.entries[entry.id] = entry
        self.index.add(entry)
        self._records.put(TWIN, self._kind, entry.id, entry.to_document())

    def take(self, entry: Entry) -> None:
        """Take an entry off this shelf, before it changes and goes to another one; its record stays."""
        self.index.discard(entry)
        del self.entries[entry.id]
        self._order.pop(bisect.bisect_left(self._order, entry.id))

    def destroy(self, entry: Entry) -> None:
        self.take(entry)
        self._records.delete(TWIN, self._kind, entry.id)

    def ids_after(self, last: str) -> list[str]:
        """Every id that sorts after ``last``."""
        return self._order[bisect.bisect_right(self._order, last) :]


class Directory:
    """One tenant's objects and the rules that hold among them."""

    def __init__(self, world: World, records: Records) -> None:
        self.domains, self.tenant_id = Domains(world, records), world.tenant_id
        self._records = records
        users = _load(records, "user")
        self.users = Shelf(records, "user", USER, [u for u in users if u.name_before is None])
        self.deleted = Shelf(records, "user", USER, [u for u in users if u.name_before is not None])
        self.groups = Shelf(records, "group", GROUP, _load(records, "group"))
        self.contacts = Shelf(records, "contact", CONTACT, _load(records, "contact"))
        self.role_assignments = Shelf(records, "role_assignment", ROLE_ASSIGNMENT, _load(records, "role_assignment"))
        self._members: dict[str, dict[str, float]] = {}
        self._memberships: dict[str, set[str]] = {}
        for body in records.all(TWIN, "member").values():
            self._remember(body["group"], body["user"], body["born"])
        self._seed(world)

    # --- users

    def user(self, key: str) -> Entry | None:
        """The user with this object id or userPrincipalName, whatever its age."""
        found = self.users.entries.get(key.lower())
        if found is not None:
            return found
        ids = self.users.index.find("userPrincipalName", key)
        return self.users.entries[next(iter(ids))] if ids else None

    def create_user(self, properties: dict[str, Any]) -> Entry:
        now = time.time()
        entry = Entry(str(uuid.uuid4()), {"userType": "Member", **properties}, born=now)
        created = {"createdDateTime": timestamp(now), "lastPasswordChangeDateTime": timestamp(now)}
        entry.properties.update(id=entry.id, creationType=None, **created)
        self._address(entry.properties)
        self._claim(entry.properties, entry.id)
        self.users.save(entry)
        return entry

    def update_user(self, entry: Entry, properties: dict[str, Any]) -> None:
        """Merge properties in; extension attributes merge one by one."""
        merged = {**entry.properties, **properties}
        for name in ("onPremisesExtensionAttributes", "employeeOrgData"):
            if properties.get(name) and entry.properties.get(name):
                merged[name] = {**entry.properties[name], **properties[name]}
        self._address(merged)
        self._claim(merged, entry.id)
        self.users.index.discard(entry)
        entry.properties = merged
        self.users.save(entry)

    def delete_user(self, entry: Entry) -> None:
        """Move to the deleted items; the address is freed by putting the object id in front of it, as Entra ID does."""
        self.users.take(entry)
        entry.name_before = entry.properties["userPrincipalName"]
        entry.properties["userPrincipalName"] = entry.id.replace("-", "") + entry.name_before
        entry.properties["deletedDateTime"] = timestamp(time.time())
        self.deleted.save(entry)

    def restore_user(self, entry: Entry, new_name: str | None) -> None:
        """Bring back a deleted user, under its old address or a new one; somebody else may hold it by now."""
        restored = {**entry.properties, "userPrincipalName": new_name or entry.name_before}
        restored.pop("deletedDateTime", None)
        self._claim(restored, entry.id)
        self.deleted.take(entry)
        entry.properties, entry.name_before = restored, None
        self.users.save(entry)

    def purge_user(self, entry: Entry) -> None:
        for group in sorted(self._memberships.get(entry.id, ())):
            self._forget(group, entry.id)
        self.deleted.destroy(entry)

    def set_manager(self, entry: Entry, manager: str | None) -> None:
        entry.manager = manager
        self.users.save(entry)

    # --- groups

    def members(self, group: str) -> dict[str, float]:
        """Living members of a group: user id to the Unix time of joining."""
        return {user: born for user, born in self._members.get(group, {}).items() if user in self.users.entries}

    def member_of(self, user: str) -> dict[str, float]:
        """The groups of a user: group id to the Unix time of joining."""
        return {group: self._members[group][user] for group in self._memberships.get(user, ())}

    def add_member(self, group: str, user: str) -> None:
        if user in self._members.get(group, {}):
            raise refused(_MEMBER_EXISTS)
        body: dict[str, Any] = {"group": group, "user": user, "born": time.time()}
        self._records.put(TWIN, "member", f"{group}/{user}", body)
        self._remember(group, user, body["born"])

    def remove_member(self, group: str, user: str) -> None:
        if user not in self.members(group):
            raise not_found(user)
        self._forget(group, user)

    # --- rules

    def _address(self, properties: dict[str, Any]) -> None:
        """``mail`` is the primary one of the proxy addresses."""
        others = [address for address in properties.get("proxyAddresses", []) if not address.startswith("SMTP:")]
        mail = properties.get("mail")
        properties["proxyAddresses"] = [f"SMTP:{mail}", *others] if mail else others

    def _claim(self, properties: dict[str, Any], owner: str) -> None:
        """Refuse addresses that another user, group or contact has; case does not matter.

        https://learn.microsoft.com/entra/identity/hybrid/connect/tshoot-connect-sync-errors (what must be unique)
        """
        name, addresses = properties.get("userPrincipalName", ""), properties["proxyAddresses"]
        if self._others("userPrincipalName", name, owner):
            raise conflict("userPrincipalName")
        if any(self._others("proxyAddresses", address, owner) for address in [*addresses, f"smtp:{name}"]):
            raise conflict("proxyAddresses")
        if any(self._others("userPrincipalName", address.partition(":")[2], owner) for address in addresses):
            raise conflict("proxyAddresses")

    def _others(self, path: str, value: str, owner: str) -> set[str]:
        shelves = (self.users, self.groups, self.contacts)
        return {found for shelf in shelves for found in shelf.index.find(path, value) or ()} - {owner}

    # --- memory

    def _remember(self, group: str, user: str, born: float) -> None:
        self._members.setdefault(group, {})[user] = born
        self._memberships.setdefault(user, set()).add(group)

    def _forget(self, group: str, user: str) -> None:
        self._records.delete(TWIN, "member", f"{group}/{user}")
        del self._members[group][user]
        self._memberships[user].discard(group)

    # --- seeds

    def plant_user(self, seed: UserSeed, object_id: str = "") -> Entry:
        """Put a person in by the back door: no rule but that addresses are unique."""
        entry = user_entry(seed, object_id or str(uuid.uuid4()))
        self._address(entry.properties)
        if not seed.deleted:
            self._claim(entry.properties, entry.id)
        self.users.save(entry)
        if seed.deleted:
            self.delete_user(entry)
        self._assign_roles(entry.id, seed.roles)
        return entry

    def plant_group(self, seed: GroupSeed) -> Entry:
        entry = group_entry(seed)
        self._claim(entry.properties, entry.id)
        self.groups.save(entry)
        self._assign_roles(entry.id, seed.roles)
        return entry

    def plant_contact(self, seed: ContactSeed, object_id: str = "") -> Entry:
        entry = contact_entry(seed, object_id or str(uuid.uuid4()))
        self._claim(entry.properties, entry.id)
        self.contacts.save(entry)
        return entry

    def _assign_roles(self, principal: str, names: Iterable[str]) -> None:
        for name in names:
            template = role_template(name)
            key = str(uuid.uuid5(uuid.UUID(principal), template))
            properties = {"id": key, "principalId": principal, "directoryScopeId": "/", "roleDefinitionId": template}
            self.role_assignments.save(Entry(key, properties))

    def _seed(self, world: World) -> None:
        """Put in what the world starts with, each thing once: what was deleted since stays deleted."""
        planted = set(self._records.all(TWIN, "seed"))
        for group in world.groups:
            if group.id.lower() not in planted:
                self._planted(self.plant_group(group))
            elif (entry := self.groups.entries.get(group.id.lower())) is not None:
                self._license(entry, group)
        for user in world.users:
            if (key := seed_id(world.tenant_id, user)) not in planted:
                self._planted(self.plant_user(user, key))
        for contact in world.contacts:
            if (key := seed_id(world.tenant_id, contact)) not in planted:
                self._planted(self.plant_contact(contact, key))

    def _license(self, entry: Entry, seed: GroupSeed) -> None:
        """The world may have given a licence to a group since it was planted."""
        if entry.properties.get("assignedLicenses", []) != group_licences(seed):
            entry.properties["assignedLicenses"] = group_licences(seed)
            self.groups.save(entry)

    def _planted(self, entry: Entry) -> None:
        self._records.put(TWIN, "seed", entry.id, {})


def _load(records: Records, kind: str) -> list[Entry]:
    return [Entry.from_document(body) for body in records.all(TWIN, kind).values()]

"""Group-based licensing: what members of a group get after a while, and what they do not get.

Sources: https://learn.microsoft.com/graph/api/resources/licenseassignmentstate (states and errors),
https://learn.microsoft.com/entra/identity/users/licensing-groups-resolve-problems (no seat left: CountViolation; a user without
usage location inherits the directory's; errors stay until the user's licences are processed again) and
https://learn.microsoft.com/graph/api/user-reprocesslicenseassignment. That a mailbox's address is the sign-in name:
https://learn.microsoft.com/troubleshoot/entra/entra-id/user-prov-sync/proxyaddresses-attribute-populate. From memory: that
``error`` is the text "None" while all is well (the page says null), that an address in use ends as UniquenessViolation, and that
``mail`` stays when the licence goes.

Everything happens a set time after what caused it, whenever somebody looks next; what is still to be done survives a restart.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from typing import Any

from agent_ops.sandbox.entra.directory import TWIN, Directory
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import GraphError
from agent_ops.sandbox.entra.moments import timestamp
from agent_ops.sandbox.entra.skus import Sku, sku_of
from agent_ops.sandbox.entra.subscriptions import Subscriptions
from agent_ops.sandbox.records import Records

_KIND = "licence_work"
_LICENCE, _MAILBOX = "licence", "mailbox"
State = dict[str, Any]


class Licences:
    """The background work of one tenant's licensing service."""

    def __init__(self, records: Records, directory: Directory, subscriptions: Subscriptions, country: str) -> None:
        self._records, self._directory, self._subscriptions, self._country = records, directory, subscriptions, country
        self._work = [(body["due"], body["what"], body["user"]) for body in records.all(TWIN, _KIND).values()]
        heapq.heapify(self._work)

    def membership_changed(self, group: str, user: str) -> None:
        """Somebody joined or left a group: see to the licences in a while, when the group gives any."""
        if _licences_of(self._directory.groups.entries[group]):
            self._plan(time.time() + self._subscriptions.licence_seconds, _LICENCE, user)

    def reprocess(self, user: str) -> None:
        """Try again what failed, at once: the administrator's Reprocess."""
        self._process(user, time.time())

    def settle(self) -> None:
        """Do all work whose time has come, in its order."""
        while self._work and self._work[0][0] <= time.time():
            due, what, user = heapq.heappop(self._work)
            (self._process if what == _LICENCE else self._open_mailbox)(user, due)
            self._records.delete(TWIN, _KIND, f"{what}/{user}/{due}")

    def consumed(self, sku: str) -> int:
        """How many users hold a seat; one who has a product by two groups holds one."""
        return sum(sku in _active(user.properties) for user in self._directory.users.entries.values())

    def _plan(self, due: float, what: str, user: str) -> None:
        self._records.put(TWIN, _KIND, f"{what}/{user}/{due}", {"due": due, "what": what, "user": user})
        heapq.heappush(self._work, (due, what, user))

    def _process(self, user: str, now: float) -> None:
        """Make a user's licences what the user's groups say now; what failed before is tried again."""
        entry = self._directory.users.entries.get(user)
        if entry is None:
            return
        wanted = list(self._wanted(user))
        states = [state for state in _states(entry.properties) if _key(state) in wanted and state["state"] != "Error"]
        for group, sku in wanted:
            if all(_key(state) != (group, sku) for state in states):
                states.append(self._assignment(entry, group, sku, states, now))
        if states != _states(entry.properties):
            self._write(entry, states, now)
        if not entry.properties.get("mail") and any(sku.gives_mailbox for sku in self._held(entry)):
            self._plan(now + self._subscriptions.mailbox_seconds, _MAILBOX, user)

    def _wanted(self, user: str) -> Iterator[tuple[str, str]]:
        for group in sorted(self._directory.member_of(user)):
            for licence in _licences_of(self._directory.groups.entries[group]):
                yield group, licence["skuId"]

    def _assignment(self, entry: Entry, group: str, sku: str, states: list[State], now: float) -> State:
        error = self._refusal(entry, sku, states)
        return {
            "assignedByGroup": group,
            "disabledPlans": [],
            "error": error or "None",
            "lastUpdatedDateTime": timestamp(now),
            "skuId": sku,
            "state": "Error" if error else "Active",
        }

    def _refusal(self, entry: Entry, sku: str, states: list[State]) -> str:
        if (entry.properties.get("usageLocation") or self._country).upper() in self._subscriptions.prohibited(sku):
            return "ProhibitedInUsageLocationViolation"
        has_seat = any(state["skuId"] == sku and state["state"] == "Active" for state in states)
        others = self.consumed(sku) - (sku in _active(entry.properties))
        if not has_seat and others >= self._subscriptions.seats(sku):
            return "CountViolation"
        return ""

    def _open_mailbox(self, user: str, now: float) -> None:
        entry = self._directory.users.entries.get(user)
        if entry is None or entry.properties.get("mail") or not any(sku.gives_mailbox for sku in self._held(entry)):
            return
        try:
            self._directory.update_user(entry, {"mail": entry.properties["userPrincipalName"]})
        except GraphError:
            self._withdraw(entry, now)

    def _withdraw(self, entry: Entry, now: float) -> None:
        """Another object has the address already: no product with a mailbox can be had."""
        failed = {"state": "Error", "error": "UniquenessViolation", "lastUpdatedDateTime": timestamp(now)}
        with_mailbox = {sku.id for sku in self._held(entry) if sku.gives_mailbox}
        states = _states(entry.properties)
        self._write(entry, [{**state, **failed} if state["skuId"] in with_mailbox else state for state in states], now)

    def _held(self, entry: Entry) -> list[Sku]:
        active = _active(entry.properties)
        return [sku for sku in map(sku_of, self._subscriptions.parts()) if sku.id in active]

    def _write(self, entry: Entry, states: list[State], now: float) -> None:
        properties: dict[str, Any] = {"licenseAssignmentStates": states}
        active = _active(properties)
        properties["assignedLicenses"] = [{"disabledPlans": [], "skuId": sku} for sku in sorted(active)]
        skus = [sku for sku in map(sku_of, self._subscriptions.parts()) if sku.id in active]
        plans = {plan.id: plan for sku in skus for plan in sku.plans}
        since = {plan["servicePlanId"]: plan["assignedDateTime"] for plan in entry.properties.get("assignedPlans") or []}
        properties["assignedPlans"] = [
            {
                "assignedDateTime": since.get(plan.id, timestamp(now)),
                "capabilityStatus": "Enabled",
                "service": plan.service,
                "servicePlanId": plan.id,
            }
            for plan in plans.values()
        ]
        self._directory.update_user(entry, properties)


def _licences_of(group: Entry) -> list[State]:
    return group.properties.get("assignedLicenses") or []


def _states(properties: dict[str, Any]) -> list[State]:
    return properties.get("licenseAssignmentStates") or []


def _active(properties: dict[str, Any]) -> set[str]:
    return {state["skuId"] for state in _states(properties) if state["state"] == "Active"}


def _key(state: State) -> tuple[str, str]:
    return state["assignedByGroup"], state["skuId"]

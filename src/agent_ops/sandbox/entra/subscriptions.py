"""The tenant's subscriptions: which products, how many seats, and how quickly licences take effect.

https://learn.microsoft.com/graph/api/resources/subscribedsku
"""

from __future__ import annotations

from typing import Any

from agent_ops.sandbox.entra.directory import TWIN
from agent_ops.sandbox.entra.skus import sku_of
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.world import World

_KIND = "subscription"
_PACE = "pace"


class Subscriptions:
    """What has been bought. It begins with the world's and can be changed while the twin runs."""

    def __init__(self, world: World, records: Records) -> None:
        self._records = records
        parts = {*(licence.sku for licence in world.licences), *(group.licence for group in world.groups if group.licence)}
        bought = {licence.sku: licence.seats for licence in world.licences}
        self._seats = {part: bought.get(part, 0) for part in sorted(parts)}
        self._seats.update({part: body["seats"] for part, body in records.all(TWIN, _KIND).items()})
        self._prohibited = {sku_of(licence.sku).id: frozenset(licence.prohibited) for licence in world.licences}
        pace = records.all(TWIN, _PACE).get("now", {})
        self.licence_seconds: float = pace.get("licence_seconds", world.licence_seconds)
        self.mailbox_seconds: float = pace.get("mailbox_seconds", world.mailbox_seconds)

    def parts(self) -> tuple[str, ...]:
        """The skuPartNumber of every product."""
        return tuple(self._seats)

    def seats(self, sku: str) -> int:
        """How many seats of the product with this skuId have been bought."""
        return sum(seats for part, seats in self._seats.items() if sku_of(part).id == sku)

    def prohibited(self, sku: str) -> frozenset[str]:
        """The countries in which the product with this skuId must not be used."""
        return self._prohibited.get(sku, frozenset())

    def set_seats(self, part: str, seats: int) -> None:
        self._seats[part] = seats
        self._records.put(TWIN, _KIND, part, {"seats": seats})

    def set_pace(self, *, licence_seconds: float | None = None, mailbox_seconds: float | None = None) -> None:
        """Seconds from a membership to its licence, and from a licence to the mailbox; ``None`` leaves one as it is."""
        if licence_seconds is not None:
            self.licence_seconds = licence_seconds
        if mailbox_seconds is not None:
            self.mailbox_seconds = mailbox_seconds
        pace: dict[str, Any] = {"licence_seconds": self.licence_seconds, "mailbox_seconds": self.mailbox_seconds}
        self._records.put(TWIN, _PACE, "now", pace)

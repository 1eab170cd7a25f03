"""What a test or a demo can do to the Entra twin from outside, besides calling Graph."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
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

    async def _tell(self, what: str, **body: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self._control, "POST", f"/entra/{what}", body)

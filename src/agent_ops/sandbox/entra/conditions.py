"""What time and the administrator decide about a tenant, in one document: synchronisation, clock, how long credentials last."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace
from typing import Any

from agent_ops.sandbox.records import Records

_TWIN, _KIND, _ID = "entra", "conditions", "now"
_TWO_YEARS = 730 * 86_400.0


@dataclass(frozen=True)
class Conditions:
    """Times are Unix times. ``clock_seconds`` is by how much the service's clock is ahead, as its ``Date`` header shows it.

    ``pass...`` is the policy of Temporary Access Passes as Microsoft sets it at first; ``premium``: Entra ID P1.
    """

    since: float
    secret_ends: float
    certificate_ends: float | None = None
    synchronised: bool = False
    clock_seconds: float = 0.0
    passes_enabled: bool = True
    passes_only_once: bool = False
    pass_minutes_least: int = 60
    pass_minutes_most: int = 480
    premium: bool = True


class ConditionStore:
    """The conditions in force; kept, so that they outlive a restart."""

    def __init__(self, records: Records) -> None:
        self._records = records
        kept = records.all(_TWIN, _KIND).get(_ID)
        now = time.time()
        self.now = Conditions(**kept) if kept else Conditions(now, now + _TWO_YEARS)
        self.change()

    def change(self, **changes: Any) -> None:
        self.now = replace(self.now, **changes)
        self._records.put(_TWIN, _KIND, _ID, asdict(self.now))

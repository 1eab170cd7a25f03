"""GitHub's rate limits: https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

_HOUR, _MINUTE = 3600.0, 60.0


@dataclass
class Budget:
    """How many calls a window of so many seconds has room for. A window begins with its first call."""

    limit: int
    seconds: float
    used: int = 0
    ends: float = 0.0

    def take(self) -> bool:
        """Count a call; whether there was room for it."""
        self._turn()
        if self.used >= self.limit:
            return False
        self.used += 1
        return True

    def _turn(self) -> None:
        if time.time() >= self.ends:
            self.used, self.ends = 0, time.time() + self.seconds

    def told(self) -> dict[str, int]:
        self._turn()
        return {"limit": self.limit, "used": self.used, "remaining": max(0, self.limit - self.used), "reset": int(self.ends) + 1}


def _budgets() -> dict[str, Budget]:
    return {
        "core": Budget(5000, _HOUR),
        "graphql": Budget(5000, _HOUR),
        "search": Budget(30, _MINUTE),
        "code_search": Budget(10, _MINUTE),
    }


@dataclass
class Limits:
    """The primary limits of one token, and a secondary one that is only told to strike.

    ``slow_until`` is the Unix time until which every call is answered as abuse; ``hint`` whether that names Retry-After.
    """

    budgets: dict[str, Budget] = field(default_factory=_budgets)
    slow_until: float = 0.0
    hint: bool = True

    def take(self, resource: str) -> bool:
        return self.budgets[resource].take()

    def headers(self, resource: str) -> dict[str, str]:
        told = self.budgets[resource].told()
        return {**{f"X-RateLimit-{name.title()}": str(value) for name, value in told.items()}, "X-RateLimit-Resource": resource}

    def told(self) -> dict[str, dict[str, int]]:
        return {name: budget.told() for name, budget in self.budgets.items()}

    def exhaust(self, resource: str, seconds: float) -> None:
        """No call is left until so many seconds have passed."""
        budget = self.budgets[resource]
        budget.used, budget.ends = budget.limit, time.time() + seconds

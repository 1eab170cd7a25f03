"""What chat models cost: counted by the call, limited by the run and by the day."""

from __future__ import annotations

from dataclasses import dataclass

MILLION = 1_000_000


@dataclass(frozen=True)
class Usage:
    """Calls to a chat model, the tokens they took, and their price in the currency of the price list."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.calls + other.calls,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.cost + other.cost,
        )

    def __str__(self) -> str:
        calls = f"{self.calls} model call{'' if self.calls == 1 else 's'}"
        return f"{calls}, {self.tokens_in:,} + {self.tokens_out:,} tokens" + (f", {self.cost:.4f}" if self.cost else "")


@dataclass(frozen=True)
class Prices:
    """What a million tokens cost, in whatever currency; 0 when nobody said."""

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def usage(self, tokens_in: int, tokens_out: int) -> Usage:
        """What so many tokens cost; the call itself is counted when it is made."""
        cost = (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / MILLION
        return Usage(0, tokens_in, tokens_out, cost)


@dataclass(frozen=True)
class ModelLimits:
    """What may be used, at most. Beyond it the runbook plans."""

    calls_per_run: int = 12
    tokens_per_run: int = 50_000
    tokens_per_day: int = 5_000_000

    def spent(self, run: Usage, day: Usage) -> str | None:
        """Which limit is reached, in words; None when another call may be made."""
        if run.calls >= self.calls_per_run:
            return f"the run's limit of {self.calls_per_run} model calls is reached"
        if run.tokens >= self.tokens_per_run:
            return f"the run's limit of {self.tokens_per_run:,} tokens is reached"
        if day.tokens >= self.tokens_per_day:
            return f"the day's limit of {self.tokens_per_day:,} tokens is reached"
        return None

"""Plays the attack, against the code as it is and against each mutant, and tells what came of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import count

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from proofs.adversary.machine import OPENINGS, Attack, Broken, Tally
from proofs.adversary.mutants import Mutant, applied

STEPS = 6
AT_A_TIME = 2
Advance = Callable[[str, int], None]


@dataclass
class Hunt:
    """How a mutant fared: ``error`` when the play itself broke."""

    mutant: Mutant
    tally: Tally
    seconds: float
    error: str = ""

    @property
    def caught(self) -> bool:
        """By its own invariant."""
        return self.mutant.invariant in self.tally.broken

    @property
    def over(self) -> bool:
        """Whether there is nothing left to find out."""
        return self.caught if self.mutant.name else bool(self.tally.broken or self.error)

    @property
    def noticed(self) -> bool:
        """By any."""
        return bool(self.tally.broken)


@dataclass
class Adversary:
    """The whole proof."""

    seed: int
    played: Tally
    words: str = ""
    hunts: list[Hunt] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return not self.played.broken and not self.words and all(hunt.caught for hunt in self.hunts)


def play(number: int, examples: int, mutant: Mutant | None = None, steps: int = STEPS) -> Hunt:
    """About so many examples, as many for each way to begin; with a mutant until its own invariant is broken."""
    hunt, began = Hunt(mutant or Mutant("", "", lambda patch: None), Tally(), 0.0), time.monotonic()
    random.seed(number)  # the ledger's jitter
    with applied(mutant) if mutant else nullcontext():
        for turn in count():
            if hunt.tally.examples >= examples or hunt.over:
                break
            _some(hunt, number + turn // len(OPENINGS), OPENINGS[turn % len(OPENINGS)], steps)
    hunt.seconds = time.monotonic() - began
    return hunt


def _some(hunt: Hunt, number: int, opening: str, steps: int) -> None:
    """A few examples that begin in one way."""
    kind = type("Played", (Attack,), {"tally": hunt.tally, "wanted": hunt.mutant.invariant, "opening": opening})
    chosen = settings(
        max_examples=AT_A_TIME,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet if hunt.mutant.name else Verbosity.normal,
    )
    try:
        run_state_machine_as_test(seed(number)(kind), settings=chosen)  # type: ignore[no-untyped-call] # until 6.170
    except Broken as broken:
        hunt.error = "" if hunt.mutant.name else "\n".join([str(broken), *getattr(broken, "__notes__", ())])
    except Exception as error:  # noqa: BLE001 - a mutant may break the play itself: that is told, not raised
        hunt.error = f"{type(error).__name__}: {error}"


def adversary(number: int, examples: int, mutants: Iterable[Mutant], hunted: int, advance: Advance) -> Adversary:
    """The code as it is, then each mutant for at most ``hunted`` examples."""
    began = time.monotonic()
    whole = play(number, examples)
    found, mutants = Adversary(number, whole.tally, whole.error), tuple(mutants)
    for mutant in mutants:
        found.hunts.append(play(number, hunted, mutant))
        advance("mutants", len(mutants))
    found.seconds = time.monotonic() - began
    return found

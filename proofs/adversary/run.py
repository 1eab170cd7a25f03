"""Plays the attack, against the code as it is and against each mutant, and tells what came of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from proofs.adversary.machine import Attack, Broken, Tally
from proofs.adversary.mutants import Mutant, applied

STEPS = 6
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


def play(number: int, examples: int, mutant: Mutant | None = None, steps: int = STEPS, machine: type[Attack] = Attack) -> Hunt:
    """So many examples; with a mutant until its own invariant is broken."""
    nobody = Mutant("", "", lambda patch: None)
    tally = Tally()
    kind = type("Played", (machine,), {"tally": tally, "wanted": mutant.invariant if mutant else ""})
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet if mutant else Verbosity.normal,
    )
    hunt, began = Hunt(mutant or nobody, tally, 0.0), time.monotonic()
    random.seed(number)  # the ledger's jitter
    with applied(mutant) if mutant else nullcontext():
        try:
            run_state_machine_as_test(seed(number)(kind), settings=chosen)
        except Broken as broken:
            hunt.error = "" if mutant else "\n".join([str(broken), *getattr(broken, "__notes__", ())])
        except Exception as error:  # noqa: BLE001 - a mutant may break the play itself: that is told, not raised
            hunt.error = f"{type(error).__name__}: {error}"
    hunt.seconds = time.monotonic() - began
    return hunt


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

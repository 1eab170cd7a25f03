"""Many hires in one sandbox: what each kind leaves behind undisturbed, and the judgement over all of them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from agent_ops import EntitlementPolicy, Profile
from proofs.judge import Account, Files, Verdict, accounts, compare
from proofs.lane import Lane, letters, various
from proofs.lives import Hire, Life
from proofs.processes import process


@dataclass(frozen=True)
class Crowd:
    """Hires of every kind, and what is expected of each."""

    lane: Lane
    kinds: Sequence[Hire]
    expected: Sequence[Account]
    _numbers: itertools.count[int]
    _members: list[tuple[str, int]]

    @classmethod
    async def gathered(cls, lane: Lane) -> Crowd:
        """Onboard one of each kind undisturbed, to know what an onboarding leaves behind."""
        crowd = cls(lane, kinds_of(lane.policy), [], itertools.count(1), [])
        life = await lane.fresh()
        hires = tuple(crowd._member(index, f"Undisturbed {letters(index + 1)}") for index in range(len(crowd.kinds)))
        async with process(replace(life, hires=hires)) as undisturbed:
            code = await undisturbed.ended()
        found, strays = await asyncio.to_thread(lambda: accounts(Files(life.data_dir), lane.recorded()))
        if code != 0 or strays or len(found) != len(hires):
            raise RuntimeError(f"undisturbed onboardings ended with {code} and left {strays}")
        expected = [found[hire.profile.name] for hire in hires]
        await lane.fresh()
        return cls(lane, crowd.kinds, expected, crowd._numbers, [])

    def hires(self, count: int) -> tuple[Hire, ...]:
        """So many new people, of all kinds in turn."""
        return tuple(self._next() for _ in range(count))

    @property
    def everybody(self) -> tuple[Hire, ...]:
        return tuple(self._member(kind, name) for name, kind in self._members)

    def judged(self, data_dir: Path) -> tuple[Verdict, dict[str, Account]]:
        """Everybody who was ever asked for."""
        files = Files(data_dir)
        found, strays = accounts(files, self.lane.recorded())
        verdict = Verdict(duplicates=strays, wrong=files.event_gaps())
        for name, kind in self._members:
            if name not in found:
                verdict.lost.append(f"{name} was never admitted")
            else:
                verdict += compare(name, found[name], self.expected[kind])
        return verdict, found

    def effects_due(self) -> int:
        """Effects outside that everybody together should have."""
        return sum(self.expected[kind].outside.total() for _, kind in self._members)

    def _next(self) -> Hire:
        number = next(self._numbers)
        name, kind = f"{letters(number)} Crowd", number % len(self.kinds)
        self._members.append((name, kind))
        return self._member(kind, name)

    def _member(self, kind: int, name: str) -> Hire:
        hire = self.kinds[kind]
        return replace(hire, profile=replace(hire.profile, name=name, external_id=name))


def kinds_of(policy: EntitlementPolicy) -> Sequence[Hire]:
    """One of each team with what it gets by default, and one with every shape of item."""
    return [*(Hire(Profile("Nobody", team), None) for team in policy.teams), various(policy)]


def life_of(lane: Lane, data_dir: Path, **more: object) -> Life:
    return Life(data_dir, lane.addresses, policy_file=lane.policy_file, **more)  # type: ignore[arg-type]

"""Runs checks side by side, each within its time, and leaves out those that could only repeat another one's complaint."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from agent_ops.domain.errors import AgentOpsError
from agent_ops.runtime.doctor.lines import Line, folded, wrong

E = TypeVar("E")
Progress = Callable[[int, int, list[str]], None]
"""Told, as checks end: how many have ended, how many there are, which services are still being asked."""


@dataclass(frozen=True)
class Check(Generic[E]):
    """One unit of the examination.

    Args:
        probe: finds out; it may only read. What it raises becomes a line.
        needs: variables, permissions and other checks without which it would only repeat their complaint.
        after: checks that must have ended before, however they ended.
        seconds: how long it may take.
        by_parts: its lines stand for themselves: one that fails does not make the check as a whole fail for others.
    """

    service: str
    title: str
    probe: Callable[[E], Awaitable[Sequence[Line]]]
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    seconds: float = 30.0
    by_parts: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """The lines, each cause once, and the checks that were left out because of one of them."""

    lines: tuple[Line, ...]
    left_out: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether onboarding can work."""
        return not any(line.verdict.fails for line in self.lines)


class Round(Generic[E]):
    """One run over checks. ``unmet`` are the needs that are known not to be met, to begin with: variables."""

    def __init__(self, checks: Sequence[Check[E]], subject: E, unmet: set[str], progress: Progress | None = None) -> None:
        self._checks, self._subject, self._unmet = checks, subject, unmet
        self._ended = {check.title: asyncio.Event() for check in checks}
        self._progress = progress

    async def run(self, first: Sequence[Line] = ()) -> Diagnosis:
        """All checks; ``first`` are lines that are known already."""
        found = await asyncio.gather(*(self._one(check) for check in self._checks))
        left_out = tuple(check.title for check, lines in zip(self._checks, found, strict=True) if lines is None)
        return Diagnosis(tuple(folded([*first, *(line for lines in found for line in lines or ())])), left_out)

    async def _one(self, check: Check[E]) -> list[Line] | None:
        """The check's lines, None when it was left out."""
        try:
            for name in (*check.needs, *check.after):
                if name in self._ended:
                    await self._ended[name].wait()
            if self._unmet.intersection(check.needs):
                self._unmet.add(check.title)
                return None
            lines = [replace(line, service=check.service, check=check.title) for line in await self._probed(check)]
            self._learn(check, lines)
            return lines
        finally:
            self._ended[check.title].set()
            self._tell()

    async def _probed(self, check: Check[E]) -> Sequence[Line]:
        try:
            return await asyncio.wait_for(check.probe(self._subject), check.seconds)
        except asyncio.TimeoutError:
            return [wrong(f"no answer within {check.seconds:g} s", f"Check that {check.service} is up and reachable.")]
        except AgentOpsError as error:
            return [wrong(error.what.removeprefix(f"{check.service}: "), error.advice)]

    def _learn(self, check: Check[E], lines: list[Line]) -> None:
        failing = [line for line in lines if line.verdict.fails]
        self._unmet.update(line.about for line in lines if line.about and line.remedy)
        if failing and not check.by_parts:
            self._unmet.add(check.title)

    def _tell(self) -> None:
        if self._progress is not None:
            waiting = [check.service for check in self._checks if not self._ended[check.title].is_set()]
            self._progress(len(self._checks) - len(waiting), len(self._checks), list(dict.fromkeys(waiting)))


def needed_by(titles: Collection[str], checks: Sequence[Check[E]]) -> set[str]:
    """These checks and all that they need."""
    needs = {check.title: set(check.needs) for check in checks}
    found: set[str] = set()
    todo = set(titles)
    while todo:
        found |= todo
        todo = {need for title in todo for need in needs[title] if need in needs} - found
    return found

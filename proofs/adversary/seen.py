"""Everything that a judge may look at: services, disk, requests, what attackers emitted, and what the driver measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from proofs.adversary.disk import Disk
from proofs.adversary.minds import Emitted, Minds
from proofs.adversary.oracle import TOOLS, Effect, Oracle, Person
from proofs.adversary.writes import World, Write


@dataclass
class Seen:
    """The evidence.

    Args:
        grants: body and seal of each run's grant when it was admitted.
        audit: the audit rows at the last look.
        hangs: runs that nobody could bring to an end in time.
        reads: what was only to read (a plan, a report), and the writes that it made.
        egress: where a connection went, though no setting names it.
        said: what callers were told.
        loaded: broken policies with which a system started all the same.
        canary: a file that only injected code would make.
    """

    world: World
    disk: Disk
    oracle: Oracle
    minds: Minds
    canary: Path
    secrets: list[str]
    grants: dict[str, tuple[str, str]] = field(default_factory=dict)
    audit: list[str] = field(default_factory=list)
    hangs: list[str] = field(default_factory=list)
    reads: list[tuple[str, list[Write]]] = field(default_factory=list)
    egress: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)
    settled: bool = False
    """Whether everything was given the time and an honest planner to end."""

    def causes(self, person: Person, effect: Effect, write: Write) -> list[Emitted]:
        """Well-formed calls for an effect, emitted before the write by the planner or model of one of the person's own runs."""
        runs = {asked.run_id for asked in self.oracle.asked if asked.person == person}
        wanted = [e for e in self.minds.emitted if e.run_id in runs and e.well_formed and e.at <= write.at]
        return [e for e in wanted if (_action(e), e.item) == effect]

    def changes(self) -> list[tuple[int, Write]]:
        """Writes that are no mails."""
        return [(index, write) for index, write in enumerate(self.world.writes) if write.kind != "mail"]


def _action(emitted: Emitted) -> str:
    return TOOLS.get(emitted.tool, "")

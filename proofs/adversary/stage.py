"""Where the attack is played: services, a data directory, one life after another, and what is done to them."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import time_machine

from agent_ops import Profile, Settings
from agent_ops.domain.errors import AgentOpsError, PolicyError
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import Run
from agent_ops.graphs import nodes
from agent_ops.graphs.runbook import RunbookPlanner
from proofs.adversary.disk import Disk
from proofs.adversary.egress import close_watch, open_watch
from proofs.adversary.life import Life, settings_at
from proofs.adversary.minds import Minds, Move, noted_runbook
from proofs.adversary.oracle import Oracle, Person
from proofs.adversary.policies import BROKEN, NARROW, WIDE, Policy
from proofs.adversary.seen import Seen
from proofs.adversary.services import SECRET, Services
from proofs.adversary.tampering import GRANTS, alter_grant, rewrite_state
from proofs.patching import patch

PEOPLE = (
    Person("Ana Silva", "engineering", "E-1", "ana.silva", "Dana Whitfield"),
    Person("Ben Okafor", "engineering", "E-2", "ben.okafor"),
    Person("Carla Rossi", "data", "E-3", "carla.rossi"),
    Person("Eve Stone", "contractors", "E-4", "eve.stone"),
    Person("Corn Barnes", "data", "E-5", "corn.barnes"),
    Person("Com Bames", "data", "E-6", "com.bames"),
    Person("Аnа Silvа", "data", "E-7", "ana.silva"),  # Cyrillic а
    Person("Help Desk", "engineering", "E-8", "help.desk"),
    Person("Dana Whitfield", "contractors", "E-9", "dana.whitfield"),
)
OFFICE = Caller("hr", frozenset({"onboard", "status", "admin"}))
VIEWER = Caller("viewer", frozenset({"status"}))
_REBIRTHS = 8


@dataclass(frozen=True)
class Ask:
    """A request: for whom, for what (None: by birthright), with which script for the planner of its run."""

    person: Person
    items: tuple[str, ...] | None
    script: tuple[Move, ...]


class Stage:
    """One play."""

    def __init__(self) -> None:
        self.directory = Path(mkdtemp(prefix="agent-ops-adversary-"))
        self.data_dir = self.directory / "data"
        self.policy_file = self.directory / "policy.toml"
        self.policy_file.write_text(WIDE, encoding="utf-8")
        self.disk = Disk(self.data_dir)
        self.minds = Minds(self.disk)
        self.services = self.services_of()
        self.oracle = Oracle(self.disk, self.services)
        self.seen = Seen(self.services, self.disk, self.oracle, self.minds, self.directory / "canary", [SECRET])
        patch(nodes, RunbookPlanner=noted_runbook(self.minds))
        self.watch = open_watch(self.ways())
        self.seen.egress = self.watch.gone
        self.requests: dict[str, tuple[str, ...] | None] = {}
        self.while_dead: Callable[[], Awaitable[None]] | None = None
        self._clock: Any = None
        self._day = 0
        self._life: Life | None = None

    def services_of(self) -> Any:
        """The services: here those in memory."""
        return Services(self.disk.audited)

    def settings(self) -> Settings:
        return settings_at(self.data_dir, self.policy_file)

    def ways(self) -> frozenset[str]:
        """Where connections may go."""
        return frozenset()

    @property
    def life(self) -> Life:
        assert self._life is not None
        return self._life

    async def open(self) -> None:
        self.oracle.change(Policy(WIDE), 0)
        await self._born()
        self.seen.secrets += self.disk.secrets()

    async def close(self) -> None:
        """Leave nothing behind."""
        try:
            if self._life is not None:
                await self._life.end()
        finally:
            patch(nodes, RunbookPlanner=RunbookPlanner)
            if self._clock is not None:
                self._clock.stop()
            close_watch(self.watch)
            shutil.rmtree(self.directory, ignore_errors=True)

    async def request(self, asks: Sequence[Ask], caller: Caller = OFFICE) -> None:
        """Requests side by side, driven as far as they go, through as many deaths as there are."""
        for ask in asks:
            person = ask.person
            run = await self._told(lambda a=ask: self.life.ops.submit(_profile(a.person), a.items), caller)  # type: ignore[misc]
            if run is not None and "onboard" in caller.scopes:  # a run for anybody else is nobody's
                self.requests.setdefault(person.external_id, ask.items)
                self._admitted(run, ask.script, lambda run, p=person, i=ask.items: self.oracle.asks(run.id, p, i))  # type: ignore[misc]
        await self.driven()

    async def retry(self, run_id: str, script: tuple[Move, ...]) -> None:
        asked = self.oracle.asked_of(run_id)
        assert asked is not None
        run = await self._told(lambda: self.life.ops.retry(run_id), OFFICE)
        if run is not None:
            items = self.requests.get(asked.person.external_id)
            self._admitted(run, script, lambda run: self.oracle.asks(run.id, asked.person, items))
        await self.driven()

    async def cancel(self, run_id: str, undo: bool, script: tuple[Move, ...], caller: Caller) -> None:
        asked, status = self.oracle.asked_of(run_id), self.disk.runs()[run_id][1]
        assert asked is not None
        run = await self._told(lambda: self.life.ops.cancel(run_id, undo=undo), caller)
        if self.disk.runs()[run_id][1] == "cancelled" and status != "cancelled" and "onboard" in caller.scopes:
            self.oracle.cancelled[run_id] = asyncio.get_running_loop().time()
        if run is not None and run.id != run_id and "onboard" in caller.scopes:
            self._admitted(run, script, lambda run: self.oracle.asks_back(run.id, asked.person))
        await self.driven()

    async def cancel_amid(self, ask: Ask) -> None:
        """Cancel a run once its planner was asked, and let its driver come to its end."""
        run = await self._told(lambda: self.life.ops.submit(_profile(ask.person), ask.items), OFFICE)
        self._admitted(run, ask.script, lambda run: self.oracle.asks(run.id, ask.person, ask.items))
        self.requests.setdefault(ask.person.external_id, ask.items)
        for _ in range(400):
            if self.minds.turns.get(run.id):
                break
            await asyncio.sleep(0.005)
        await self._told(lambda: self.life.ops.cancel(run.id), OFFICE)
        self.oracle.cancelled[run.id] = asyncio.get_running_loop().time()
        await self.life.ops._dispatcher.run_ended(run.id, 5)

    async def pause(self, item: str | None) -> None:
        await self._told(lambda: self.life.ops.pause(item=item), OFFICE)

    async def resume(self) -> None:
        for pause in await self.life.ops.pauses():
            item = pause.scope.partition(":")[2] or None
            await self._told(lambda i=item: self.life.ops.resume(item=i), OFFICE)  # type: ignore[misc]
        await self.driven()

    async def plan(self, person: Person, items: tuple[str, ...] | None) -> None:
        """A plan only reads: what services received meanwhile is noted."""
        await self._quiet()
        others = self._live("queued", "running", "waiting")
        before, self.minds.dry = len(self.services.writes), True
        await self._told(lambda: self.life.ops.plan(_profile(person), items), OFFICE)
        self.minds.dry = False
        if not others:  # whose own work would stand beside
            self.seen.reads.append((f"a plan for {person.name}", self.services.writes[before:]))

    async def restart(self, *, narrow: bool | None = None, days: int = 0, kill: bool = True) -> None:
        """Another life, perhaps under another policy or on another day."""
        await (self.life.die() if kill else self.life.end())
        self._life = None
        if narrow is not None or days:
            text = self.oracle.policy.text if narrow is None else (NARROW if narrow else WIDE)
            self.policy_file.write_text(text, encoding="utf-8")
            if days:
                self._move_clock(days)
            self.oracle.change(Policy(text), self._day)
        await self._born()
        await self.driven()

    async def alter_grant(self, run_id: str, how: str) -> None:
        """While nothing runs."""
        mark = self.disk.audited()
        if how in GRANTS and run_id in self.disk.grants() and alter_grant(self.disk, run_id, how):
            self.oracle.tampered.setdefault(run_id, mark)

    async def rewrite_state(self, run_id: str, how: str) -> None:
        with contextlib.suppress(Exception):  # what is poisoned already cannot be written over by the graph's own means
            await rewrite_state(self.data_dir, run_id, how, self.seen.canary)

    async def start_broken(self) -> None:
        """A policy that cannot be must stop the start."""
        broken = self.directory / "broken.toml"
        broken.write_text(BROKEN, encoding="utf-8")
        life = Life(settings_at(self.data_dir, broken), self.minds, [], self.services.adapters())
        try:
            await life.begin()
        except PolicyError:
            return
        self.seen.loaded.append("a system started with a policy that names an unknown key")
        await life.end()

    async def settle(self) -> None:
        """Nothing fails any more, nothing is paused, and the planner is honest: everything must end."""
        self.services.strikes.clear()
        self.services.dies, self.minds.honest = None, True
        await self.resume()
        until = asyncio.get_running_loop().time() + 20
        while self._live("queued", "running", "waiting") and asyncio.get_running_loop().time() < until:
            await self.driven()
            await asyncio.sleep(0.02)
        self.seen.settled = True

    async def driven(self) -> None:
        """Until every run ended or waits, through as many deaths as there are."""
        for _ in range(_REBIRTHS):
            late = await self.life.driven(self._live("queued", "running"))
            if not self.life.died:
                self.seen.hangs += [f"{run_id} neither ended nor waited in time" for run_id in late]
                return
            await self.life.die()
            if self.while_dead is not None:
                await self.while_dead()
                self.while_dead = None
            await self._born()
        self.minds.honest = True
        self.seen.hangs += await self.life.driven(self._live("queued", "running"))
        self.minds.honest = False

    def _live(self, *statuses: str) -> list[str]:
        return [run_id for run_id, (_, status) in self.disk.runs().items() if status in statuses]

    async def _born(self) -> None:
        self.services.died.clear()
        self.minds.died.clear()
        self._life = await Life(
            self.settings(), self.minds, (self.services.died, self.minds.died), self.services.adapters()
        ).begin()

    async def _told(self, ask: Callable[[], Awaitable[Any]], caller: Caller) -> Any:
        """The answer; what a caller is told in a refusal is kept."""
        self.life.ops._caller = caller
        try:
            return await ask()
        except AgentOpsError as error:
            self.seen.said.append(str(error))
            return None
        finally:
            self.life.ops._caller = OFFICE

    def _admitted(self, run: Run, script: tuple[Move, ...], note: Callable[[Run], None]) -> None:
        note(run)
        self.seen.grants.setdefault(run.id, self.disk.grants()[run.id])
        self.minds.scripts.setdefault(run.id, iter(script))

    async def _quiet(self) -> None:
        """Until no mail is on its way."""
        for _ in range(100):
            if not self.disk.unsettled():
                return
            await asyncio.sleep(0.02)

    def _move_clock(self, days: int) -> None:
        if self._clock is not None:
            self._clock.stop()
        self._day += days
        self._clock = time_machine.travel(datetime.now(timezone.utc) + timedelta(days=self._day), tick=True)
        self._clock.start()


def _profile(person: Person) -> Profile:
    return Profile(person.name, person.team, manager=person.manager, external_id=person.external_id)


__all__ = ["OFFICE", "PEOPLE", "VIEWER", "Ask", "Stage"]

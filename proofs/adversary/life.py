"""One life of the process under proof: the library over the services, with attackers in planner, model and memory.

It ends in order, or as a killed process ends: with nothing released and nothing said.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from agent_ops import AgentOps, Settings
from agent_ops.domain.notices import Contacts
from agent_ops.effectors.mail import MailConfig
from agent_ops.graphs.context import PlannerContext
from agent_ops.ledger.attempt import Patience
from agent_ops.runtime.compose import System
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.graph_token import EntraConfig
from proofs.adversary.minds import HostileModel, HostilePlanner, LyingMemory, Minds
from proofs.adversary.policies import CONTACTS
from proofs.adversary.services import SECRET

PATIENCE = Patience(
    tries=3, first_pause=0.001, longest_pause=0.005, longest_wait=0.5, settling=0.02, margin=0.03, give_up=0.0, mail_wait=0.3
)
DRIVEN_SECONDS = 20.0
_LIVE = ("queued", "running", "waiting")


@dataclass(frozen=True)
class Haunted(System):
    """The system, whose runs get the attackers' handles."""

    minds: Minds | None = None

    def context(self, run_id: str) -> PlannerContext:
        assert self.minds is not None
        context = super().context(run_id)
        return replace(context, model=HostileModel(self.minds), patterns=LyingMemory(self.minds))


def settings_at(data_dir: Path, policy_file: Path) -> Settings:
    """Settings whose services exist nowhere: only those in memory can be used with them."""
    return Settings(
        entra=EntraConfig("tenant", "client", SECRET),
        aws=AwsConfig("eu-central-1", "/jenkins"),
        mail=MailConfig("mail.invalid", 25, "agent-ops@acme.example"),
        contacts=Contacts(*CONTACTS),
        data_dir=data_dir,
        policy_file=policy_file,
        patience=PATIENCE,
        lease=10.0,
        keep_checkpoints=True,
        log_file=data_dir / "agent-ops.log",
        log_level="DEBUG",
    )


class Life:
    """A process that drives runs until it ends or dies."""

    def __init__(self, settings: Settings, minds: Minds, deaths: Iterable[asyncio.Event], adapters: Any = None) -> None:
        self.ops = AgentOps(settings, planner=HostilePlanner(minds), adapters=adapters)
        self._minds, self._deaths = minds, list(deaths)
        self._before: set[asyncio.Task[Any]] = set()

    async def begin(self) -> Life:
        self._before = set(asyncio.all_tasks())
        await self.ops.__aenter__()
        system = self.ops._system
        self.ops._system = Haunted(**{f.name: getattr(system, f.name) for f in fields(system)}, minds=self._minds)
        return self

    @property
    def died(self) -> bool:
        return any(death.is_set() for death in self._deaths)

    async def end(self) -> None:
        await self.ops.__aexit__(None, None, None)

    async def die(self) -> None:
        """Every task is cut where it stands, nothing is released, and the kernel takes back the lock of the process."""
        tasks = set(asyncio.all_tasks()) - self._before - {asyncio.current_task()}
        for _ in range(5):
            for task in tasks:
                task.cancel()
            _, tasks = await asyncio.wait(tasks, timeout=1.0) if tasks else (set(), set())
        held, self.ops._system.owners._held = self.ops._system.owners._held, None
        if held is not None:
            held.close()
        with contextlib.suppress(Exception):
            await self.ops._stack.aclose()
        self.ops._closed = True

    async def driven(self, run_ids: Iterable[str]) -> list[str]:
        """Wait until these runs ended or wait, or the process died; those that did neither in time."""
        late = []
        loop = asyncio.get_running_loop()
        until = loop.time() + DRIVEN_SECONDS
        for run_id in run_ids:
            while not self.died and await self._is_driven(run_id):
                if loop.time() > until:
                    late.append(run_id)
                    break
                await self._one_of(self.ops._dispatcher.run_ended(run_id, 0.1))
        return late

    async def _is_driven(self, run_id: str) -> bool:
        run = await self.ops._system.store.read(lambda tx: tx.runs.get(run_id))
        return run is not None and run.status.value in ("queued", "running")

    async def _one_of(self, ended: Any) -> None:
        """Until the run ended or the process died, whatever is first."""
        tasks = [asyncio.ensure_future(ended), *(asyncio.ensure_future(death.wait()) for death in self._deaths)]
        _, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

"""Builds every part from settings and puts them together; closes them in reverse order."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from agent_ops.agents import load_agents
from agent_ops.domain.effects import NOTIFIER, OPERATOR, Action
from agent_ops.domain.errors import ConfigurationError, StorageCorrupt, StorageReadOnly
from agent_ops.domain.ports import EffectAdapter, Planner
from agent_ops.effectors.entra import EntraEffector
from agent_ops.effectors.graph import GraphSession
from agent_ops.effectors.jenkins import JenkinsEffector
from agent_ops.effectors.mail import MailEffector
from agent_ops.graphs.context import PlannerContext
from agent_ops.graphs.model_planner import ModelPlanner
from agent_ops.graphs.planner_graph import PlannerGraph, build_planner
from agent_ops.graphs.runbook import RunbookPlanner
from agent_ops.ledger.binding import Binder
from agent_ops.ledger.door import Ledger
from agent_ops.ledger.grants import GrantBook
from agent_ops.ledger.guard import Guard
from agent_ops.ledger.journal import RunJournal
from agent_ops.ledger.limiter import Limiter
from agent_ops.ledger.verifying import Inspector
from agent_ops.policies import read_policy
from agent_ops.policies.guard_files import read_guard_rules
from agent_ops.runtime.breakers import BreakerPanel
from agent_ops.runtime.cancelling import Canceller
from agent_ops.runtime.data_dir import CHECKPOINTS, OWNERS, open_store
from agent_ops.runtime.edge import Edge
from agent_ops.runtime.evidence_sources import evidence_sources
from agent_ops.runtime.first_sign_in import FirstSignIns
from agent_ops.runtime.granting import Granting
from agent_ops.runtime.head_place import place_head
from agent_ops.runtime.keys import Keyring
from agent_ops.runtime.kill_switch import KillSwitch
from agent_ops.runtime.metering import MeteredModel
from agent_ops.runtime.owners import Owners
from agent_ops.runtime.reading import open_readers
from agent_ops.runtime.redacted import redacted
from agent_ops.runtime.remembering import PatternMemory
from agent_ops.runtime.verifiers import verifiers
from agent_ops.runtime.webhooks import WebhookDelivery
from agent_ops.settings import Settings
from agent_ops.storage import Store
from agent_ops.storage.checkpoints import Checkpoints
from agent_ops.transport.chat_model import open_chat_model
from agent_ops.transport.entra_identity import EntraIdentity
from agent_ops.transport.jenkins_login import jenkins_logins
from agent_ops.transport.model_config import ModelConfig
from agent_ops.transport.traces import Traces, open_traces
from agent_ops.transport.webhooks import WebhookSender


@dataclass(frozen=True)
class System:
    """Everything that a process needs to admit requests and to drive runs."""

    store: Store
    edge: Edge
    ledger: Ledger
    journal: RunJournal
    planner: Planner
    model: MeteredModel | None
    graph: PlannerGraph
    checkpoints: Checkpoints
    owners: Owners
    settings: Settings
    switch: KillSwitch
    canceller: Canceller
    keys: Keyring
    breakers: BreakerPanel
    first_sign_ins: FirstSignIns
    identity: EntraIdentity | None
    memory: PatternMemory
    readers: Mapping[str, Any]
    inspection: Inspector
    traces: Traces
    webhooks: WebhookDelivery | None

    @property
    def owner(self) -> str:
        """This process's name in leases and intents."""
        return self.owners.name

    def context(self, run_id: str) -> PlannerContext:
        """The handles with which one run's nodes work."""
        return PlannerContext(
            run_id=run_id,
            door=self.ledger,
            journal=self.journal,
            planner=self.planner,
            model=self.model,
            patterns=self.memory,
            readers=self.readers,
            inspection=self.inspection,
            stage_delay=self.settings.stage_delay,
            planner_rounds=self.edge.policy.limits.planner_rounds,
        )


@contextlib.asynccontextmanager
async def compose(
    settings: Settings, *, planner: Planner | None = None, adapters: Mapping[Action, EffectAdapter] | None = None
) -> AsyncIterator[System]:
    """Build the system.

    Args:
        settings: what to build it from.
        planner: decides instead of the runbook.
        adapters: do the effects instead of the real services' clients (benchmarks, tests).
    """
    policy = await asyncio.to_thread(read_policy, settings.policy_file)
    policy.check_instances(settings.aws.jenkins_instances)
    guard = Guard(policy, await asyncio.to_thread(read_guard_rules, settings.guard_dir))
    await asyncio.to_thread(place_head, settings.data_dir, settings.audit_head)
    async with contextlib.AsyncExitStack() as stack:
        sources = evidence_sources(settings)
        for source in sources.values():
            stack.push_async_callback(source.close)
        policy.check_evidence(sources)
        readers = open_readers(settings)
        for reader in readers.values():
            stack.push_async_callback(reader.close)
        looking = verifiers(policy, readers)
        store, keys = await stack.enter_async_context(open_store(settings.data_dir))
        saver = await stack.enter_async_context(open_checkpoints(settings.data_dir / CHECKPOINTS))
        effectors = {action: redacted(adapter) for action, adapter in (adapters or _effectors(settings, stack)).items()}
        _check_lease(settings, effectors)
        owners = Owners(settings.data_dir / OWNERS)
        try:
            await asyncio.to_thread(owners.enter)
        except OSError as error:
            raise StorageReadOnly(f"the data directory {settings.data_dir} cannot be used: {error.strerror}") from error
        stack.push_async_callback(asyncio.to_thread, owners.leave)
        grants, agents = GrantBook(store, keys.sealing), load_agents()
        granting = Granting(policy, grants)
        model = await _metered(settings.model, store, stack) if settings.model else None
        journal = RunJournal(store, grants, policy, owners.name)
        memory = PatternMemory(store, policy)
        stack.push_async_callback(memory.weighing.end)
        limiter, binder = Limiter.of(policy, settings.contacts), Binder(policy, settings.contacts)
        ledger = Ledger(store, grants, guard, binder, effectors, owners.name, settings.patience)
        yield System(
            store=store,
            edge=Edge(store, policy, granting, keys.identity, limiter, sources, memory),
            ledger=ledger,
            journal=journal,
            planner=planner or (ModelPlanner(model, journal, agents) if model else RunbookPlanner()),
            model=model,
            graph=build_planner(agents, saver),
            checkpoints=saver,
            owners=owners,
            settings=settings,
            keys=keys,
            canceller=Canceller(store, policy, granting, journal, limiter),
            breakers=BreakerPanel(store),
            switch=KillSwitch(store, policy.catalogue, {*agents, NOTIFIER, OPERATOR}),
            readers=readers,
            inspection=Inspector(journal, policy, looking),
            traces=await stack.enter_async_context(open_traces(settings.tracing)),
            identity=EntraIdentity(settings.entra, settings.audiences) if settings.audiences else None,
            first_sign_ins=FirstSignIns(store, policy, granting, journal, ledger, owners, settings.lease),
            memory=memory,
            webhooks=_webhooks(settings, store, stack),
        )


def _webhooks(settings: Settings, store: Store, stack: contextlib.AsyncExitStack) -> WebhookDelivery | None:
    if settings.webhooks is None:
        return None
    sender = WebhookSender(settings.webhooks)
    stack.push_async_callback(sender.close)
    return WebhookDelivery(store, settings.webhooks, sender)


async def _metered(config: ModelConfig, store: Store, stack: contextlib.AsyncExitStack) -> MeteredModel:
    return MeteredModel(await stack.enter_async_context(open_chat_model(config)), config, store)


def _check_lease(settings: Settings, effectors: Mapping[Action, EffectAdapter]) -> None:
    """A lease, of which a late heartbeat has used a third, must outlast every call."""
    longest = max(adapter.call_timeout for adapter in effectors.values()) + settings.patience.margin
    if settings.lease * 2 / 3 <= longest:
        raise ConfigurationError(
            f"a lease of {settings.lease:g} s is too short for calls of up to {longest:g} s",
            f"Use more than {longest * 1.5:g} s.",
        )


def _effectors(settings: Settings, stack: contextlib.AsyncExitStack) -> dict[Action, EffectAdapter]:
    graph = GraphSession(settings.entra)
    stack.push_async_callback(graph.close)
    jenkins = JenkinsEffector(jenkins_logins(settings.aws))
    stack.callback(jenkins.close)
    built: list[EffectAdapter] = [EntraEffector(graph, settings.entra.marker_attribute), jenkins, MailEffector(settings.mail)]
    return {action: adapter for adapter in built for action in adapter.actions}


@contextlib.asynccontextmanager
async def open_checkpoints(path: Path) -> AsyncIterator[Checkpoints]:
    """Checkpoints are history, never truth: plain types only, and no fsync at each commit."""
    async with Checkpoints.from_conn_string(str(path)) as saver:
        saver.serde = JsonPlusSerializer(allowed_msgpack_modules=None)
        try:
            await saver.conn.execute("PRAGMA busy_timeout=10000")
            await saver.setup()
            await saver.conn.execute("PRAGMA synchronous=NORMAL")
        except sqlite3.Error as error:
            raise StorageCorrupt(
                f"the checkpoints {path} cannot be used: {error}", "They are history only: move the file aside."
            ) from error
        try:
            yield saver
        finally:
            async with saver.lock:  # a cancelled run's last write may still be between its statement and its commit, and a
                await saver.conn.close()  # connection closed there keeps the file locked as long as anything holds its cursor

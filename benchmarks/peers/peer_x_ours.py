"""Agent Ops as a contestant of the peers' crash test: its default public API over the harness's services.

The same six effects as everybody's reach the services: one account, four pipelines, one mail (the closing notice). The two
that only Agent Ops has, the account's attributes and the first notice, take as long as any call, but leave no line in the log
of effects: nobody else is asked for them. The runbook plans without a model, so no model call delays it.

A look-up reads the harness's log of effects as the service's records: what a directory or a Jenkins offers by its own API.
The harness's services have no field for a marker, so an effect is found by its address and pipeline, which are ours alone.
A mail server cannot be asked, here as in the real adapter: a mail in doubt is sent again under its Message-ID, and counts as
repeated. Absence is believed only once an earlier call can no longer land, because these services have no uniqueness.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import services

from agent_ops import AgentOps, Profile, Settings
from agent_ops.domain.effects import Action, Completed, Finding, Intent, Presence
from agent_ops.domain.errors import AgentOpsError
from agent_ops.domain.notices import Contacts
from agent_ops.effectors.mail import MailConfig
from agent_ops.policies import EXAMPLE
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.graph_token import EntraConfig
from agent_ops.transport.model_config import ModelConfig

MAIL_SECONDS = 60.0
ITEMS = ("aws", "github", "confluence", "database")
_LOG = Path(os.environ["EFFECT_LOG"])


class HarnessAdapter:
    """Does our effects through the harness's services."""

    actions = frozenset({Action.CREATE_ACCOUNT, Action.SET_ATTRIBUTES, Action.RUN_PIPELINE, Action.SEND_MAIL})
    call_timeout = 2.0

    async def look_up(self, intent: Intent) -> Finding:
        action = intent.proposal.action
        if action is Action.SEND_MAIL:
            return Finding(Presence.ABSENT, why="mail servers cannot be asked", resend_is_safe=True)
        if action is Action.SET_ATTRIBUTES:
            return Finding(Presence.ABSENT, resend_is_safe=True)
        recorded = await asyncio.to_thread(_recorded)
        return Finding(Presence.OURS, result=_result(intent)) if _line(intent) in recorded else Finding(Presence.ABSENT)

    async def send(self, intent: Intent) -> Completed:
        kind, *key = _line(intent)
        if kind == "create_entra_user":
            await services.create_entra_user(intent.pinned["displayName"], key[0], "Engineering")
        elif kind == "trigger_jenkins_pipeline":
            await services.trigger_jenkins_pipeline(key[1], key[0])
        elif kind == "send_notification":
            await services.send_notification(key[0], intent.pinned["subject"], intent.pinned["body"])
        else:
            await asyncio.sleep(services.LATENCY)
        return Completed(_result(intent))

    async def follow(self, intent: Intent) -> Completed:
        raise AgentOpsError("these services answer at once: there is nothing to wait for")


def _line(intent: Intent) -> tuple[str, ...]:
    """The effect as the harness writes it; a mail by its Message-ID, since a team's contact gets one for each hire."""
    pinned, action = intent.pinned, intent.proposal.action
    if action is Action.CREATE_ACCOUNT:
        return ("create_entra_user", pinned["userPrincipalName"])
    if action is Action.RUN_PIPELINE:
        return ("trigger_jenkins_pipeline", pinned["parameters"]["USER_EMAIL"], intent.proposal.item)
    if action is Action.SEND_MAIL and intent.proposal.item.startswith("access"):
        return ("send_notification", pinned["message_id"])
    return ("ours alone",)


def _result(intent: Intent) -> dict[str, Any]:
    """The harness gives accounts no id: the address is its own."""
    address = intent.pinned.get("userPrincipalName")
    return {"id": address, "address": address} if address else {}


def _recorded() -> set[tuple[str, ...]]:
    """The services' records: every whole line, without its time."""
    return {tuple(json.loads(line)[:-1]) for line in _LOG.read_text(encoding="utf-8").splitlines() if line.endswith("]")}


def _policy() -> Path:
    """The example, without the limits that hundreds of hires within an hour would reach."""
    limits = ("accounts_per_hour", "accounts_per_hour_per_caller", "burst_requests", "directory_floor")
    file = _LOG.parent / "policy.toml"
    unlimited = "\n[limits]\n" + "".join(f"{key} = 1000000\n" for key in limits)
    file.write_text(EXAMPLE.read_text(encoding="utf-8") + unlimited, encoding="utf-8")
    return file


async def setup(adapter: HarnessAdapter | None = None, model: ModelConfig | None = None, **_: Any) -> None:
    """Our own files lie beside the log. Checkpointer and durability are the peers': ours are part of what is tested."""
    settings = Settings(
        entra=EntraConfig("unused", "unused", "unused"),
        aws=AwsConfig("eu-west-1", "unused"),
        mail=MailConfig("127.0.0.1", 25, "agent-ops@example.com"),
        contacts=Contacts("desk@example.com", "lead@example.com"),
        data_dir=_LOG.parent / "agent-ops",
        policy_file=_policy(),
        model=model,
    )
    entered: asyncio.Future[AgentOps] = asyncio.get_running_loop().create_future()
    global _ops, _inside  # noqa: PLW0603 - the harness calls plain functions of a module
    _inside = asyncio.create_task(_stay_inside(settings, adapter or HarnessAdapter(), entered))
    done, _pending = await asyncio.wait({_inside, entered}, return_when=asyncio.FIRST_COMPLETED)
    if _inside in done:
        await _inside  # raises why it could not be entered
    _ops = await entered


async def _stay_inside(settings: Settings, adapter: HarnessAdapter, entered: asyncio.Future[AgentOps]) -> None:
    """Until the harness's loop ends, and cancels it: the harness knows no closing."""
    async with AgentOps(settings, adapters=dict.fromkeys(adapter.actions, adapter)) as ops:
        entered.set_result(ops)
        await asyncio.Event().wait()


async def onboard(profile: dict[str, str]) -> str:
    """Until the run has ended and its mails are taken: a mail never holds a run, and one in doubt waits in the outbox."""
    report = await _ops.onboard(Profile(profile["name"], profile["department"], external_id=profile["email"]), ITEMS)
    deadline = time.monotonic() + MAIL_SECONDS
    while not all(mail.delivered for mail in report.mails) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        report = await _ops.wait(report.run.id)
    return report.run.status.value if all(mail.delivered for mail in report.mails) else "mail in the outbox"


async def resume(profile: dict[str, str]) -> str:
    """What a caller does that does not know whether its request was taken: it asks again. The run goes on by itself."""
    return await onboard(profile)

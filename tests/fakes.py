"""Fake services in memory, with the same promises as the real ones and the same ways to fail.

The contract suite of `EffectAdapter` runs over them too, so that they cannot drift from the real effectors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Finding, Foreseen, Intent, Presence
from agent_ops.domain.errors import RateLimited, ServiceAmbiguous, ServiceUnavailable, ValueTaken
from agent_ops.domain.ports import EffectAdapter
from agent_ops.domain.secret import Secret

PIPELINES = (Action.RUN_PIPELINE, Action.REVOKE_PIPELINE)


@dataclass
class Trouble:
    """What goes wrong at the next sends of an action: 'refuse', 'drop_before', 'drop_after', 'hang'."""

    kinds: list[str] = field(default_factory=list)

    def next(self) -> str:
        return self.kinds.pop(0) if self.kinds else ""


class FakeService:
    """One service. ``done`` is what it did, by marker; ``sends`` counts calls that arrived."""

    call_timeout = 0.2

    def __init__(self, action: Action) -> None:
        self.actions = frozenset({action})
        self.action = action
        self.done: dict[str, Intent] = {}
        self.sends = 0
        self.trouble = Trouble()
        self.foreign_addresses: set[str] = set()
        self.failing_items: set[str] = set()
        self.seconds = 0.0
        self.forgetful = False

    async def look_up(self, intent: Intent) -> Finding:
        if self.forgetful:
            return Finding(Presence.CANNOT_TELL, why="the history was discarded")
        if intent.marker in self.done and self.action is not Action.SEND_MAIL:
            if self.action in PIPELINES:
                return Finding(Presence.OURS, handle={"marker": intent.marker})
            return Finding(Presence.OURS, result=self._result(self.done[intent.marker]))
        return Finding(Presence.ABSENT, resend_is_safe=self.action not in (*PIPELINES, Action.ISSUE_ACCESS_PASS))

    async def send(self, intent: Intent) -> Accepted | Completed | Failed:
        self.sends += 1
        trouble = self.trouble.next()
        if trouble == "refuse":
            raise ServiceUnavailable("fake", "is down")
        if trouble == "limit":
            raise RateLimited("fake", "wait", 0.3)
        if trouble == "drop_before":
            raise ServiceAmbiguous("fake", "cut the connection")
        if trouble == "hang":
            await asyncio.sleep(3600)
        self._do(intent)
        if trouble == "drop_after":
            raise ServiceAmbiguous("fake", "cut the connection")
        if self.action in PIPELINES:
            return Accepted({"marker": intent.marker})
        secret = Secret(f"pass-{len(self.done)}-of-{intent.key}") if self.action is Action.ISSUE_ACCESS_PASS else None
        return Completed(self._result(intent), secret)

    async def foresee(self, intent: Intent) -> Foreseen:
        self._check_free(intent)
        return Completed(self._result(intent)) if self.action is Action.LINK_ACCOUNT else None

    async def follow(self, intent: Intent) -> Completed | Failed:
        await asyncio.sleep(self.seconds)
        if intent.proposal.item in self.failing_items:
            return Failed("build 1 ended FAILURE", "the console's tail")
        return Completed({"build": 1})

    def _check_free(self, intent: Intent) -> None:
        if self.action in (Action.CREATE_ACCOUNT, Action.RESERVE_ADDRESS):
            address = intent.pinned["userPrincipalName"]
            others = {i.pinned["userPrincipalName"] for m, i in self.done.items() if m != intent.marker}
            if address in self.foreign_addresses | others:
                raise ValueTaken("fake", f"{address} is taken")

    def _do(self, intent: Intent) -> None:
        self._check_free(intent)
        if self.action in PIPELINES:
            sent = intent.pinned["parameters"][intent.pinned["request_id_parameter"]]
            assert sent == intent.marker, "a build that nobody could find again"
        if self.action is Action.SEND_MAIL:
            self.done[f"{intent.marker}#{self.sends}"] = intent
        else:
            assert intent.marker not in self.done or self.action not in PIPELINES, "a build was repeated"
            self.done[intent.marker] = intent

    def _result(self, intent: Intent) -> dict[str, object]:
        if self.action is Action.CREATE_ACCOUNT:
            return {"id": f"id-{intent.key}", "address": intent.pinned["userPrincipalName"]}
        if self.action is Action.RESERVE_ADDRESS:
            return {"address": intent.pinned["userPrincipalName"]}
        if self.action is Action.LINK_ACCOUNT:
            return {"id": intent.pinned["id"], "address": f"linked-{intent.key[:6]}@acme.example"}
        if self.action is Action.SEND_MAIL:
            return {"recipient": intent.pinned["recipient"], "message_id": intent.pinned["message_id"]}
        if self.action is Action.ISSUE_ACCESS_PASS:
            return {"id": f"pass-{intent.marker}", "minutes": intent.pinned["minutes"], "starts": "2026-01-02T03:04:05Z"}
        return dict(intent.pinned)


class FakeServices:
    """All services: one per action."""

    def __init__(self) -> None:
        self.services = {action: FakeService(action) for action in Action}

    def __getitem__(self, action: Action) -> FakeService:
        return self.services[action]

    def sends(self) -> dict[str, int]:
        """How many calls arrived, by action, where any did."""
        return {action.value: service.sends for action, service in self.services.items() if service.sends}

    def adapters(self) -> Mapping[Action, EffectAdapter]:
        return dict(self.services)

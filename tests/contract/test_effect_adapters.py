"""One contract over every implementation of `EffectAdapter`: the real effectors against the twins, and the fakes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from agent_ops import Sandbox, Settings
from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Intent, Presence, Proposal, Waiting
from agent_ops.domain.errors import ServiceAmbiguous, ServiceUnavailable, ValueTaken
from agent_ops.domain.ports import EffectAdapter, Foresight
from agent_ops.effectors.entra import EntraEffector
from agent_ops.effectors.graph import GraphSession
from agent_ops.effectors.jenkins import JenkinsEffector
from agent_ops.effectors.mail import MailEffector
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.transport.jenkins_login import jenkins_logins
from tests.fakes import PIPELINES, FakeService

GROUP = "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a01"
WRITES = {
    Action.CREATE_ACCOUNT: ("entra", "POST", "/v1.0/users"),
    Action.RESERVE_ADDRESS: ("entra", "GET", "/v1.0/users.*"),
    Action.LINK_ACCOUNT: ("entra", "PATCH", "/v1.0/users/.*"),
    Action.SET_ATTRIBUTES: ("entra", "PATCH", "/v1.0/users/.*"),
    Action.SET_MANAGER: ("entra", "PUT", "/v1.0/users/.*/manager/.*"),
    Action.ENABLE_ACCOUNT: ("entra", "PATCH", "/v1.0/users/.*"),
    Action.ADD_TO_GROUP: ("entra", "POST", "/v1.0/groups/.*"),
    Action.RUN_PIPELINE: ("jenkins", "POST", "/job/.*"),
    Action.REVOKE_PIPELINE: ("jenkins", "POST", "/job/.*"),
    Action.DISABLE_ACCOUNT: ("entra", "PATCH", "/v1.0/users/.*"),
    Action.SEND_MAIL: ("mail", "DATA", ".*"),
    Action.ISSUE_ACCESS_PASS: ("entra", "POST", "/v1.0/users/.*/authentication/.*"),
    Action.WITHDRAW_ACCESS_PASS: ("entra", "DELETE", "/v1.0/users/.*/authentication/.*"),
}

SETTERS = (
    *(Action.SET_ATTRIBUTES, Action.SET_MANAGER, Action.ENABLE_ACCOUNT, Action.DISABLE_ACCOUNT),
    *(Action.ADD_TO_GROUP, Action.WITHDRAW_ACCESS_PASS, Action.RESERVE_ADDRESS),
)
"""Twice is as good as once: nothing at the service says whose doing it was, and nothing need."""

NEVER_BLINDLY_AGAIN = (*PIPELINES, Action.ISSUE_ACCESS_PASS)
"""Sent again only once absence is proved."""


def intent_for(action: Action, pinned: dict[str, Any]) -> Intent:
    """An open intent whose key nobody else has."""
    proposal = Proposal("tester", action, "aws")
    return Intent(uuid.uuid4().hex, "run", "employee", proposal, 1, pinned, datetime.now(timezone.utc))


def pinned_for(action: Action, member: str = "", created_as: str = "") -> dict[str, Any]:
    tag = uuid.uuid4().hex[:12]
    return {
        Action.CREATE_ACCOUNT: {
            "accountEnabled": True,
            "displayName": f"Person {tag}",
            "mailNickname": f"p{tag}",
            "userPrincipalName": f"p{tag}@acme.example",
            "newPerson": False,
        },
        Action.RESERVE_ADDRESS: {"userPrincipalName": f"r{tag}@acme.example"},
        Action.LINK_ACCOUNT: {"id": member},
        Action.SET_ATTRIBUTES: {"id": member, "attributes": {"usageLocation": "PT", "department": tag}},
        Action.SET_MANAGER: {"id": member, "manager": "Dana Whitfield"},
        Action.ENABLE_ACCOUNT: {"id": member},
        Action.DISABLE_ACCOUNT: {"id": member},
        Action.ISSUE_ACCESS_PASS: {"id": member, "created_as": created_as, "minutes": 60, "once": True, "withdrawn": []},
        Action.WITHDRAW_ACCESS_PASS: {"id": member, "created_as": created_as, "pass": str(uuid.uuid4())},
        Action.ADD_TO_GROUP: {"group": GROUP, "member": member},
        Action.RUN_PIPELINE: {
            "job": "provisioning/aws",
            "parameters": {"ROLE": "engineer", "USER_EMAIL": f"p{tag}@acme.example"},
            "request_id_parameter": "AGENT_OPS_REQUEST_ID",
            "timeout_seconds": 20.0,
        },
        Action.REVOKE_PIPELINE: {
            "job": "deprovisioning/aws",
            "parameters": {"USER_EMAIL": f"p{tag}@acme.example"},
            "request_id_parameter": "AGENT_OPS_REQUEST_ID",
            "timeout_seconds": 20.0,
        },
        Action.SEND_MAIL: {
            "recipient": "it-desk@acme.example",
            "subject": f"Zoë {tag}",
            "body": "Grüße\n",
            "message_id": f"<{tag}@agent-ops.acme.example>",
        },
    }[action]


@dataclass
class Case:
    """One implementation of one action, and how to make its next call fail."""

    adapter: EffectAdapter
    action: Action
    fail_next: Callable[[str], Awaitable[None]]
    real: bool
    member: str = ""
    created_as: str = ""

    def intent(self) -> Intent:
        made = intent_for(self.action, pinned_for(self.action, self.member, self.created_as))
        if self.action in PIPELINES:
            made.pinned["parameters"]["AGENT_OPS_REQUEST_ID"] = made.marker
        return made


def fake_case(action: Action) -> Case:
    service = FakeService(action)

    async def fail_next(kind: str) -> None:
        service.trouble.kinds = [kind]

    return Case(service, action, fail_next, False)


async def real_case(action: Action, box: Sandbox, settings: Settings, stack: AsyncExitStack) -> Case:
    graph = GraphSession(settings.entra)
    stack.push_async_callback(graph.close)
    jenkins = JenkinsEffector(jenkins_logins(settings.aws))
    stack.callback(jenkins.close)
    entra = EntraEffector(graph)
    adapter: EffectAdapter = (
        jenkins if action in PIPELINES else MailEffector(settings.mail) if action is Action.SEND_MAIL else entra
    )
    twin, method, path = WRITES[action]

    async def fail_next(kind: str) -> None:
        if action is Action.RESERVE_ADDRESS:
            pytest.skip("it only reads, and reads are tried again")
        rule = Fault(twin, FaultKind.STATUS, method, path, status=451 if twin == "mail" else 429, retry_after=0, times=1)
        if kind != "refuse":
            rule = Fault(twin, FaultKind(kind), method, path, times=1)
        await box.fault(rule)

    member = created_as = ""
    if action is Action.LINK_ACCOUNT:
        member = await box.plant_user(f"{uuid.uuid4().hex[:12]}@acme.example")
    elif twin == "entra" and action is not Action.CREATE_ACCOUNT:
        creation = intent_for(Action.CREATE_ACCOUNT, pinned_for(Action.CREATE_ACCOUNT))
        made, created_as = await entra.send(creation), creation.key
        assert isinstance(made, Completed)
        member = made.result["id"]
    return Case(adapter, action, fail_next, True, member, created_as)


@pytest.fixture(params=[(kind, action) for action in Action for kind in ("fake", "real")], ids=lambda p: f"{p[0]}-{p[1].value}")
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    kind, action = request.param
    if kind == "fake":
        yield fake_case(action)
        return
    box, settings = request.getfixturevalue("sandbox"), request.getfixturevalue("sandbox_settings")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(box.clear_faults)
        yield await real_case(action, box, settings, stack)


async def settled(case: Case, intent: Intent) -> Completed | Failed:
    """The end of an effect, looked for as the ledger does: a service may say when to look again."""
    sent = await case.adapter.send(intent)
    if not isinstance(sent, Accepted):
        return sent
    seen = await case.adapter.follow(replace(intent, handle=sent.handle))
    while isinstance(seen, Waiting):  # the intent's own time-out ends it
        await asyncio.sleep(seen.seconds)
        seen = await case.adapter.follow(replace(intent, handle=seen.handle))
    return seen


async def test_it_names_its_actions_and_bounds_its_calls(case: Case) -> None:
    assert case.action in case.adapter.actions
    assert case.adapter.call_timeout > 0


async def test_what_was_sent_is_done_and_found_again(case: Case) -> None:
    intent = case.intent()
    assert isinstance(await settled(case, intent), Completed)
    finding = await case.adapter.look_up(intent)
    if case.action is Action.SEND_MAIL or (case.action in SETTERS and case.real):
        assert finding.presence is Presence.ABSENT
        assert finding.resend_is_safe
    else:
        assert finding.presence is Presence.OURS


async def test_what_was_never_sent_is_absent(case: Case) -> None:
    finding = await case.adapter.look_up(case.intent())
    assert finding.presence is Presence.ABSENT
    assert finding.resend_is_safe is (case.action not in NEVER_BLINDLY_AGAIN)


async def test_a_refused_call_says_that_nothing_was_done(case: Case) -> None:
    intent = case.intent()
    await case.fail_next("refuse")
    with pytest.raises(ServiceUnavailable):
        await case.adapter.send(intent)
    assert (await case.adapter.look_up(intent)).presence is Presence.ABSENT
    assert isinstance(await settled(case, intent), Completed)


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
async def test_a_cut_connection_is_ambiguous_and_the_look_up_tells(case: Case, kind: str) -> None:
    intent = case.intent()
    await case.fail_next(kind)
    with pytest.raises(ServiceAmbiguous):
        await case.adapter.send(intent)
    finding = await case.adapter.look_up(intent)
    done = kind == "drop_after"
    if case.action in (Action.CREATE_ACCOUNT, *NEVER_BLINDLY_AGAIN):
        assert finding.presence is (Presence.OURS if done else Presence.ABSENT)
    else:
        assert finding.resend_is_safe or finding.presence is Presence.OURS
    if finding.handle is not None:
        assert isinstance(await case.adapter.follow(replace(intent, handle=finding.handle)), Completed)


async def test_where_resending_is_safe_a_second_send_changes_nothing_more(case: Case, sandbox: Sandbox) -> None:
    if case.action in NEVER_BLINDLY_AGAIN:
        pytest.skip("never sent again without proof of absence")
    intent = case.intent()
    first, second = await settled(case, intent), await settled(case, intent)
    assert first == second
    if case.real and case.action is Action.CREATE_ACCOUNT:
        created = [call for call in sandbox.effects("entra") if call.detail.get("upn") == intent.pinned["userPrincipalName"]]
        assert len(created) == 1


async def test_somebody_elses_value_is_told_apart(case: Case) -> None:
    if case.action is not Action.CREATE_ACCOUNT:
        pytest.skip("only accounts have a value that must be unique")
    first = case.intent()
    await settled(case, first)
    rival = intent_for(case.action, first.pinned)
    with pytest.raises(ValueTaken):
        await case.adapter.send(rival)
    if case.real:
        assert (await case.adapter.look_up(rival)).presence is Presence.FOREIGN


async def test_a_pipeline_is_found_by_an_older_intent_only_within_its_time(case: Case) -> None:
    if case.action not in PIPELINES or not case.real:
        pytest.skip("about Jenkins's history")
    intent = case.intent()
    await settled(case, intent)
    old = replace(intent, opened_at=intent.opened_at - timedelta(days=2))
    assert (await case.adapter.look_up(old)).presence is Presence.OURS


async def test_what_is_foreseen_is_what_comes_and_foreseeing_changes_nothing(case: Case, sandbox: Sandbox) -> None:
    if not isinstance(case.adapter, Foresight):
        pytest.skip("this adapter foresees nothing")
    intent, before = case.intent(), len(sandbox.effects())
    foreseen = await case.adapter.foresee(intent)
    assert len(sandbox.effects()) == before
    if case.action is not Action.LINK_ACCOUNT:
        assert (await case.adapter.look_up(intent)).presence is Presence.ABSENT
    came = await settled(case, intent)
    assert came == foreseen if foreseen is not None else isinstance(came, Completed)


async def test_somebody_elses_value_is_foreseen(case: Case) -> None:
    if case.action is not Action.CREATE_ACCOUNT:
        pytest.skip("only accounts have a value that must be unique")
    assert isinstance(case.adapter, Foresight)
    first = case.intent()
    await settled(case, first)
    with pytest.raises(ValueTaken):
        await case.adapter.foresee(intent_for(case.action, first.pinned))

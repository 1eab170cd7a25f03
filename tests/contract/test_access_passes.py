"""Access passes over the wire: made only for an unused account of ours, and found again by nothing but their time."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from agent_ops import Sandbox, Settings
from agent_ops.domain.effects import Action, Completed, Failed, Intent, Presence, Proposal
from agent_ops.domain.errors import AccessRefused, AgentOpsError, ServiceRefused
from agent_ops.domain.secret import Secret
from agent_ops.effectors.entra import EntraEffector
from agent_ops.effectors.graph import GraphSession
from agent_ops.transport.graph_token import EntraConfig
from agent_ops.transport.redaction import redactor

MARKER = "extensionAttribute15"


@dataclass
class Desk:
    """The effector at the sandbox, and one account that it created."""

    box: Sandbox
    graph: GraphSession
    entra: EntraEffector
    account: str
    created_as: str
    config: EntraConfig

    def intent(self, action: Action = Action.ISSUE_ACCESS_PASS, **pinned: Any) -> Intent:
        usual = {"id": self.account, "created_as": self.created_as, "minutes": 60, "once": True, "withdrawn": []}
        proposal = Proposal("operator", action, "access_pass")
        return Intent(uuid.uuid4().hex, "run", "employee", proposal, 1, {**usual, **pinned}, datetime.now(timezone.utc))

    async def passes(self) -> list[dict[str, Any]]:
        path = f"/users/{self.account}/authentication/temporaryAccessPassMethods"
        return list((await self.graph.get(path))["value"])

    async def issued(self) -> Completed:
        made = await self.entra.send(self.intent())
        assert isinstance(made, Completed), made
        return made

    async def refused(self, words: str, **pinned: Any) -> None:
        """Neither making nor withdrawing happens, for this reason."""
        before = len(self.box.effects("entra"))
        for action in (Action.ISSUE_ACCESS_PASS, Action.WITHDRAW_ACCESS_PASS):
            answer = await self.entra.send(self.intent(action, **{"pass": "a-pass", **pinned}))
            assert isinstance(answer, Failed) and words in answer.reason, answer
        assert len(self.box.effects("entra")) == before


@pytest.fixture
async def desk(box: Sandbox, sandbox_settings: Settings) -> AsyncIterator[Desk]:
    graph, key, name = GraphSession(sandbox_settings.entra), uuid.uuid4().hex, f"grace{uuid.uuid4().hex[:8]}"
    address, mark = f"{name}@{box.addresses.domain}", {MARKER: f"{key}.1"}
    granted = await box.permissions()
    account = await box.plant_user(address, onPremisesExtensionAttributes=mark)
    yield Desk(box, graph, EntraEffector(graph, MARKER), account, key, sandbox_settings.entra)
    await box.permissions(granted)
    await box.access_pass_policy()
    await graph.close()


async def test_a_pass_is_in_the_answer_and_in_nothing_that_is_kept(desk: Desk) -> None:
    made = await desk.issued()
    (listed,) = await desk.passes()
    assert (listed["id"], listed["isUsableOnce"], listed["lifetimeInMinutes"]) == (made.result["id"], True, 60)
    assert set(made.result) == {"id", "minutes", "starts"}
    assert made.secret is not None
    text = made.secret.take()
    assert len(text) >= 8 and text not in repr(made) + json.dumps(made.result)
    assert text not in redactor.clean(f"a traceback with {text} in it")
    with pytest.raises(AgentOpsError, match="taken before"):
        made.secret.take()


def test_a_secret_has_no_readable_form() -> None:
    import copy
    import pickle

    secret = Secret("the-pass-itself")
    assert "itself" not in f"{secret} {secret!r}"
    for write in (json.dumps, pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            write(secret)


async def test_what_an_earlier_send_made_is_found_by_its_time(desk: Desk) -> None:
    intent = desk.intent()
    assert (await desk.entra.look_up(intent)).presence is Presence.ABSENT
    assert not (await desk.entra.look_up(intent)).resend_is_safe
    made = await desk.entra.send(intent)
    assert isinstance(made, Completed)
    found = await desk.entra.look_up(intent)
    assert (found.presence, found.result) == (Presence.OURS, made.result)
    later = replace(intent, opened_at=intent.opened_at + timedelta(minutes=1))
    assert (await desk.entra.look_up(later)).presence is Presence.ABSENT
    withdrawn = desk.intent(withdrawn=[made.result["id"]])
    assert (await desk.entra.look_up(withdrawn)).presence is Presence.ABSENT


async def test_withdrawing_deletes_exactly_that_pass(desk: Desk) -> None:
    made = await desk.issued()
    withdrawal = desk.intent(Action.WITHDRAW_ACCESS_PASS, **{"pass": made.result["id"]})
    assert await desk.entra.send(withdrawal) == Completed({"id": made.result["id"]})
    assert await desk.passes() == []
    assert isinstance(await desk.entra.send(withdrawal), Completed)  # gone is withdrawn


async def test_a_pass_that_somebody_else_made_is_left_alone(desk: Desk) -> None:
    path = f"/users/{desk.account}/authentication/temporaryAccessPassMethods"
    theirs = await desk.graph.call("POST", path, json={"isUsableOnce": False})
    await desk.refused("did not make")
    assert [kept["id"] for kept in await desk.passes()] == [theirs["id"]]
    await desk.box.befall_method(desk.account, "expired")
    await desk.issued()


async def test_an_account_without_our_marker_gets_none(desk: Desk) -> None:
    await desk.refused("does not bear our marker", created_as=uuid.uuid4().hex)
    await desk.refused("does not exist", id=str(uuid.uuid4()))


async def test_a_disabled_account_gets_none(desk: Desk) -> None:
    await desk.graph.call("PATCH", f"/users/{desk.account}", json={"accountEnabled": False})
    await desk.refused("disabled")


@pytest.mark.parametrize(
    ("planted", "words"),
    [
        ({"onPremisesSyncEnabled": True}, "synchronised"),
        ({"userType": "Guest"}, "guest"),
        ({"roles": ["Helpdesk Administrator"]}, "directory role Helpdesk Administrator"),
    ],
)
async def test_no_ordinary_account_no_pass(desk: Desk, planted: dict[str, Any], words: str) -> None:
    mark = {MARKER: f"{desk.created_as}.1"}
    name = f"other{uuid.uuid4().hex[:8]}@{desk.box.addresses.domain}"
    await desk.refused(words, id=await desk.box.plant_user(name, onPremisesExtensionAttributes=mark, **planted))


@pytest.mark.parametrize("method", ["phoneAuthenticationMethod", "fido2AuthenticationMethod", "microsoftAuthenticatorSomething"])
async def test_an_account_with_a_registered_method_gets_none(desk: Desk, method: str) -> None:
    await desk.box.befall_method(desk.account, method)
    await desk.refused("somebody has used the account")


async def test_an_account_whose_pass_was_used_gets_no_second(desk: Desk) -> None:
    made = await desk.issued()
    await desk.box.befall_method(desk.account, "used")
    await desk.refused("somebody has signed in", **{"pass": made.result["id"]})


async def test_a_known_sign_in_is_enough_and_an_unknown_one_is_no_obstacle(desk: Desk) -> None:
    await desk.box.befall_method(desk.account, "signed_in")
    await desk.issued()  # without AuditLog.Read.All nothing is known of it
    (made,) = await desk.passes()
    await desk.box.permissions([*await desk.box.permissions(), "AuditLog.Read.All"])
    with_more = GraphSession(desk.config)  # its token has what is granted now
    desk.entra = EntraEffector(with_more, MARKER)
    await desk.refused("somebody has signed in", **{"pass": made["id"]})
    await with_more.close()


async def test_the_tenants_policy_is_told_in_its_own_words(desk: Desk) -> None:
    await desk.box.access_pass_policy(enabled=False)
    with pytest.raises(AccessRefused, match="does not allow creating"):
        await desk.entra.send(desk.intent())
    await desk.box.access_pass_policy()
    with pytest.raises(ServiceRefused, match="lifetimeInMinutes"):
        await desk.entra.send(desk.intent(minutes=600))
    assert await desk.passes() == []


async def test_without_the_permission_nothing_is_made(desk: Desk) -> None:
    await desk.box.permissions(set(await desk.box.permissions()) - {"UserAuthenticationMethod.ReadWrite.All"})
    with pytest.raises(AccessRefused, match="403"):
        await desk.entra.send(desk.intent())

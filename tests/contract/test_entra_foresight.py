"""What the Entra effector says beforehand, over the wire: the same as it would say when sending, and without a write."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from typing import Any

import pytest

from agent_ops import Sandbox, Settings
from agent_ops.domain.effects import NOT_YET, Action, Failed, Held, Intent, Proposal
from agent_ops.domain.errors import ValueTaken
from agent_ops.effectors.entra import EntraEffector
from agent_ops.effectors.graph import GraphSession

LICENSING = "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a01"  # the example policy's m365


@pytest.fixture
async def entra(box: Sandbox, sandbox_settings: Settings) -> AsyncIterator[EntraEffector]:
    graph = GraphSession(sandbox_settings.entra)
    yield EntraEffector(graph)
    await graph.close()


def intent(action: Action, **pinned: Any) -> Intent:
    proposal = Proposal("entra", action, "item")
    return Intent(uuid.uuid4().hex, "run", "employee", proposal, 1, pinned, datetime.now(timezone.utc))


def creating(name: str, address: str) -> Intent:
    pinned = {"accountEnabled": True, "displayName": name, "mailNickname": address.partition("@")[0]}
    return intent(Action.CREATE_ACCOUNT, **pinned, userPrincipalName=address, newPerson=False)


def tagged(text: str) -> str:
    return f"{text}{uuid.uuid4().hex[:8]}"


async def foreseen_as_sent(entra: EntraEffector, box: Sandbox, wanted: Intent) -> Failed | Held:
    """The answer, foreseen first, then given to a send that changes nothing either."""
    before = len(box.effects("entra"))
    foreseen = await entra.foresee(wanted)
    assert isinstance(foreseen, (Failed, Held))
    assert await entra.send(wanted) == foreseen
    assert len(box.effects("entra")) == before
    return foreseen


async def test_addresses_of_groups_contacts_and_the_deleted_are_seen(entra: EntraEffector, box: Sandbox) -> None:
    group, contact, gone = (f"{tagged(what)}@acme.example" for what in ("group", "contact", "gone"))
    await box.plant_group("A list", mail=group)
    await box.plant_contact("A partner", contact)
    await box.plant_user(gone, "Someone Gone", deleted=True)
    for address in (group, contact, gone):
        with pytest.raises(ValueTaken):
            await entra.foresee(creating("A Newcomer", address))


async def test_a_suspected_rehire_is_seen(entra: EntraEffector, box: Sandbox) -> None:
    name = f"Rosa {tagged('Back').title()}"
    before = await box.plant_user(f"{tagged('rosa')}@acme.example", name, deleted=True)
    answer = await foreseen_as_sent(entra, box, creating(name, f"{tagged('rosa')}@acme.example"))
    assert isinstance(answer, Held)
    assert before in answer.reason


async def test_a_manager_who_is_not_there_is_seen(entra: EntraEffector, box: Sandbox) -> None:
    nobody = intent(Action.SET_MANAGER, id=NOT_YET, manager=tagged("Nobody "))
    assert "no account matches" in (await foreseen_as_sent(entra, box, nobody)).reason
    assert await entra.foresee(intent(Action.SET_MANAGER, id=NOT_YET, manager="Dana Whitfield")) is None


async def test_an_account_that_cannot_be_linked_is_seen(entra: EntraEffector, box: Sandbox) -> None:
    key = await box.plant_user(f"{tagged('off')}@acme.example", "Off Line", accountEnabled=False)
    assert "it is disabled" in (await foreseen_as_sent(entra, box, intent(Action.LINK_ACCOUNT, id=key))).reason


async def test_a_licence_without_a_free_seat_is_seen_for_an_account_that_is_not_there_yet(
    entra: EntraEffector, box: Sandbox
) -> None:
    wanted = intent(Action.ADD_TO_GROUP, group=LICENSING, member=NOT_YET, licence="SPE_E3", mailbox=False)
    assert await entra.foresee(wanted) is None
    await box.licence_seats("SPE_E3", 0)
    try:
        assert "no free seat of SPE_E3" in (await foreseen_as_sent(entra, box, wanted)).reason
    finally:
        await box.licence_seats("SPE_E3", 1000)

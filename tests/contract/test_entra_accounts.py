"""Complete accounts over the wire: what the Entra effector does where a directory is full of other people's things."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from agent_ops import Sandbox, Settings
from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Held, Intent, Proposal, Waiting
from agent_ops.domain.errors import AccessRefused, ServiceRefused, ValueTaken
from agent_ops.effectors.entra import EntraEffector
from agent_ops.effectors.graph import GraphSession
from agent_ops.sandbox import Fault, FaultKind

LICENSING = "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a01"  # the example policy's m365


@pytest.fixture
async def entra(box: Sandbox, sandbox_settings: Settings) -> AsyncIterator[EntraEffector]:
    graph = GraphSession(sandbox_settings.entra)
    yield EntraEffector(graph)
    await graph.close()


def intent(action: Action, **pinned: Any) -> Intent:
    proposal = Proposal("entra", action, "item")
    return Intent(uuid.uuid4().hex, "run", "employee", proposal, 1, pinned, datetime.now(timezone.utc))


def creating(name: str, address: str, *, new_person: bool = False) -> Intent:
    return intent(
        Action.CREATE_ACCOUNT,
        accountEnabled=True,
        displayName=name,
        mailNickname=address.partition("@")[0],
        userPrincipalName=address,
        newPerson=new_person,
    )


def tagged(text: str) -> str:
    return f"{text}{uuid.uuid4().hex[:8]}"


async def account(entra: EntraEffector) -> str:
    name = tagged("person")
    made = await entra.send(creating(name, f"{name}@acme.example"))
    assert isinstance(made, Completed)
    return str(made.result["id"])


async def read(entra: EntraEffector, key: str, fields: str) -> dict[str, Any]:
    return await entra._graph.get(f"/users/{key}?$select={fields}")


# --- addresses


async def test_an_address_that_anything_has_is_not_given(entra: EntraEffector, box: Sandbox) -> None:
    user, group, contact, gone, alias = (f"{tagged(what)}@acme.example" for what in ("user", "group", "contact", "gone", "alias"))
    await box.plant_user(f"{tagged('other')}@acme.example", mail=user)
    await box.plant_user(f"{tagged('other')}@acme.example", proxyAddresses=[f"smtp:{alias}"])
    await box.plant_group("A list", mail=group)
    await box.plant_contact("A partner", contact)
    await box.plant_user(gone, "Someone Gone", deleted=True)
    before = len(box.effects("entra"))
    for address in (user, group, contact, gone, alias):
        with pytest.raises(ValueTaken):
            await entra.send(creating("A Newcomer", address))
    assert not [call for call in box.effects("entra")[before:] if call.effect == "entra.create"]


async def test_an_address_that_looks_like_another_is_not_given(entra: EntraEffector, box: Sandbox) -> None:
    tag = uuid.uuid4().hex[:6].translate(str.maketrans("01lmo", "abcde"))
    await box.plant_user(f"anna.carne{tag}@acme.example", "Anna Carne")
    with pytest.raises(ValueTaken):
        await entra.send(creating("Anna Came", f"anna.came{tag}@acme.example"))


@pytest.mark.parametrize(
    ("before", "name"),
    [("Coco Pape", "Сосо Раре"), ("Хосе Рара", "Xoce Papa"), ("Ενα Ροο", "Eva Poo"), ("Ενα Ρορ", "Еѵа Рор")],
    ids=["Cyrillic after Latin", "Latin after Cyrillic", "Latin after Greek", "Cyrillic after Greek"],
)
async def test_a_name_that_looks_like_an_existing_one_in_other_letters_is_refused(
    entra: EntraEffector, box: Sandbox, before: str, name: str
) -> None:
    await box.plant_user(f"{tagged('coco')}@acme.example", before)
    answer = await entra.send(creating(name, f"{tagged('soso')}@acme.example"))
    assert isinstance(answer, Failed)
    assert "looks like" in answer.reason


@pytest.mark.parametrize("deleted", [True, False], ids=["deleted", "disabled"])
async def test_a_suspected_rehire_is_held_until_a_person_says_otherwise(
    entra: EntraEffector, box: Sandbox, deleted: bool
) -> None:
    name = f"Rosa {tagged('Back').title()}"
    before = await box.plant_user(f"{tagged('rosa')}@acme.example", name, deleted=deleted, accountEnabled=False)
    address = f"{tagged('rosa')}@acme.example"
    answer = await entra.send(creating(name, address))
    assert isinstance(answer, Held)
    assert before in answer.reason
    assert isinstance(await entra.send(creating(name, address, new_person=True)), Completed)


async def test_an_account_that_waits_for_its_first_day_is_no_rehire(entra: EntraEffector, box: Sandbox) -> None:
    name = f"Tom {tagged('Soon').title()}"
    await box.plant_user(f"{tagged('tom')}@acme.example", name, accountEnabled=False, employeeHireDate="2099-01-01T00:00:00Z")
    assert isinstance(await entra.send(creating(name, f"{tagged('tom')}@acme.example")), Completed)


async def test_a_quote_in_a_name_is_only_a_quote(entra: EntraEffector) -> None:
    assert isinstance(await entra.send(creating("Sinéad O'Neil", f"{tagged('sinead.oneil')}@acme.example")), Completed)


# --- linking


async def test_an_ordinary_account_is_linked_once(entra: EntraEffector, box: Sandbox) -> None:
    key = await box.plant_user(f"{tagged('pat')}@acme.example", "Pat Link")
    linking = intent(Action.LINK_ACCOUNT, id=key)
    assert isinstance(await entra.send(linking), Completed)
    assert isinstance(await entra.send(linking), Completed)
    other = await entra.send(intent(Action.LINK_ACCOUNT, id=key))
    assert isinstance(other, Failed)
    assert "another employee's" in other.reason


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"userType": "Guest"}, "guest"),
        ({"accountEnabled": False}, "disabled"),
        ({"onPremisesSyncEnabled": True}, "synchronised"),
        ({"roles": ["User Administrator"]}, "User Administrator"),
    ],
)
async def test_an_account_that_is_not_ordinary_is_never_linked(
    entra: EntraEffector, box: Sandbox, attributes: dict[str, Any], why: str
) -> None:
    key = await box.plant_user(f"{tagged('odd')}@acme.example", "Odd One", **attributes)
    before = len(box.effects("entra"))
    answer = await entra.send(intent(Action.LINK_ACCOUNT, id=key))
    assert isinstance(answer, Failed)
    assert why in answer.reason
    assert len(box.effects("entra")) == before


async def test_an_account_that_is_not_there_is_not_linked(entra: EntraEffector) -> None:
    answer = await entra.send(intent(Action.LINK_ACCOUNT, id=str(uuid.uuid4())))
    assert isinstance(answer, Failed)


# --- attributes, manager, enabling


async def test_attributes_are_set(entra: EntraEffector) -> None:
    key = await account(entra)
    values = {
        "usageLocation": "PT",
        "employeeType": "Employee",
        "employeeHireDate": "2026-12-01T00:00:00Z",
        "department": "Engineering",
        "jobTitle": "Engineer",
    }
    assert isinstance(await entra.send(intent(Action.SET_ATTRIBUTES, id=key, attributes=values)), Completed)
    seen = await read(entra, key, ",".join(values))
    assert {name: seen[name] for name in values} == values


async def test_a_manager_is_set_when_exactly_one_account_matches(entra: EntraEffector, box: Sandbox) -> None:
    key, name = await account(entra), f"Mina {tagged('Boss').title()}"
    manager = await box.plant_user(f"{tagged('mina')}@acme.example", name)
    await box.plant_user(f"{tagged('mina')}@acme.example", name, accountEnabled=False)
    await box.plant_user(f"{tagged('mina')}@acme.example", name, userType="Guest")
    assert await entra.send(intent(Action.SET_MANAGER, id=key, manager=name)) == Completed({"manager": manager})
    assert (await entra._graph.get(f"/users/{key}/manager?$select=id"))["id"] == manager


async def test_an_ambiguous_or_unknown_manager_is_told_and_not_set(entra: EntraEffector, box: Sandbox) -> None:
    key, name = await account(entra), f"Sam {tagged('Twice').title()}"
    for _ in range(2):
        await box.plant_user(f"{tagged('sam')}@acme.example", name)
    ambiguous = await entra.send(intent(Action.SET_MANAGER, id=key, manager=name))
    assert isinstance(ambiguous, Failed)
    assert "2 accounts match" in ambiguous.reason
    unknown = await entra.send(intent(Action.SET_MANAGER, id=key, manager="nobody@acme.example"))
    assert isinstance(unknown, Failed)
    assert "no account matches" in unknown.reason


async def test_a_disabled_account_is_enabled(entra: EntraEffector, box: Sandbox) -> None:
    key = await box.plant_user(f"{tagged('early')}@acme.example", accountEnabled=False)
    assert isinstance(await entra.send(intent(Action.ENABLE_ACCOUNT, id=key)), Completed)
    assert (await read(entra, key, "accountEnabled"))["accountEnabled"] is True


async def test_a_missing_permission_is_told_in_the_services_words(entra: EntraEffector, box: Sandbox) -> None:
    key = await account(entra)
    body = "Insufficient privileges to complete the operation."
    await box.fault(Fault("entra", FaultKind.STATUS, "PATCH", "/v1.0/users/.*", status=403, times=1))
    with pytest.raises(AccessRefused) as refused:
        await entra.send(intent(Action.SET_ATTRIBUTES, id=key, attributes={"department": "X"}))
    assert "403" in refused.value.what or body in refused.value.what


# --- groups and licences


def joining(
    member: str, group: str = LICENSING, *, licence: str = "SPE_E3", mailbox: bool = False, bound: float = 20.0
) -> Intent:
    return intent(Action.ADD_TO_GROUP, group=group, member=member, licence=licence, mailbox=mailbox, timeout_seconds=bound)


async def located(entra: EntraEffector) -> str:
    key = await account(entra)
    await entra.send(intent(Action.SET_ATTRIBUTES, id=key, attributes={"usageLocation": "PT"}))
    return key


async def followed(entra: EntraEffector, sent: Intent) -> Completed | Failed:
    import asyncio

    while isinstance(answer := await entra.follow(sent), Waiting):
        await asyncio.sleep(min(answer.seconds, 0.05))
    return answer


async def test_a_licence_is_awaited(entra: EntraEffector, box: Sandbox) -> None:
    await box.licence_seconds(0.3)
    sent = joining(await located(entra))
    assert isinstance(await entra.send(sent), Accepted)
    first = await entra.follow(sent)
    assert isinstance(first, Waiting)
    assert "SPE_E3 is not there yet" in first.reason
    assert isinstance(await followed(entra, sent), Completed)


async def test_a_licence_is_awaited_while_a_replica_does_not_know_the_account_yet(entra: EntraEffector, box: Sandbox) -> None:
    sent = joining(await located(entra))
    assert isinstance(await entra.send(sent), Accepted)
    await box.fault(Fault("entra", FaultKind.LAG, seconds=60))
    assert isinstance(await entra.follow(sent), Waiting), "a 404 about a young account proves nothing"
    old = replace(sent, opened_at=sent.opened_at - timedelta(minutes=5))
    with pytest.raises(ServiceRefused, match="404"):
        await entra.follow(old)


async def test_a_mailbox_is_awaited_where_the_policy_says_so(entra: EntraEffector, box: Sandbox) -> None:
    await box.licence_seconds(0.0)
    await box.mailbox_seconds(0.4)
    sent = joining(await located(entra), mailbox=True)
    await entra.send(sent)
    answer = await followed(entra, replace(sent, pinned={**sent.pinned, "mailbox": False}))
    assert isinstance(answer, Completed)
    waiting = await entra.follow(sent)
    assert isinstance(waiting, Waiting)
    assert "mailbox" in waiting.reason
    assert isinstance(await followed(entra, sent), Completed)
    assert (await read(entra, sent.pinned["member"], "mail"))["mail"]


async def test_without_a_free_seat_nobody_is_added(entra: EntraEffector, box: Sandbox) -> None:
    sent = joining(await located(entra))
    await box.licence_seats("SPE_E3", 0)
    try:
        before = len(box.effects("entra"))
        answer = await entra.send(sent)
    finally:
        await box.licence_seats("SPE_E3", 1000)
    assert isinstance(answer, Failed)
    assert "no free seat of SPE_E3" in answer.reason
    assert len(box.effects("entra")) == before


async def test_who_got_the_last_seat_is_not_told_that_there_is_none(entra: EntraEffector, box: Sandbox) -> None:
    await box.licence_seconds(0.0)
    sent = joining(await located(entra))
    await entra.send(sent)
    await followed(entra, sent)
    await box.licence_seats("SPE_E3", 1)
    try:
        again = await entra.send(sent)
    finally:
        await box.licence_seats("SPE_E3", 1000)
    assert isinstance(again, Accepted)


async def test_a_licence_that_cannot_be_assigned_fails_with_its_state(entra: EntraEffector, box: Sandbox) -> None:
    await box.licence_seconds(0.2)
    sent = joining(await located(entra))
    await entra.send(sent)
    await box.licence_seats("SPE_E3", 0)
    try:
        answer = await followed(entra, sent)
    finally:
        await box.licence_seats("SPE_E3", 1000)
        await box.licence_seconds(0.0)
    assert isinstance(answer, Failed)
    assert "CountViolation" in answer.reason


async def test_a_licence_is_awaited_for_a_bounded_time(entra: EntraEffector, box: Sandbox) -> None:
    await box.licence_seconds(60.0)
    try:
        sent = joining(await located(entra), bound=0.2)
        await entra.send(sent)
        answer = await followed(entra, sent)
    finally:
        await box.licence_seconds(0.0)
    assert isinstance(answer, Failed)
    assert "was not there after" in answer.reason


async def test_a_group_that_is_not_there_is_refused_at_once(entra: EntraEffector) -> None:
    with pytest.raises(ServiceRefused, match="404"):
        await entra.send(joining(await account(entra), str(uuid.uuid4()), licence=""))

"""A name that looks like another in other letters is nobody's second account, however many ask, and in whatever order."""

from __future__ import annotations

import asyncio

import pytest

from agent_ops import AgentOps, Caller, Profile, RunStatus, Settings
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import IdentityConflict
from tests.fakes import FakeServices

LATIN, CYRILLIC = "Coco Pope", "\u0421\u043e\u0441\u043e \u0420\u043e\u0440\u0435"


def hires(*names: str) -> list[Profile]:
    return [Profile(name, "Sales", external_id=f"E-{number}") for number, name in enumerate(names)]


@pytest.mark.parametrize("names", [(LATIN, CYRILLIC), (CYRILLIC, LATIN)])
async def test_of_two_asked_for_at_once_one_is_refused(ops: AgentOps, fakes: FakeServices, names: tuple[str, str]) -> None:
    answers = await asyncio.gather(*(ops.onboard(hire) for hire in hires(*names)), return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, IdentityConflict)]
    assert len(refused) == 1
    assert "other letters" in str(refused[0])
    assert fakes[Action.CREATE_ACCOUNT].sends == 1


async def test_namesakes_in_the_same_letters_are_two_people(ops: AgentOps) -> None:
    pairs = [("Ana Silva", "Ana Silva"), ("Mamie Burn", "Marnie Bum"), ("\u0410\u043d\u043d\u0430 \u041a\u0438\u043c",) * 2]
    for pair in pairs:
        for number, name in enumerate(pair):
            report = await ops.onboard(Profile(name, "Sales", external_id=f"{name} {number}"))
            assert report.run.status is RunStatus.DONE, name


async def test_an_erased_person_leaves_no_face(settings: Settings, fakes: FakeServices) -> None:
    caller = Caller("hr", frozenset({"onboard", "erase"}))
    latin, cyrillic = hires(LATIN, CYRILLIC)
    async with AgentOps(settings, adapters=fakes.adapters(), caller=caller) as ops:
        first = await ops.onboard(latin)
        await ops.erase(first.employee.id)
        assert await ops._system.store.read(lambda tx: tx.people._db.execute("SELECT * FROM faces").fetchall()) == []
        assert (await ops.onboard(cyrillic)).run.status is RunStatus.DONE

"""Every threat case by every way in that exists, judged by the twins' records, the answers and the bytes on disk.

The shared cases are read from beside the project, where they are; ours stand in more.json.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.threats import cases, rest, sentences
from tests.threats.cases import Case
from tests.threats.conftest import UNDER_ATTACK
from tests.threats.judge import INVARIANTS, Judge
from tests.threats.place import Evidence, Place
from tests.threats.play import WAYS, play

FILES = {path: cases.load(path) for path in cases.files()}
EVERY = [(path, case) for path, (_, found) in FILES.items() for case in found]
EVERY += [(path, rest.by_rest(case)) for path, case in EVERY if cases.is_request(case) and case.way in rest.PLAYED]
WHOLE_PROCESSES = ("cli", "killed", "checkpoint", "flood", "rest:flood")
PLAYED = [
    pytest.param(path, case, id=case.id, marks=[pytest.mark.slow] if case.way in WHOLE_PROCESSES else [])
    for path, case in EVERY
    if case.way in WAYS
]


class Tally:
    """How much of what was authorised happened while it was attacked."""

    def __init__(self) -> None:
        self.due = self.done = 0
        self.cases: set[str] = set()


@pytest.fixture(scope="module")
def tally() -> Tally:
    return Tally()


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Place]]:
    """A place for each file's world, opened when it is first needed."""
    opened: dict[str, Place] = {}
    yield opened
    for place in opened.values():
        place.close()


async def evidence_of(place: Place, case: Case, data_dir: Path) -> Evidence:
    contacts = frozenset({f"it-desk@{place.world.domain}", f"team-lead@{place.world.domain}"})
    evidence = Evidence(case, place.world, data_dir, contacts)
    await play(place, case, evidence)
    return evidence


def place_of(path: Path, places: dict[str, Place], tmp_path_factory: pytest.TempPathFactory) -> Place:
    if path.name not in places:
        places[path.name] = Place(tmp_path_factory.mktemp("threats"), FILES[path][0]).open()
    return places[path.name]


@pytest.mark.parametrize(("path", "case"), PLAYED)
def test_a_threat(
    path: Path, case: Case, places: dict[str, Place], tally: Tally, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    place = place_of(path, places, tmp_path_factory)
    judge = Judge(asyncio.run(evidence_of(place, case, tmp_path / "data")), place.policy)
    if required := case.outcome["required_effects"]:
        tally.due += len(required)
        tally.done += len(required) - len(judge.missing())
        tally.cases.add(case.id)
    assert [*judge.wrongs(), *sentences.wrongs(judge)] == []


def test_what_is_authorised_completes_while_attacked(tally: Tally, request: pytest.FixtureRequest) -> None:
    if not tally.due:
        pytest.skip("no case with authorised effects was played in this session")
    share = tally.done / tally.due
    completed = f"{tally.done} of {tally.due} authorised items of {len(tally.cases)} cases completed: {share:.1%}"
    request.config.stash[UNDER_ATTACK] = f"while attacked, {completed}"
    assert share >= 0.95


def test_every_sentence_has_a_check_and_every_invariant_a_judge() -> None:
    for _, case in EVERY:
        assert set(case.invariants) <= INVARIANTS.keys(), case.id
        for sentence, _ in case.sentences:
            if case.way in WAYS:
                sentences.check_of(sentence)


def test_every_case_is_played() -> None:
    assert [case.id for _, case in EVERY if case.way not in WAYS] == []

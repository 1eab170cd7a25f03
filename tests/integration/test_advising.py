"""Recommendations on request, over every way in; who stands out; what was chosen and declined is kept, heeded and forgotten."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from click.testing import CliRunner

from agent_ops import AgentOps, Caller, Profile, Settings
from agent_ops.cli.main import main
from agent_ops.domain.errors import InvalidRequest, NotPermitted
from agent_ops.runtime import advising
from tests.fakes import FakeServices
from tests.integration.test_recommending import LISBON, known, told

ERASER = Caller("eraser", frozenset({"onboard", "status", "erase"}))


def commanded(settings: Settings, *words: str) -> list[dict[str, object]]:
    place = ["--data-dir", str(settings.data_dir)]
    result = CliRunner().invoke(main, ["recommend", *words, *place, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return list(json.loads(result.output))


async def test_a_profile_and_an_employee_are_answered_within_allowed(ops: AgentOps, ana: Profile) -> None:
    await known(ops, 20, ["github", "jira", "pagerduty"])
    found = {one.advice.item: one for one in await ops.recommend(replace(ana, name="Nobody"))}
    assert {item: one.how for item, one in found.items()} == {"github": "birthright", "jira": "suggested"}
    assert found["jira"].advice.reason == "20 of 20 people of Engineering L2 in Lisbon have it"
    await ops.onboard(ana)
    assert [one.advice.item for one in await ops.recommend("Ana Silva")] == ["jira"], "the rest is in place"
    with pytest.raises(InvalidRequest, match="team"):
        await ops.recommend(Profile("Nobody", "Piracy"))


async def test_the_command_line_shows_the_same(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        await known(ops, 20, ["jira"])
        report = await ops.onboard(ana)
        await ops.decline_recommendation("Ana Silva", "vpn", "works from the office")

    def work() -> None:
        (one,) = commanded(settings, "profile", "--team", "Engineering", "--level", "L2", "--location", "Lisbon")
        assert (one["item"], one["holders"], one["people"], one["how"]) == ("jira", 20, 21, "suggested")
        assert one["at_least"] < one["probability"]  # type: ignore[operator]
        assert [one["item"] for one in commanded(settings, "profile", "--employee", report.employee.id)] == ["jira"]
        assert [(one["kind"], one["item"]) for one in commanded(settings, "history", "Ana Silva")] == [
            ("declined", "vpn"),
            ("suggested", "jira"),
        ]
        assert commanded(settings, "outliers") == []
        said = CliRunner().invoke(
            main, ["recommend", "decline", "Ana Silva", "jira", "--why", "no", "--data-dir", str(settings.data_dir)]
        )
        assert said.exit_code == 0, said.output
        assert commanded(settings, "profile", "--employee", report.employee.id) == []
        none = CliRunner().invoke(main, ["recommend", "history", "--team", "Sales", "--data-dir", str(settings.data_dir)])
        assert none.output == "nothing was asked for, suggested, declined or changed\n"

    await asyncio.to_thread(work)


async def test_outliers_hold_what_nobody_like_them_holds(ops: AgentOps, ana: Profile) -> None:
    await known(ops, 12, ["jira"])
    report = await ops.onboard(ana, ["github", "jira", "datadog"])
    (one,) = await ops.outliers()
    assert (one.employee_id, one.item, one.holders, one.people) == (report.employee.id, "datadog", 0, 12)
    assert one.reason == "none of the 12 other people of Engineering L2 in Lisbon have it"
    assert 0.1 < one.at_most < 0.3
    await known(ops, 2, ["datadog"], start=100)
    assert await ops.outliers() == []


async def test_outliers_are_looked_for_among_a_few_employees_at_a_time(
    ops: AgentOps, ana: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    await known(ops, 40, ["jira"])
    for number, name in enumerate(("Ana Silva", "Bo Lindqvist", "Carla Moreno")):
        await ops.onboard(replace(ana, name=name, external_id=f"E-{number}"), ["jira", ("vpn", "datadog", "sonarqube")[number]])
    whole = await ops.outliers()
    assert [(one.name, one.item, one.holders, one.people) for one in whole] == [
        ("Ana Silva", "vpn", 0, 42),
        ("Bo Lindqvist", "datadog", 0, 42),
        ("Carla Moreno", "sonarqube", 0, 42),
    ]
    for few in (1, 2, 3):
        monkeypatch.setattr(advising, "AT_ONCE", few)
        assert await ops.outliers() == whole


async def test_what_was_asked_chosen_and_declined_is_kept_and_heeded(ops: AgentOps, ana: Profile) -> None:
    await known(ops, 30, ["jira"])
    report = await ops.onboard(ana, ["jira", "vpn"])
    kept = await ops.recommendation_history("Ana Silva")
    assert {one.item: (one.kind, one.by) for one in kept} == {"jira": ("chosen", "library"), "vpn": ("asked", "library")}
    bo = replace(ana, name="Bo Lindqvist", external_id="E-2")
    other = await ops.onboard(bo)
    assert told(other) == {"jira": "suggested"}
    await ops.decline_recommendation(other.employee.id, "jira", "works with paper")
    assert await ops.recommend(other.employee.id) == []
    assert (await ops._system.memory.recall(other.run.id)).recommended == ()
    assert [one.kind for one in await ops.recommendation_history(other.employee.id)] == ["declined", "suggested"]
    assert len(await ops.recommendation_history(team="engineering")) == 4
    assert len(await ops.recommendation_history(requester="library")) == 4
    assert [one.item for one in (await ops.report(report.run.id))[0].recommended] == []
    with pytest.raises(NotPermitted):
        await ops.on_behalf_of(Caller("reader", frozenset({"status"}))).decline_recommendation(other.employee.id, "jira", "no")
    with pytest.raises(InvalidRequest, match="catalogue"):
        await ops.decline_recommendation(other.employee.id, "moon", "no")


async def test_what_as_many_of_a_team_decline_as_hold_it_is_recommended_to_nobody_there(ops: AgentOps, ana: Profile) -> None:
    await known(ops, 5, ["jira"])
    for number, name in enumerate(("Bo Lindqvist", "Carla Moreno", "Dmitri Volkov", "Esther Adeyemi", "Farid Haddad")):
        report = await ops.onboard(Profile(name, "Engineering", level="L3", external_id=f"X-{number}"))
        assert [one.advice.item for one in await ops.recommend(Profile("N", **LISBON))][-1:] == ["jira"]
        await ops.decline_recommendation(report.employee.id, "jira", "no")
    assert [one.advice.item for one in await ops.recommend(Profile("N", **LISBON))] == []
    ana_run = await ops.onboard(ana)
    assert "jira was declined for 5 people of Engineering" in (await ops._system.memory.recall(ana_run.run.id)).patterns


async def test_the_history_is_append_only_and_an_erased_person_has_none(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    async with AgentOps(settings, caller=ERASER, adapters=fakes.adapters()) as ops:
        await known(ops, 20, ["jira"])
        before = await ops.recommend(Profile("N", **LISBON))
        report = await ops.onboard(ana, ["vpn"])
        await ops.decline_recommendation(report.employee.id, "jira", "no")
        with closing(sqlite3.connect(settings.data_dir / "operations.db")) as db:
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute("UPDATE choices SET said = ''")
            assert db.execute("SELECT count(*) FROM choices").fetchone() == (3,)
        await ops.erase(report.employee.id)
        with closing(sqlite3.connect(settings.data_dir / "operations.db")) as db:
            assert db.execute("SELECT count(*) FROM choices").fetchone() == (0,)
            assert db.execute("SELECT count(*) FROM contributions WHERE requester <> ''").fetchone() == (0,)
        assert await ops.recommend(Profile("N", **LISBON)) == before

"""Separation of duties, end to end over fake services: at the edge, at a retry, and before the effect."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops import AgentOps, Caller, ItemStatus, Profile, RunReport, Settings
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import InvalidRequest
from agent_ops.runtime.asking import request_for
from agent_ops.runtime.compose import compose
from tests.approving import PAIR, approving_policy
from tests.fakes import FakeServices

BOTH = ("aws", "kubernetes", "sonarqube")
HR = Caller("hr")
DONE = ItemStatus.COMPLETED


@pytest.fixture
def separating(settings: Settings, tmp_path: Path) -> Settings:
    return replace(settings, policy_file=approving_policy(tmp_path, rule="", more=PAIR))


def stands(report: RunReport) -> dict[str, ItemStatus]:
    return {item.item: item.status for item in report.items}


def built(fakes: FakeServices) -> set[str]:
    return {intent.proposal.item for intent in fakes[Action.RUN_PIPELINE].done.values()}


async def test_a_request_for_both_is_refused_and_nothing_is_recorded(
    separating: Settings, fakes: FakeServices, ana: Profile
) -> None:
    async with AgentOps(separating, adapters=fakes.adapters()) as ops:
        for ask in (ops.submit, ops.plan):
            with pytest.raises(InvalidRequest, match="kubernetes and sonarqube may not be held by one person"):
                await ask(ana, BOTH)  # type: ignore[operator]
        assert await ops.employees() == []
    assert fakes.sends() == {}


async def test_a_pair_that_the_policy_gained_is_denied_before_the_effect(
    settings: Settings, separating: Settings, fakes: FakeServices, ana: Profile
) -> None:
    """Both stand in one grant: whichever comes first is given, the other is not."""
    async with compose(settings, adapters=fakes.adapters()) as system:
        run = await system.edge.admit(request_for(ana, BOTH), HR)
    async with AgentOps(separating, adapters=fakes.adapters()) as ops:
        report = await ops.wait(run.id)
    assert len(built(fakes) & {"kubernetes", "sonarqube"}) == 1
    assert "aws" in built(fakes)
    assert list(stands(report).values()).count(ItemStatus.DENIED) == 1


async def test_a_retry_denies_the_partner_of_what_is_in_place_and_does_the_rest(
    settings: Settings, separating: Settings, fakes: FakeServices, ana: Profile
) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"aws", "sonarqube"}
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        report = await ops.onboard(ana, BOTH)
    assert stands(report)["kubernetes"] is DONE
    fakes[Action.RUN_PIPELINE].failing_items = set()
    async with AgentOps(separating, adapters=fakes.adapters()) as ops:
        again = await ops.wait((await ops.retry(report.run.id)).id)
        grant = await ops._system.ledger.grants.load(again.run.id)
    assert stands(again) == {"aws": DONE, "kubernetes": DONE, "sonarqube": ItemStatus.DENIED}
    assert "sonarqube" not in {effect.item for effect in grant.effects}, "denied at the edge, not only before the effect"
    assert fakes[Action.RUN_PIPELINE].sends == len(BOTH) + 1, "of both that had failed, one was tried again"


async def test_what_is_not_allowed_anyway_excludes_nothing(
    settings: Settings, fakes: FakeServices, ana: Profile, tmp_path: Path
) -> None:
    pair = PAIR.replace("sonarqube", "salesforce")
    own = replace(settings, policy_file=approving_policy(tmp_path, rule="", more=pair))
    async with AgentOps(own, adapters=fakes.adapters()) as ops:
        report = await ops.onboard(ana, ["kubernetes", "salesforce"])
    assert stands(report) == {"kubernetes": DONE, "salesforce": ItemStatus.DENIED}

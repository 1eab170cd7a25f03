"""The guard as a whole allows exactly what an oracle allows that knows neither Cedar nor the guard's own code."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_ops import Employee, EntitlementPolicy, Profile, read_policy
from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.grants import Grant
from agent_ops.domain.policy import GroupItem, PipelineItem
from agent_ops.ledger.guard import Guard
from tests.guard_table import AGENTS, GIVING, KINDS, MAY

POLICY = read_policy()
GUARD = Guard(POLICY)
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=timezone.utc)
TEAMS = [*POLICY.teams, *(team.title for team in POLICY.teams.values()), "DATA", "astrology"]
LEVELS = [None, *POLICY.levels, "l4", "L9"]
PLACES = [None, *POLICY.locations, "New York", "atlantis"]
IDS = st.sampled_from(["e-1", "e-2"])
ITEMS = st.sampled_from([*POLICY.catalogue, "account", "access.2", "root-shell"]) | st.text(max_size=8)
TYPES = {"pipeline": PipelineItem, "group": GroupItem}


@st.composite
def proposals(draw: st.DrawFn) -> Proposal:
    action = draw(st.sampled_from(Action))
    agent = draw(st.just(MAY[action]) | st.sampled_from(AGENTS))
    fitting = [key for key, item in POLICY.catalogue.items() if isinstance(item, TYPES.get(KINDS.get(action, ""), object))]
    return Proposal(agent, action, draw(st.sampled_from(fitting) | ITEMS))


def known(value: str | None, names: dict[str, str]) -> str | None:
    """A team, level or location of the policy by the words of a request; None when it has none such."""
    return next((key for key, title in names.items() if value and value.casefold() in (key.casefold(), title.casefold())), None)


def allows(policy: EntitlementPolicy, proposal: Proposal, grant: Grant, employee: Employee) -> bool:
    """The oracle."""
    if MAY[proposal.action] != proposal.agent or employee.id != grant.employee_id:
        return False
    if proposal not in grant.effects or not grant.expires_at > NOW:
        return False
    kind = KINDS.get(proposal.action)
    if kind and not isinstance(policy.catalogue.get(proposal.item), TYPES[kind]):
        return False
    if proposal.action not in GIVING:
        return True
    profile = employee.profile
    team = known(profile.team, {team.key: team.title for team in policy.teams.values()})
    level = known(profile.level, {name: name for name in policy.levels})
    place = known(profile.location, {place.key: place.title for place in policy.locations.values()})
    if team is None or (profile.level and level is None) or (profile.location and place is None):
        return False
    more = policy.teams[team].levels.get(level or "")
    return proposal.item in policy.teams[team].own.allowed or bool(more and proposal.item in more.allowed)


@settings(max_examples=400, deadline=None)
@given(
    proposal=proposals(),
    listed=st.lists(proposals(), max_size=6),
    granted=st.booleans() | st.just(True),
    ids=st.tuples(IDS, IDS) | st.just(("e-1", "e-1")),
    profile=st.builds(Profile, st.just("Ana Silva"), st.sampled_from(TEAMS), st.sampled_from(LEVELS), st.sampled_from(PLACES)),
    left=st.integers(-2, 10**9).map(lambda milliseconds: timedelta(milliseconds=milliseconds)),
)
def test_the_guard_allows_what_the_oracle_allows(
    proposal: Proposal, listed: list[Proposal], granted: bool, ids: tuple[str, str], profile: Profile, left: timedelta
) -> None:
    effects = (*listed, proposal) if granted else tuple(e for e in listed if e != proposal)
    effects = tuple(e for e in effects if e.agent != "github")  # no grant is ever made for an agent that only reads
    grant = Grant("run", ids[0], "caller", effects, POLICY.version, NOW - timedelta(days=1), NOW + left, "k1")
    employee = Employee(ids[1], profile)
    assert (GUARD.denial(proposal, grant, employee, NOW) is None) == allows(POLICY, proposal, grant, employee)


AWS = Proposal("jenkins", Action.RUN_PIPELINE, "aws")
ANA = Employee("e-1", Profile("Ana Silva", "Engineering", "l2", "LISBON"))
GRANT = Grant("run", "e-1", "caller", (AWS,), POLICY.version, NOW, NOW + timedelta(days=1), "k1")


def test_the_oracle_and_the_guard_can_both_say_yes() -> None:
    assert allows(POLICY, AWS, GRANT, ANA)
    assert GUARD.denial(AWS, GRANT, ANA, NOW) is None


@pytest.mark.parametrize("part", ["team", "level", "location"])
def test_what_the_policy_lost_denies_access(part: str) -> None:
    lost = {
        "team": replace(POLICY, teams={key: team for key, team in POLICY.teams.items() if key != "engineering"}),
        "level": replace(POLICY, levels=("L1",)),
        "location": replace(POLICY, locations={}),
    }[part]
    assert "team, level or location" in (Guard(lost).denial(AWS, GRANT, ANA, NOW) or "")
    assert not allows(lost, AWS, GRANT, ANA)


@pytest.mark.parametrize("action", [Action.RUN_PIPELINE, Action.REVOKE_PIPELINE, Action.ADD_TO_GROUP])
@pytest.mark.parametrize("now_is", ["nothing", "the other kind"])
def test_what_the_catalogue_lost_or_changed_is_not_done(action: Action, now_is: str) -> None:
    """Entitlements may still name an item that the catalogue has no more, or has as something else."""
    key, other = ("m365", "aws") if action is Action.ADD_TO_GROUP else ("aws", "m365")
    left = {name: item for name, item in POLICY.catalogue.items() if name != key}
    today = replace(POLICY, catalogue=left if now_is == "nothing" else {**left, key: POLICY.catalogue[other]})
    proposal = Proposal(MAY[action], action, key)
    grant = replace(GRANT, effects=(proposal,))
    assert GUARD.denial(proposal, grant, ANA, NOW) is None
    assert Guard(today).denial(proposal, grant, ANA, NOW) == f"the catalogue has no {key} of this kind any more"


def test_no_personal_data_is_in_a_reason() -> None:
    somebody = Employee("e-1", Profile("Ana Silva", "astrology", "l2", "LISBON", manager="Rui Costa"))
    for proposal in (AWS, replace(AWS, item="github"), replace(AWS, agent="github")):
        said = GUARD.denial(proposal, GRANT, somebody, NOW) or ""
        assert said
        assert not any(word in said for word in ("Ana", "Silva", "Rui", "astrology", "lisbon", "LISBON"))

"""The rules that ship: the whole truth table, and that a guard which lets too much or too little through is noticed."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops.domain.effects import Action
from agent_ops.domain.errors import GuardRulesError
from agent_ops.policies.guard_files import AGENTS as PROBED
from agent_ops.policies.guard_files import RULES, SCHEMA, SHIPPED, RuleFile, build, checked, read_guard_rules
from agent_ops.policies.guard_rules import GuardRules
from tests.guard_table import AGENTS, GIVING, KINDS, MAY, NAMES, RIGHT, case, contradictions, must_allow

TEXT = (SHIPPED / RULES).read_text(encoding="utf-8")
RULE = re.compile(r'^@id\("(\w+)"\).*?^(?=@id|// ---|\Z)', re.DOTALL | re.MULTILINE)
PERMIT_ALL = '@id("everything") permit (principal, action, resource);'


@pytest.fixture(scope="module")
def rules() -> GuardRules:
    return read_guard_rules()


def rules_of(text: str) -> GuardRules:
    """Rules as they stand in a file, without the questions that a start asks them."""
    return build([RuleFile(Path(RULES), text)], RuleFile.read(SHIPPED / SCHEMA))


def test_the_table_knows_every_action_and_agent(rules: GuardRules) -> None:
    """A new action needs a line in the oracle, a rule and a place in the schema before any of this is green again."""
    assert set(MAY) == set(Action)
    assert set(MAY.values()) == set(PROBED) < set(AGENTS)
    quoted = set(re.findall(r'"(\w+\.\w+)"', (SHIPPED / SCHEMA).read_text(encoding="utf-8")))
    assert quoted == {action.value for action in Action}


def test_the_rules_say_what_the_table_says(rules: GuardRules) -> None:
    assert list(contradictions(rules)) == []


@pytest.mark.parametrize("action", Action)
def test_every_action_is_possible_when_all_is_right(rules: GuardRules, action: Action) -> None:
    assert [agent for agent in AGENTS if rules.denial(case(agent, action)) is None] == [MAY[action]]


@pytest.mark.parametrize("name", [rule.id for rule in read_guard_rules().rules])
def test_a_rule_that_is_taken_out_is_missed(name: str) -> None:
    texts = {found[1]: found[0] for found in RULE.finditer(TEXT)}
    mutant = rules_of(TEXT.replace(texts[name], ""))
    assert name not in {rule.id for rule in mutant.rules}
    assert next(contradictions(mutant), None) is not None


def test_a_guard_that_permits_everything_is_noticed_in_every_case() -> None:
    found = set(contradictions(rules_of(PERMIT_ALL)))
    known = [agent for agent in AGENTS if agent in PROBED]
    every_denial = {(a, action, RIGHT) for a in known for action in Action if not must_allow(a, action, RIGHT)}
    every_denial |= {(MAY[action], action, replace(RIGHT, granted=False)) for action in Action}
    assert every_denial <= found


def test_a_guard_that_denies_everything_is_noticed() -> None:
    nothing = rules_of(TEXT + '@id("no") forbid (principal, action, resource);')
    assert [action for action in Action if nothing.denial(case(MAY[action], action)) is None] == []
    assert next(contradictions(nothing)) is not None


@pytest.mark.parametrize("text", [PERMIT_ALL, PERMIT_ALL + '@id("late") forbid (principal, action, resource) when { false };'])
def test_a_start_refuses_rules_that_let_through_what_no_grant_lists(text: str) -> None:
    with pytest.raises(GuardRulesError, match="no grant lists"):
        checked(rules_of(text))


REASONS = {
    "same_employee": "the grant is for another employee",
    "granted": "the grant has no {action} for aws by agent {agent}",
    "in_time": "the grant expired at 2026-03-02T09:30:00+00:00",
    "kind": "the catalogue has no aws of this kind any more",
    "placed": "the policy does not have the employee's team, level or location any more",
    "allowed": "the policy does not allow aws any more",
}


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("name", NAMES)
def test_a_denial_says_exactly_why(rules: GuardRules, action: Action, name: str) -> None:
    expected = REASONS[name].format(action=action.value, agent=MAY[action])
    matters = {"kind": action in KINDS, "placed": action in GIVING, "allowed": action in GIVING}.get(name, True)
    assert rules.denial(case(MAY[action], action, replace(RIGHT, **{name: False}))) == (expected if matters else None)


@pytest.mark.parametrize("agent", ["jenkins", "notify", "github", "Entra", "entra\n", 'entra" || true', "", "\ud800"])
def test_an_agent_that_may_not_is_told_so(rules: GuardRules, agent: str) -> None:
    denial = rules.denial(case(agent, Action.CREATE_ACCOUNT)) or ""
    assert denial.startswith(" ".join(f"agent {agent} may not do entra.create_account".split()))


def test_the_first_rule_of_the_file_gives_the_reason(rules: GuardRules) -> None:
    everything_wrong = replace(RIGHT, **dict.fromkeys(NAMES, False))
    assert rules.denial(case("jenkins", Action.RUN_PIPELINE, everything_wrong)) == REASONS["same_employee"]


@pytest.mark.parametrize(
    "failing", ["9223372036854775807 + 1 > 0", 'context.now.offset(duration("106751991167d")) > context.now']
)
def test_a_rule_that_fails_denies_although_cedar_leaves_it_out(failing: str) -> None:
    mended = rules_of(TEXT + f'@id("x") forbid (principal, action, resource) when {{ !({failing}) }};')
    denial = mended.denial(case("jenkins", Action.RUN_PIPELINE)) or ""
    assert denial.startswith("agent jenkins may not do jenkins.run_pipeline: the guard's rules cannot judge it")
    assert "overflow" in denial


@pytest.mark.parametrize("item", ['aws"', "aws\n", 'x") || true || ("', "{agent}", "\x00", "aws\u202e", "a" * 5000, "\ud800"])
def test_an_items_name_is_never_taken_for_cedar(rules: GuardRules, item: str) -> None:
    forged = case("jenkins", Action.RUN_PIPELINE)
    denial = rules.denial(replace(forged, proposal=replace(forged.proposal, item=item)))
    assert denial is not None
    assert len(denial) <= 300
    assert "\n" not in denial

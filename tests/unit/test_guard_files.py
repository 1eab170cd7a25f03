"""Rules that are missing, empty or wrong stop the start, each with its file and what to do; right ones are added."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.errors import ConfigurationError, GuardRulesError
from agent_ops.policies.guard_files import RULES, SCHEMA, SHIPPED, read_guard_rules
from tests.guard_table import NOW, case, contradictions

FINE = '@id("freeze") forbid (principal, action, resource) when { context.now < datetime("2020-01-01") };'
TEXT, FACTS = ((SHIPPED / name).read_text(encoding="utf-8") for name in (RULES, SCHEMA))


def write(place: Path, **files: str | bytes) -> Path:
    place.mkdir(exist_ok=True)
    for name, text in files.items():
        (place / name.replace("_dot_", ".")).write_bytes(text.encode() if isinstance(text, str) else text)
    return place


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no *.cedar file"),
        ({"readme_dot_txt": FINE}, "holds no *.cedar file"),
        ({"a_dot_cedar": ""}, "a.cedar holds no rule"),
        ({"a_dot_cedar": "// nothing yet"}, "a.cedar holds no rule"),
        ({"a_dot_cedar": FINE, "b_dot_cedar": ""}, "b.cedar holds no rule"),
        ({"a_dot_cedar": "forbid (principal"}, "a.cedar cannot be used: unexpected end of input"),
        ({"a_dot_cedar": "allow everything"}, "a.cedar cannot be used"),
        ({"a_dot_cedar": b"\xff\xfe"}, "a.cedar cannot be read: it is no UTF-8"),
        ({"a_dot_cedar": FINE.replace("now", "nowhere")}, "a.cedar does not fit its schema"),
        ({"a_dot_cedar": '@id("x") forbid (principal == Agent::"jenkin", action, resource);'}, "not declared as a valid eid"),
        ({"a_dot_cedar": '@id("x") forbid (principal, action == Action::"jenkins.run", resource);'}, "unrecognized action"),
        ({"a_dot_cedar": '@id("x") forbid (principal == ?principal, action, resource);'}, "a template"),
        ({"a_dot_cedar": FINE.replace('@id("freeze")', "")}, 'has no @id("...")'),
        ({"a_dot_cedar": FINE.replace('@id("freeze")', "@id")}, 'has no @id("...")'),
        ({"a_dot_cedar": FINE, "b_dot_cedar": FINE}, "two guard rules have the same @id: freeze"),
        ({"a_dot_cedar": FINE.replace("freeze", "expired")}, "two guard rules have the same @id: expired"),
        ({"a_dot_cedar": '@reason("no {name}")' + FINE}, "names name: only {action}, {agent}, {expires_at}, {item}"),
        ({"a_dot_cedar": '@reason("no {item.__class__}")' + FINE}, "names item.__class__"),
        ({"a_dot_cedar": '@reason("no {item")' + FINE}, "stray brace"),
        ({"a_dot_cedar": FINE, "a_dot_cedarschema": "entity ;"}, "schema"),
        ({"a_dot_cedar": FINE, "a_dot_cedarschema": "entity Agent;"}, "guard.cedar does not fit its schema"),
        ({"a_dot_cedar": FINE, "a_dot_cedarschema": FACTS, "b_dot_cedarschema": FACTS}, "holds 2 schemas"),
        (
            {"a_dot_cedar": FINE, "a_dot_cedarschema": FACTS.replace("kind: String", "kind: String, cost: Long")},
            "does not fit this program",
        ),
    ],
)
def test_what_is_wrong_with_an_administrators_rules_is_told(tmp_path: Path, files: dict[str, str | bytes], words: str) -> None:
    with pytest.raises(GuardRulesError) as told:
        read_guard_rules(write(tmp_path / "rules", **files))
    assert isinstance(told.value, ConfigurationError)
    assert words in told.value.what
    assert "docs/guard.md" in told.value.advice


def test_a_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(GuardRulesError, match="cannot be read: No such file or directory"):
        read_guard_rules(tmp_path / "absent")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "guard.cedar cannot be read: No such file"),
        ("", "guard.cedar holds no rule"),
        ('@id("all") permit (principal, action, resource);', "that no grant lists"),
        ('@id("none") forbid (principal, action, resource);', "hold no permit"),
    ],
)
def test_a_start_refuses_shipped_rules_that_were_spoilt(tmp_path: Path, text: str | None, words: str) -> None:
    place = write(tmp_path, guard_dot_cedarschema=FACTS, **({} if text is None else {"guard_dot_cedar": text}))
    with pytest.raises(GuardRulesError, match=words):
        read_guard_rules(shipped=place)


def test_a_shipped_schema_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(GuardRulesError, match=r"guard.cedarschema cannot be read"):
        read_guard_rules(shipped=write(tmp_path, guard_dot_cedar=TEXT))


def test_a_permit_for_everything_adds_nothing(tmp_path: Path) -> None:
    """The shipped forbids win: beyond the grant, the subject, the time and the policy there is nothing to be permitted."""
    rules = read_guard_rules(write(tmp_path, all_dot_cedar='@id("everything") permit (principal, action, resource);'))
    more = list(contradictions(rules))
    assert {facts.same_employee and facts.granted and facts.in_time for _, _, facts in more} == {True}
    assert all(rules.denial(case(agent, action, facts)) is None for agent, action, facts in more)


def test_an_added_rule_forbids_and_says_so_by_reason_or_id(tmp_path: Path) -> None:
    rule = 'forbid (principal, action, resource == Item::"aws") when { resource.employee.team == "engineering" };'
    jenkins = case("jenkins", Action.RUN_PIPELINE)
    named = read_guard_rules(write(tmp_path / "a", a_dot_cedar=f'@id("no_aws") {rule}'))
    assert named.denial(jenkins) == "the guard's rule no_aws forbids it"
    told = read_guard_rules(
        write(tmp_path / "b", a_dot_cedar=f'@id("no_aws") @reason("no {{item}} by {{action}}, {{agent}}") {rule}')
    )
    assert told.denial(jenkins) == "no aws by jenkins.run_pipeline, jenkins"
    elsewhere = replace(jenkins, place=replace(jenkins.place, team="data"))
    assert told.denial(elsewhere) is None


def test_files_count_by_name_whatever_their_last_line_is(tmp_path: Path) -> None:
    files = {f"{name}_dot_cedar": f'@id("{name}") forbid (principal, action, resource); // the end' for name in ("b", "a", "c")}
    rules = read_guard_rules(write(tmp_path, **files))
    assert [rule.id for rule in rules.rules][-3:] == ["a", "b", "c"]
    assert rules.denial(case("jenkins", Action.RUN_PIPELINE)) == "the guard's rule a forbids it"


def test_a_schema_of_before_grants_were_entities_stops_the_start(tmp_path: Path) -> None:
    old = FACTS.replace("entity Grant = {", "type Grant = {")
    assert old != FACTS
    with pytest.raises(GuardRulesError, match="schema"):
        read_guard_rules(write(tmp_path, own_dot_cedar=FINE, own_dot_cedarschema=old))


def test_a_further_agent_takes_a_schema_and_a_permit(tmp_path: Path) -> None:
    facts = FACTS.replace('"notify", "operator"]', '"notify", "operator", "archivist"]')
    permit = '@id("archivist") permit (principal == Agent::"archivist", action == Action::"mail.send", resource);'
    rules = read_guard_rules(write(tmp_path, own_dot_cedar=permit, own_dot_cedarschema=facts))
    granted = case("notify", Action.SEND_MAIL)
    mail = Proposal("archivist", Action.SEND_MAIL, "aws")
    assert rules.denial(replace(granted, proposal=mail, grant=replace(granted.grant, effects=(mail,)))) is None
    assert rules.denial(replace(granted, proposal=mail)) == "the grant has no mail.send for aws by agent archivist"


def test_the_version_tells_texts_apart(tmp_path: Path) -> None:
    plain, more = read_guard_rules(), read_guard_rules(write(tmp_path, a_dot_cedar=FINE))
    assert plain.version == read_guard_rules().version != more.version
    assert more.denial(replace(case("notify", Action.SEND_MAIL), now=NOW)) is None

"""Reading the guard's rules: those that ship, and an administrator's beside them. Whatever is wrong with them stops the start."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from string import Formatter
from typing import Any

import cedarpy

from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.errors import GuardRulesError
from agent_ops.domain.grants import Grant
from agent_ops.policies.guard_rules import PLACEHOLDERS, Case, GuardRules, Place, Rule

SHIPPED = Path(__file__).parent
RULES, SCHEMA = "guard.cedar", "guard.cedarschema"
AGENTS = ("entra", "jenkins", "notify", "operator")
_LONG_AGO = datetime(2000, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class RuleFile:
    """A file of rules and its text."""

    path: Path
    text: str

    @classmethod
    def read(cls, path: Path) -> RuleFile:
        return cls(path, _text(path))


def read_guard_rules(directory: Path | None = None, shipped: Path = SHIPPED) -> GuardRules:
    """The rules that ship and, in addition, every ``*.cedar`` file of an administrator's directory, by name.

    Cedar lets a forbid win over every permit: nothing that is added can let through what the shipped rules forbid.

    Args:
        directory: of the administrator's files; a ``*.cedarschema`` in it takes the shipped schema's place.
        shipped: where guard.cedar and guard.cedarschema lie.

    Raises:
        GuardRulesError: a file or the directory is missing or empty, a rule does not parse or fit the schema, has no ``@id`` of
            its own, or the whole permits nothing, or more than a grant.
    """
    own = _own_files(directory, ".cedar") if directory else []
    if directory and not own:
        raise GuardRulesError(f"the directory of guard rules {directory} holds no *.cedar file")
    schemas = _own_files(directory, ".cedarschema") if directory else []
    if len(schemas) > 1:
        raise GuardRulesError(f"the directory of guard rules {directory} holds {len(schemas)} schemas: at most one can count")
    schema = schemas[0] if schemas else shipped / SCHEMA
    return checked(build([RuleFile.read(path) for path in (shipped / RULES, *own)], RuleFile.read(schema)))


def build(files: Sequence[RuleFile], schema_file: RuleFile) -> GuardRules:
    """The rules in some files, each checked against the schema.

    Raises:
        GuardRulesError: naming file and rule.
    """
    try:
        schema = cedarpy.Schema.from_str(schema_file.text)
    except ValueError as error:
        raise GuardRulesError(f"the guard's schema {schema_file.path} is wrong: {error}") from error
    rules = [rule for file in files for rule in _rules_of(file, schema)]
    if twice := sorted({rule.id for rule in rules if [r.id for r in rules].count(rule.id) > 1}):
        raise GuardRulesError(f"two guard rules have the same @id: {', '.join(twice)}")
    text = "\n".join(file.text for file in files)
    version = hashlib.sha256(json.dumps([schema_file.text, *(file.text for file in files)]).encode()).hexdigest()[:16]
    numbered = dict(zip(_parsed(text), rules, strict=True))
    return GuardRules(cedarpy.PolicySet.from_str(text), schema, numbered, version, text)


def checked(rules: GuardRules) -> GuardRules:
    """The rules again, once they were seen to answer for every action, and to let nothing through that no grant lists.

    Raises:
        GuardRulesError: they permit nothing, everything, or speak of something else than this program.
    """
    if not any(rule.permits for rule in rules.rules):
        raise GuardRulesError("the guard's rules hold no permit: nothing could ever be done")
    now = datetime.now(timezone.utc)
    nothing = Grant("", "somebody", "", (), "", _LONG_AGO, now.replace(year=now.year + 1, day=1), "")
    for agent in AGENTS:
        for action in Action:
            denial = rules.denial(_ungranted(Proposal(agent, action, "anything"), nothing, now))
            if denial is None:
                raise GuardRulesError(f"the guard's rules let agent {agent} do {action.value} that no grant lists")
            if "cannot judge" in denial:
                raise GuardRulesError(f"the guard's schema does not fit this program: {denial}")
    return rules


def _own_files(directory: Path, suffix: str) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.suffix == suffix)
    except OSError as error:
        raise GuardRulesError(f"the directory of guard rules {directory} cannot be read: {error.strerror}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise GuardRulesError(f"the guard's file {path} cannot be read: {why}") from error


def _rules_of(file: RuleFile, schema: cedarpy.Schema) -> Iterator[Rule]:
    """One file's rules, in order."""
    try:
        parsed = _parsed(file.text)
    except ValueError as error:
        raise GuardRulesError(f"the guard's file {file.path} cannot be used: {error}") from error
    if not parsed:
        raise GuardRulesError(f"the guard's file {file.path} holds no rule")
    if errors := cedarpy.validate_policies(file.text, schema).errors:
        raise GuardRulesError(f"the guard's file {file.path} does not fit its schema: {_all(e.error for e in errors)}")
    for number, policy in enumerate(parsed.values(), 1):
        yield _rule(policy, file.path, number)


def _parsed(text: str) -> dict[str, Any]:
    """Cedar's JSON form of the policies, by the ids that Cedar gives them, in the text's order.

    https://docs.cedarpolicy.com/policies/json-format.html
    """
    found = json.loads(cedarpy.policies_to_json_str(text))
    if found["templates"]:
        raise ValueError("a template (?principal, ?resource) would never take effect")
    return dict(sorted(found["staticPolicies"].items(), key=lambda named: int(named[0].removeprefix("policy"))))


def _rule(policy: dict[str, Any], path: Path, number: int) -> Rule:
    notes = policy.get("annotations", {})
    key = notes.get("id")
    if not key:
        raise GuardRulesError(f'rule {number} in {path} has no @id("..."), by which denials are told and found')
    reason = notes.get("reason") or f"the guard's rule {key} forbids it"
    _check_placeholders(reason, f"rule {key} in {path}")
    return Rule(key, policy["effect"] == "permit", reason, str(path))


def _check_placeholders(reason: str, where: str) -> None:
    known = ", ".join(sorted(f"{{{name}}}" for name in PLACEHOLDERS))
    try:
        named = {name for _, name, _, _ in Formatter().parse(reason) if name is not None}
    except ValueError as error:
        raise GuardRulesError(f"the @reason of {where} has a stray brace: {error}") from error
    if unknown := named - PLACEHOLDERS:
        raise GuardRulesError(f"the @reason of {where} names {_all(sorted(unknown))}: only {known} are filled in")


def _all(words: Iterable[str]) -> str:
    return "; ".join(" ".join(word.split()) for word in words)


def _ungranted(proposal: Proposal, nothing: Grant, now: datetime) -> Case:
    """A case in which all is well, but that the grant lists nothing."""
    kind = {"jenkins": "pipeline"}.get(proposal.action.value.partition(".")[0], "group")
    return Case(proposal, nothing, "somebody", Place(), kind, True, now)

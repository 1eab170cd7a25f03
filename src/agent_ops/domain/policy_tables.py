"""From a policy file's parsed tables to its parts; each mistake is told with its table and key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent_ops.domain.account import ACCOUNT_KEYS, AccountRules
from agent_ops.domain.catalogue import (
    DEFAULT_INSTANCE,
    DEFAULT_TIMEOUT_SECONDS,
    CatalogueItem,
    Entitlements,
    GroupItem,
    Location,
    PipelineItem,
    Team,
)
from agent_ops.domain.errors import PolicyError
from agent_ops.domain.evidence import EvidenceRule
from agent_ops.domain.first_sign_in import LONGEST_MINUTES, SHORTEST_MINUTES, FirstSignInRules
from agent_ops.domain.notices import Contacts
from agent_ops.domain.recommendation import AUTO_KEYS, AutoRule
from agent_ops.domain.verification import VerifyRule

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_NAME = r"(?!\.\.?(/|$))(%[0-9A-Fa-f]{2}|[^/?*\\%!@#$^&|<>\[\]:;\x00-\x1f\x7f])+"
_JOB = re.compile(rf"{_NAME}(/{_NAME})*")  # Jenkins.checkGoodName; %2F stands in names of multibranch projects
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_PIPELINE_KEYS = {
    *("title", "pipeline", "instance", "parameters", "request_id_parameter", "user_parameter", "timeout_seconds"),
    *("unstable_is_success", "idempotent", "revoke", "evidence", "verify"),
    *AUTO_KEYS,
}
_GROUP_KEYS = {"title", "group", "account", "licence", "mailbox", "timeout_seconds", "evidence", "verify"}


def parse_domain(tables: Mapping[str, Any]) -> str:
    """The company's domain name."""
    domain = str(table_of(tables, "company").get("domain", ""))
    if not _DOMAIN.fullmatch(domain):
        raise PolicyError(f"[company] domain is no domain name: {domain!r}")
    return domain


def table_of(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = tables.get(name)
    if not isinstance(table, Mapping):
        raise PolicyError(f"the table [{name}] is missing")
    return table


def tables_of(tables: Mapping[str, Any], name: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = list(table_of(tables, name).items())
    for key, table in found:
        if not _KEY.fullmatch(key) or not isinstance(table, Mapping):
            raise PolicyError(f"[{name}.{key}] must be a table with a lower-case key")
    return found


def check_keys(where: str, table: Mapping[str, Any], known: set[str]) -> None:
    if unknown := set(table) - known:
        raise PolicyError(f"{where} has unknown keys: {', '.join(sorted(unknown))} (known: {', '.join(sorted(known))})")


def parse_item(key: str, table: Mapping[str, Any]) -> CatalogueItem:
    where = f"[items.{key}]"
    title = str(table.get("title", key))
    if "group" in table:
        check_keys(where, table, _GROUP_KEYS)
        return _group(where, key, title, table)
    check_keys(where, table, _PIPELINE_KEYS)
    pipeline = str(table.get("pipeline", ""))
    if not _JOB.fullmatch(pipeline):
        raise PolicyError(f"{where} needs either group (an object id) or pipeline (a Jenkins job's full folder path)")
    item = PipelineItem(
        key,
        title,
        pipeline,
        {str(name): str(value) for name, value in table.get("parameters", {}).items()},
        str(table.get("user_parameter", PipelineItem.user_parameter)),
        str(table.get("request_id_parameter", PipelineItem.request_id_parameter)),
        float(table.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)),
        _instance(where, table),
        _flag(where, table, "unstable_is_success"),
        _flag(where, table, "idempotent"),
        str(table.get("revoke", "")),
        _evidence(where, table),
        _verify(where, table),
        AutoRule.from_table(where, table),
    )
    if item.revoke and not _JOB.fullmatch(item.revoke):
        raise PolicyError(f"{where} revoke {item.revoke!r} is no Jenkins job's full folder path")
    names = [*item.parameters, item.user_parameter, item.request_id_parameter, *([item.auto.parameter] if item.auto else [])]
    if len(set(names)) != len(names) or item.timeout_seconds <= 0:
        raise PolicyError(f"{where} repeats a parameter name or has no positive timeout_seconds")
    return item


def _group(where: str, key: str, title: str, table: Mapping[str, Any]) -> GroupItem:
    licence, mailbox = str(table.get("licence", "")), bool(table.get("mailbox", False))
    timeout = float(table.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS))
    if (mailbox and not licence) or timeout <= 0:
        raise PolicyError(f"{where} has a mailbox without a licence, or no positive timeout_seconds")
    account = bool(table.get("account", bool(licence)))
    return GroupItem(
        key, title, str(table["group"]), account, licence, mailbox, timeout, _evidence(where, table), _verify(where, table)
    )


def parse_account(table: Mapping[str, Any]) -> AccountRules:
    check_keys("[account]", table, ACCOUNT_KEYS)
    rules = AccountRules(
        str(table.get("employee_type", AccountRules.employee_type)),
        bool(table.get("disabled_until_start", False)),
        str(table.get("usage_location", "")),
    )
    if rules.usage_location and not re.fullmatch(r"[A-Z]{2}", rules.usage_location):
        raise PolicyError(f"[account] usage_location {rules.usage_location!r} is no ISO 3166-1 alpha-2 code")
    return rules


def _evidence(where: str, table: Mapping[str, Any]) -> EvidenceRule | None:
    return EvidenceRule.from_table(where, table["evidence"]) if "evidence" in table else None


def _verify(where: str, table: Mapping[str, Any]) -> VerifyRule | None:
    return VerifyRule.from_table(where, table["verify"]) if "verify" in table else None


def parse_first_sign_in(table: Mapping[str, Any]) -> FirstSignInRules:
    where = "[first_sign_in]"
    check_keys(where, table, {"days", "minutes", "per_hour", "url"})
    rules = FirstSignInRules(**table)
    for name, least, most in (("days", 1, 365), ("minutes", SHORTEST_MINUTES, LONGEST_MINUTES), ("per_hour", 1, 10_000)):
        value = getattr(rules, name)
        if type(value) is not int or not least <= value <= most:
            raise PolicyError(f"{where} {name} must be a whole number from {least} to {most}")
    if not re.fullmatch(r"https://[^\s/@]+(/\S*)?", str(rules.url)):
        raise PolicyError(f"{where} url {rules.url!r} is no https address")
    return rules


def _instance(where: str, table: Mapping[str, Any]) -> str:
    instance = str(table.get("instance", DEFAULT_INSTANCE))
    if not _KEY.fullmatch(instance):
        raise PolicyError(f"{where} instance {instance!r} is no lower-case name")
    return instance


def _flag(where: str, table: Mapping[str, Any], name: str) -> bool:
    value = table.get(name, False)
    if not isinstance(value, bool):
        raise PolicyError(f"{where} {name} must be true or false")
    return value


def parse_location(key: str, table: Mapping[str, Any]) -> Location:
    check_keys(f"[locations.{key}]", table, {"title", "zone", "country"})
    location = Location(key, str(table.get("title", key)), str(table.get("zone", "")), str(table.get("country", "")))
    try:
        ZoneInfo(location.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise PolicyError(f"[locations.{key}] zone {location.zone!r} is no IANA time zone") from error
    if not re.fullmatch(r"[A-Z]{2}", location.country):
        raise PolicyError(f"[locations.{key}] country {location.country!r} is no ISO 3166-1 alpha-2 code")
    return location


def parse_team(key: str, table: Mapping[str, Any], levels: tuple[str, ...], catalogue: Mapping[str, CatalogueItem]) -> Team:
    where = f"[teams.{key}]"
    check_keys(where, table, {"title", "allowed", "birthright", "levels", "job_title", "employee_type", "contacts"})
    own = _entitlements(where, table, frozenset(), catalogue)
    by_level, job_titles = {}, {"": str(table.get("job_title", ""))}
    for level, more in table.get("levels", {}).items():
        if level not in levels:
            raise PolicyError(f"{where} names the unknown level {level!r}; levels lists: {', '.join(levels)}")
        check_keys(f"{where} level {level}", more, {"allowed", "birthright", "job_title"})
        job_titles[level] = str(more.get("job_title", ""))
        by_level[level] = _entitlements(f"{where} level {level}", more, own.allowed, catalogue)
    contacts = Contacts.from_table(f"{where} contacts", table.get("contacts", {}))
    return Team(key, str(table.get("title", key)), own, by_level, job_titles, str(table.get("employee_type", "")), contacts)


def _entitlements(
    where: str, table: Mapping[str, Any], inherited: frozenset[str], catalogue: Mapping[str, CatalogueItem]
) -> Entitlements:
    allowed, birthright = frozenset(table.get("allowed", ())), frozenset(table.get("birthright", ()))
    if unknown := (allowed | birthright) - set(catalogue):
        raise PolicyError(f"{where} names items that are not in the catalogue: {', '.join(sorted(map(str, unknown)))}")
    if beyond := birthright - allowed - inherited:
        raise PolicyError(f"{where} gives by birthright what is not allowed: {', '.join(sorted(beyond))}")
    return Entitlements(allowed, birthright)

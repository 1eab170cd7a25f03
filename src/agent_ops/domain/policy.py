"""The entitlement policy: which access exists, who may have it, who gets it by default.

The file format is described in docs/policy.md; reading the file is done elsewhere, this takes the parsed tables.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.account import ACCOUNT_KEYS, AccountRules, Post
from agent_ops.domain.employee import Profile
from agent_ops.domain.errors import InvalidRequest, PolicyError
from agent_ops.domain.notices import Contacts

_KEY = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_NAME = r"(?!\.\.?(/|$))(%[0-9A-Fa-f]{2}|[^/?*\\%!@#$^&|<>\[\]:;\x00-\x1f\x7f])+"
_JOB = re.compile(rf"{_NAME}(/{_NAME})*")  # Jenkins.checkGoodName; %2F stands in names of multibranch projects
_DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
_PIPELINE_KEYS = {
    *("title", "pipeline", "instance", "parameters", "request_id_parameter", "user_parameter", "timeout_seconds"),
    *("unstable_is_success", "idempotent"),
}
_GROUP_KEYS = {"title", "group", "account", "licence", "mailbox", "timeout_seconds"}
DEFAULT_TIMEOUT_SECONDS = 3600.0
DEFAULT_INSTANCE = "default"


@dataclass(frozen=True)
class PipelineItem:
    """An access that a Jenkins job provisions.

    ``pipeline`` is the job's full folder path. ``parameters`` are fixed; the employee's address is sent as
    ``user_parameter`` and our request id as ``request_id_parameter``: both must be declared by the job, because Jenkins
    drops undeclared parameters silently. ``instance`` names the Jenkins that has the job. ``idempotent``: running it twice
    does no harm, so that a build whose fate is unknown may be repeated.
    """

    key: str
    title: str
    pipeline: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    user_parameter: str = "USER_EMAIL"
    request_id_parameter: str = "AGENT_OPS_REQUEST_ID"
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    instance: str = DEFAULT_INSTANCE
    unstable_is_success: bool = False
    idempotent: bool = False


@dataclass(frozen=True)
class GroupItem:
    """An access that membership in an Entra group gives.

    Args:
        group: the group's object id.
        account: the account is not ready without it (single sign-on, a licence): pipelines wait for it.
        licence: the SKU that the group assigns, such as 'SPE_E3'; free seats are checked first, then the assignment is awaited.
        mailbox: the licence brings a mailbox: ``mail`` must have a value before it counts as assigned.
        timeout_seconds: how long licence and mailbox may take.
    """

    key: str
    title: str
    group: str
    account: bool = False
    licence: str = ""
    mailbox: bool = False
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS


CatalogueItem = PipelineItem | GroupItem


@dataclass(frozen=True)
class Location:
    """A place of work: IANA time zone and ISO 3166-1 alpha-2 country."""

    key: str
    title: str
    zone: str
    country: str


@dataclass(frozen=True)
class Entitlements:
    """What people of one kind may have, and what of it they get unasked."""

    allowed: frozenset[str] = frozenset()
    birthright: frozenset[str] = frozenset()

    def __or__(self, other: Entitlements) -> Entitlements:
        return Entitlements(self.allowed | other.allowed, self.birthright | other.birthright)


@dataclass(frozen=True)
class Team:
    """A team: its own entitlements, what each level in it has beyond them, and its points of contact.

    ``job_titles`` maps levels, and '' for the team as a whole, to titles; ``employee_type`` overrides the company's.
    """

    key: str
    title: str
    own: Entitlements
    levels: Mapping[str, Entitlements]
    job_titles: Mapping[str, str] = field(default_factory=dict)
    employee_type: str = ""
    contacts: Contacts = field(default_factory=Contacts)


@dataclass(frozen=True)
class EntitlementPolicy:
    """The whole policy. ``version`` is a hash of its contents: it stands in every grant."""

    domain: str
    catalogue: Mapping[str, CatalogueItem]
    locations: Mapping[str, Location]
    levels: tuple[str, ...]
    teams: Mapping[str, Team]
    version: str
    account: AccountRules = field(default_factory=AccountRules)

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> EntitlementPolicy:
        """Check parsed TOML tables and build the policy from them.

        Raises:
            PolicyError: naming the table and key that is wrong.
        """
        _known_keys("the file", tables, {"company", "account", "locations", "items", "levels", "teams"})
        domain = str(_table(tables, "company").get("domain", ""))
        if not _DOMAIN.fullmatch(domain):
            raise PolicyError(f"[company] domain is no domain name: {domain!r}")
        catalogue = {key: _item(key, table) for key, table in _tables(tables, "items")}
        levels = tuple(str(level) for level in tables.get("levels", ()))
        return cls(
            domain=domain,
            catalogue=catalogue,
            locations={key: _location(key, table) for key, table in _tables(tables, "locations")},
            levels=levels,
            teams={key: _team(key, table, levels, catalogue) for key, table in _tables(tables, "teams")},
            account=_account(tables.get("account", {})),
            version=hashlib.sha256(json.dumps(tables, sort_keys=True, default=str).encode()).hexdigest()[:16],
        )

    def check_instances(self, known: Iterable[str]) -> None:
        """Refuse pipelines on a Jenkins that the settings do not have.

        Raises:
            PolicyError: naming item and instance.
        """
        names = sorted({DEFAULT_INSTANCE, *known})
        for item in self.catalogue.values():
            if isinstance(item, PipelineItem) and item.instance not in names:
                raise PolicyError(
                    f"[items.{item.key}] names the unknown Jenkins instance {item.instance!r} (known: {', '.join(names)})",
                    "Add it to AGENT_OPS_JENKINS_INSTANCES, or mend the entitlement policy file.",
                )

    def team_of(self, profile: Profile) -> Team:
        """The profile's team, by key or title, in any case.

        Raises:
            InvalidRequest: when the policy has no such team.
        """
        team: Team = _find("team", profile.team, self.teams)
        return team

    def location_of(self, profile: Profile) -> Location | None:
        """The profile's location, None when it names none."""
        return _find("location", profile.location, self.locations) if profile.location else None

    def contacts_of(self, profile: Profile, fallback: Contacts) -> Contacts:
        """To whom notices about this profile go: its team's points of contact, the fallback's where the team names none.

        A team that today's policy no longer has names none: a notice that is due is not lost with it.
        """
        try:
            return self.team_of(profile).contacts.or_else(fallback)
        except InvalidRequest:
            return fallback

    def entitlements_of(self, profile: Profile) -> Entitlements:
        """What this profile may have and gets: its team's entitlements and those of its level in the team."""
        team = self.team_of(profile)
        return team.own | team.levels.get(self._level_of(profile), Entitlements())

    def post_of(self, profile: Profile) -> Post:
        """The profile's place in the company, by its team, level and location.

        Raises:
            InvalidRequest: when the policy does not have them.
        """
        team, level, location = self.team_of(profile), self._level_of(profile), self.location_of(profile)
        return Post(
            department=team.title,
            job_title=team.job_titles.get(level) or team.job_titles.get("") or f"{team.title} {level}".strip(),
            employee_type=team.employee_type or self.account.employee_type,
            country=location.country if location else self.account.usage_location,
            zone=location.zone if location else "",
        )

    def _level_of(self, profile: Profile) -> str:
        """The profile's level as the policy writes it, empty when it names none."""
        if profile.level is None:
            return ""
        level = next((known for known in self.levels if known.casefold() == profile.level.casefold()), None)
        if level is None:
            raise InvalidRequest(
                "level", f"{profile.level!r} is no level of the policy", f"Use one of: {', '.join(self.levels)}."
            )
        return level

    def due(self, profile: Profile, requested: Iterable[str] | None) -> tuple[AccessItem, ...]:
        """The access items of a request: what is asked for, or the birthright when nothing is said.

        What goes beyond ``allowed`` is in the answer too, as denied, with its reason.

        Raises:
            InvalidRequest: for an unknown team, level, location or item.
        """
        self.location_of(profile)
        entitled = self.entitlements_of(profile)
        if requested is None:
            return tuple(AccessItem(key, ItemStatus.PENDING) for key in sorted(entitled.birthright))
        return tuple(self._asked(key, profile, entitled) for key in dict.fromkeys(_keys(requested)))

    def _asked(self, key: str, profile: Profile, entitled: Entitlements) -> AccessItem:
        if key not in self.catalogue:
            raise InvalidRequest(
                "access_items", f"{key!r} is not in the catalogue", f"Use of: {', '.join(sorted(self.catalogue))}."
            )
        if key in entitled.allowed:
            return AccessItem(key, ItemStatus.PENDING)
        who = f"team {profile.team}" + (f" at level {profile.level}" if profile.level else "")
        return AccessItem(key, ItemStatus.DENIED, f"the entitlement policy does not allow {key} for {who}")


def _keys(requested: Iterable[str]) -> list[str]:
    keys = [] if isinstance(requested, str) else list(requested)
    if isinstance(requested, str) or not all(isinstance(key, str) for key in keys):
        raise InvalidRequest("access_items", "must be a list of catalogue keys", "For example: aws, github.")
    return [key.strip().casefold() for key in keys]


def _find(kind: str, wanted: str, known: Mapping[str, Any]) -> Any:
    for key, value in known.items():
        if wanted.strip().casefold() in (key.casefold(), value.title.casefold()):
            return value
    raise InvalidRequest(kind, f"{wanted!r} is not in the entitlement policy", f"Use one of: {', '.join(sorted(known))}.")


def _table(tables: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = tables.get(name)
    if not isinstance(table, Mapping):
        raise PolicyError(f"the table [{name}] is missing")
    return table


def _tables(tables: Mapping[str, Any], name: str) -> list[tuple[str, Mapping[str, Any]]]:
    found = list(_table(tables, name).items())
    for key, table in found:
        if not _KEY.fullmatch(key) or not isinstance(table, Mapping):
            raise PolicyError(f"[{name}.{key}] must be a table with a lower-case key")
    return found


def _known_keys(where: str, table: Mapping[str, Any], known: set[str]) -> None:
    if unknown := set(table) - known:
        raise PolicyError(f"{where} has unknown keys: {', '.join(sorted(unknown))} (known: {', '.join(sorted(known))})")


def _item(key: str, table: Mapping[str, Any]) -> CatalogueItem:
    where = f"[items.{key}]"
    title = str(table.get("title", key))
    if "group" in table:
        _known_keys(where, table, _GROUP_KEYS)
        return _group(where, key, title, table)
    _known_keys(where, table, _PIPELINE_KEYS)
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
    )
    names = [*item.parameters, item.user_parameter, item.request_id_parameter]
    if len(set(names)) != len(names) or item.timeout_seconds <= 0:
        raise PolicyError(f"{where} repeats a parameter name or has no positive timeout_seconds")
    return item


def _group(where: str, key: str, title: str, table: Mapping[str, Any]) -> GroupItem:
    licence, mailbox = str(table.get("licence", "")), bool(table.get("mailbox", False))
    timeout = float(table.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS))
    if (mailbox and not licence) or timeout <= 0:
        raise PolicyError(f"{where} has a mailbox without a licence, or no positive timeout_seconds")
    return GroupItem(key, title, str(table["group"]), bool(table.get("account", bool(licence))), licence, mailbox, timeout)


def _account(table: Mapping[str, Any]) -> AccountRules:
    _known_keys("[account]", table, ACCOUNT_KEYS)
    rules = AccountRules(
        str(table.get("employee_type", AccountRules.employee_type)),
        bool(table.get("disabled_until_start", False)),
        str(table.get("usage_location", "")),
    )
    if rules.usage_location and not re.fullmatch(r"[A-Z]{2}", rules.usage_location):
        raise PolicyError(f"[account] usage_location {rules.usage_location!r} is no ISO 3166-1 alpha-2 code")
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


def _location(key: str, table: Mapping[str, Any]) -> Location:
    _known_keys(f"[locations.{key}]", table, {"title", "zone", "country"})
    location = Location(key, str(table.get("title", key)), str(table.get("zone", "")), str(table.get("country", "")))
    try:
        ZoneInfo(location.zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise PolicyError(f"[locations.{key}] zone {location.zone!r} is no IANA time zone") from error
    if not re.fullmatch(r"[A-Z]{2}", location.country):
        raise PolicyError(f"[locations.{key}] country {location.country!r} is no ISO 3166-1 alpha-2 code")
    return location


def _team(key: str, table: Mapping[str, Any], levels: tuple[str, ...], catalogue: Mapping[str, CatalogueItem]) -> Team:
    where = f"[teams.{key}]"
    _known_keys(where, table, {"title", "allowed", "birthright", "levels", "job_title", "employee_type", "contacts"})
    own = _entitlements(where, table, frozenset(), catalogue)
    by_level, job_titles = {}, {"": str(table.get("job_title", ""))}
    for level, more in table.get("levels", {}).items():
        if level not in levels:
            raise PolicyError(f"{where} names the unknown level {level!r}; levels lists: {', '.join(levels)}")
        _known_keys(f"{where} level {level}", more, {"allowed", "birthright", "job_title"})
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

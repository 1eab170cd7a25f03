"""The entitlement policy: which access exists, who may have it, who gets it by default.

The file format is described in docs/policy.md; reading the file is done elsewhere, this takes the parsed tables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.account import AccountRules, Post
from agent_ops.domain.catalogue import DEFAULT_INSTANCE, CatalogueItem, Entitlements, GroupItem, Location, PipelineItem, Team
from agent_ops.domain.employee import Profile
from agent_ops.domain.errors import Against, InvalidRequest, PolicyError
from agent_ops.domain.first_sign_in import FirstSignInRules
from agent_ops.domain.grants import callers_from_table
from agent_ops.domain.limits import Limits
from agent_ops.domain.notices import Contacts
from agent_ops.domain.policy_tables import (
    check_keys,
    parse_account,
    parse_domain,
    parse_first_sign_in,
    parse_item,
    parse_location,
    parse_team,
    tables_of,
)
from agent_ops.domain.recommendation import RecommendRules
from agent_ops.domain.separation import Separation, collision, separations_from

__all__ = [
    "DEFAULT_INSTANCE",
    "CatalogueItem",
    "EntitlementPolicy",
    "Entitlements",
    "GroupItem",
    "Location",
    "PipelineItem",
    "Team",
]


@dataclass(frozen=True)
class EntitlementPolicy:
    """The whole policy.

    ``version`` is a hash of everything that decides what a grant holds, so not of callers and limits: it stands in every
    grant. ``callers`` None: the file names none. ``text`` is the file's, as read.
    """

    domain: str
    catalogue: Mapping[str, CatalogueItem]
    locations: Mapping[str, Location]
    levels: tuple[str, ...]
    teams: Mapping[str, Team]
    version: str
    account: AccountRules = field(default_factory=AccountRules)
    text: str = field(default="", repr=False, compare=False)
    limits: Limits = field(default_factory=Limits)
    callers: Mapping[str, frozenset[str]] | None = None
    separations: tuple[Separation, ...] = ()
    first_sign_in: FirstSignInRules = field(default_factory=FirstSignInRules)
    recommend: RecommendRules = field(default_factory=RecommendRules)

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any]) -> EntitlementPolicy:
        """Check parsed TOML tables and build the policy from them.

        Raises:
            PolicyError: naming the table and key that is wrong.
        """
        known = {"company", "account", "first_sign_in", "locations", "items", "levels", "teams"}
        check_keys("the file", tables, known | {"separation", "callers", "limits", "recommend"})
        catalogue = {key: parse_item(key, table) for key, table in tables_of(tables, "items")}
        levels = tuple(str(level) for level in tables.get("levels", ()))
        policy = cls(
            domain=parse_domain(tables),
            catalogue=catalogue,
            locations={key: parse_location(key, table) for key, table in tables_of(tables, "locations")},
            levels=levels,
            teams={key: parse_team(key, table, levels, catalogue) for key, table in tables_of(tables, "teams")},
            account=parse_account(tables.get("account", {})),
            first_sign_in=parse_first_sign_in(tables.get("first_sign_in", {})),
            separations=separations_from(tables.get("separation", []), catalogue),
            recommend=RecommendRules.from_policy(tables.get("recommend", {})),
            limits=Limits.from_table(tables.get("limits", {})),
            callers=callers_from_table(tables["callers"]) if "callers" in tables else None,
            version=_version({key: table for key, table in tables.items() if key not in ("callers", "limits", "first_sign_in")}),
        )
        policy._check_birthrights()
        policy._check_auto()
        return policy

    def _check_birthrights(self) -> None:
        """Refuse a team or level that gives unasked what one person may not hold."""
        for team in self.teams.values():
            for level in ("", *team.levels):
                given = (team.own | team.levels.get(level, Entitlements())).birthright
                if found := collision(self.separations, given):
                    raise PolicyError(
                        f"[teams.{team.key}]{f' level {level}' if level else ''} gives by birthright: {found.words}"
                    )

    def _check_auto(self) -> None:
        """Refuse that something is given unasked which not everybody may hold beside everything else."""
        for rule in self.separations:
            if found := sorted(key for key in rule.items if getattr(self.catalogue[key], "auto", None)):
                raise PolicyError(f"[items.{found[0]}] auto = true, and [[separation]] names it: it is not of low risk")

    def check_evidence(self, kinds: Iterable[str]) -> None:
        """Refuse items whose approval nothing here can look up.

        Raises:
            PolicyError: naming item and kind.
        """
        for item in self.catalogue.values():
            if item.evidence is not None and item.evidence.kind not in set(kinds):
                raise PolicyError(
                    f"[items.{item.key}] needs evidence of the kind {item.evidence.kind!r}, which nothing here can look up",
                    "For jira set JIRA_BASE_URL, JIRA_USERNAME and JIRA_API_TOKEN; for another kind install its package.",
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
        return team.own | team.levels.get(self.level_of(profile), Entitlements())

    def post_of(self, profile: Profile) -> Post:
        """The profile's place in the company, by its team, level and location.

        Raises:
            InvalidRequest: when the policy does not have them.
        """
        team, level, location = self.team_of(profile), self.level_of(profile), self.location_of(profile)
        return Post(
            department=team.title,
            job_title=team.job_titles.get(level) or team.job_titles.get("") or f"{team.title} {level}".strip(),
            employee_type=team.employee_type or self.account.employee_type,
            country=location.country if location else self.account.usage_location,
            zone=location.zone if location else "",
        )

    def level_of(self, profile: Profile) -> str:
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

    def check_separation(self, wanted: Collection[str], held: Collection[str] = ()) -> None:
        """Refuse items that one person may not hold, beside each other or beside what is held.

        Raises:
            Against: naming the two and the reason.
        """
        if found := collision(self.separations, wanted, held):
            raise Against("access_items", found.words, "Ask for one of them only.")

    def _asked(self, key: str, profile: Profile, entitled: Entitlements) -> AccessItem:
        if key not in self.catalogue:
            raise InvalidRequest(
                "access_items", f"{key!r} is not in the catalogue", f"Use of: {', '.join(sorted(self.catalogue))}."
            )
        if key in entitled.allowed:
            return AccessItem(key, ItemStatus.PENDING)
        who = f"team {profile.team}" + (f" at level {profile.level}" if profile.level else "")
        return AccessItem(key, ItemStatus.DENIED, f"the entitlement policy does not allow {key} for {who}")


def _version(tables: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(tables, sort_keys=True, default=str).encode()).hexdigest()[:16]


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

"""From an entitlement policy to a world in which every catalogue item has its pipeline or group."""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, fields
from pathlib import Path

from agent_ops.domain.evidence import JIRA
from agent_ops.domain.policy import EntitlementPolicy, GroupItem, PipelineItem
from agent_ops.sandbox.world import (
    Credentials,
    GroupSeed,
    JobSeed,
    LicenceSeed,
    OutcomeSeed,
    ProjectSeed,
    SpaceSeed,
    UserSeed,
    World,
)

DEFAULT_PIPELINE_SECONDS = 0.5
DEFAULT_SEATS = 1000
_PROJECTS = (
    ProjectSeed("API", "Public API", 1300),
    ProjectSeed("INFRA", "Infrastructure", 800),
    ProjectSeed("ONB", "Onboarding", 120),
    ProjectSeed("OPS", "IT operations", 1400),
    ProjectSeed("SEC", "Access approvals"),
    ProjectSeed("WEB", "Website", 1900),
)
_SPACES = (
    SpaceSeed("ENG", "Engineering", 3000),
    SpaceSeed("HR", "People and culture", 600),
    SpaceSeed("OPS", "IT operations", 1800),
)
_DEFAULT_SKU = "SPE_E3"  # Microsoft 365 E3


def world_of(policy: EntitlementPolicy, credentials: Credentials, pipeline_seconds: float = DEFAULT_PIPELINE_SECONDS) -> World:
    """The world of a policy: a few people, the groups and the jobs."""
    pipelines = [item for item in policy.catalogue.values() if isinstance(item, PipelineItem)]
    groups = [item for item in policy.catalogue.values() if isinstance(item, GroupItem)]
    return World(
        credentials=credentials,
        domain=policy.domain,
        users=(
            UserSeed(f"dana.whitfield@{policy.domain}", "Dana Whitfield"),
            UserSeed(f"alice.chen@{policy.domain}", "Alice Chen"),
            UserSeed(f"svc-jenkins@{policy.domain}", "Jenkins"),
        ),
        groups=tuple(GroupSeed(item.group, item.title, _licence(item)) for item in groups),
        jobs=tuple(_jobs(pipelines, pipeline_seconds)),
        projects=(*_PROJECTS, *(ProjectSeed(key, key) for key in sorted(_projects(policy) - {one.key for one in _PROJECTS}))),
        spaces=(*_SPACES, *(SpaceSeed(key, key.title(), 24) for key in sorted(_spaces(policy) - {one.key for one in _SPACES}))),
        outcomes=tuple(
            OutcomeSeed(item.verify.kind, item.pipeline, item.user_parameter, item.verify.target)
            for item in pipelines
            if item.verify
        ),
        licences=tuple(LicenceSeed(sku, DEFAULT_SEATS) for sku in sorted({_DEFAULT_SKU, *map(_licence, groups)} - {""})),
    )


def _projects(policy: EntitlementPolicy) -> set[str]:
    """The Jira projects in which the policy wants approvals to lie."""
    rules = [item.evidence for item in policy.catalogue.values() if item.evidence]
    return {rule.project for rule in rules if rule.kind == JIRA}


def _spaces(policy: EntitlementPolicy) -> set[str]:
    """The Confluence spaces in which the policy wants somebody to be seen."""
    rules = [item.verify for item in policy.catalogue.values() if item.verify]
    return {rule.target for rule in rules if rule.kind == "confluence_space"}


def _licence(item: GroupItem) -> str:
    """What members of the group get; the item ``m365`` means the usual product when it names none."""
    licence: str = getattr(item, "licence", "")
    return licence or (_DEFAULT_SKU if item.key == "m365" else "")


def _jobs(pipelines: list[PipelineItem], seconds: float) -> list[JobSeed]:
    """One job per instance and path: items may share a pipeline."""
    declared: dict[tuple[str, str], dict[str, None]] = {}
    for item in pipelines:
        names = (*item.parameters, item.user_parameter, item.request_id_parameter)
        declared.setdefault((item.instance, item.pipeline), {}).update(dict.fromkeys(names))
        if item.revoke:
            own = (item.user_parameter, item.request_id_parameter)
            declared.setdefault((item.instance, item.revoke), {}).update(dict.fromkeys(own))
    return [JobSeed(path, tuple(names), seconds, instance) for (instance, path), names in declared.items()]


def ensure_credentials(path: Path) -> Credentials:
    """The sandbox's random secrets, made once and kept in a file that only its owner reads."""
    kept = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    made = Credentials(**{one.name: kept.get(one.name) or secrets.token_urlsafe(24) for one in fields(Credentials)})
    if kept == asdict(made):
        return made
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(made)), encoding="utf-8")
    return made

"""Threat cases and the worlds that they stand in, read from JSON: the shared ones beside the project, and our own."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agent_ops.agents import load_agents

OWN = Path(__file__).with_name("more.json")
SHARED = Path(__file__).resolve().parents[3] / "shared" / "security"
ONBOARD = "/api/users/onboard_user"
TASK = "/api/execute_task"


@dataclass(frozen=True)
class World:
    """What stands before a case: people, keys with their scopes, and who may have what."""

    domain: str
    people: tuple[str, ...]
    keys: dict[str, tuple[str, ...]]
    policy: dict[str, tuple[str, ...]]
    jobs: dict[str, str]
    parameters: dict[str, dict[str, str]] = field(default_factory=dict)
    groups: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> World:
        return cls(
            domain=data["domain"],
            people=tuple(data["existing_users"]),
            keys={name: tuple(scopes) for name, scopes in data["api_keys"].items()},
            policy={team: tuple(items) for team, items in data["policy"].items()},
            jobs=data["jobs"],
            parameters=data.get("parameters", {"aws": {"ROLE": "engineer"}}),
            groups=data.get("groups", {}),
        )

    def policy_toml(self) -> str:
        """The world's policy as an entitlement policy file (JSON strings are TOML strings)."""
        lines = ['levels = ["L1", "L2"]', "[company]", f"domain = {json.dumps(self.domain)}", "[locations.lisbon]"]
        lines += ['title = "Lisbon"', 'zone = "Europe/Lisbon"', 'country = "PT"']
        for key, job in self.jobs.items():
            fixed = ", ".join(f"{name} = {json.dumps(value)}" for name, value in self.parameters.get(key, {}).items())
            lines += [f"[items.{key}]", f"pipeline = {json.dumps(job)}", f"parameters = {{ {fixed} }}"]
        for key, group in self.groups.items():
            lines += [f"[items.{key}]", f"group = {json.dumps(group)}"]
        for team, items in self.policy.items():
            lines += [f"[teams.{team.lower()}]", f"title = {json.dumps(team)}", f"allowed = {json.dumps(list(items))}"]
        return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Case:
    """One threat case. ``way`` is the way in; ``more`` whatever that way needs to know."""

    id: str
    category: str
    planted_in: str
    payload: Any
    planner: str
    way: str
    request: dict[str, Any]
    outcome: dict[str, Any]
    invariants: tuple[str, ...]
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def sentences(self) -> tuple[tuple[str, bool], ...]:
        """Each sentence with whether it must hold (else it must not)."""
        musts = [(words, True) for words in self.outcome.get("must", ())]
        return (*musts, *((words, False) for words in self.outcome.get("must_not", ())))

    @property
    def body(self) -> dict[str, Any]:
        return dict(self.request.get("body", {}))

    @property
    def planted(self) -> str:
        """The payload as the text that somebody reads."""
        return self.payload if isinstance(self.payload, str) else json.dumps(self.payload, ensure_ascii=False)


def _case(data: dict[str, Any]) -> Case:
    request = data.get("request", {})
    return Case(
        id=data["id"],
        category=data["category"],
        planted_in=data["planted_in"],
        payload=data["payload"],
        planner=data["planner"],
        way=data.get("way") or way_of(data),
        request=request,
        outcome=data["required_outcome"],
        invariants=tuple(data["invariants"]),
        more=data.get("more", {}),
    )


BY_CATEGORY = {"crash_resume": "killed", "deserialization": "checkpoint", "flood": "flood", "replay": "repeated"}
BY_PATH = {
    "/api/users/delete_email_by_name": "clear_address",
    "/api/users/update_status": "viewer",
    TASK: "task",
    "/api/runs": "lookup",
}
"""A REST path, without its query, as the library's way in: `ways` has one function for each."""


def read_by(planted_in: str) -> str:
    """The agent that reads where the text is planted; empty when none does."""
    words = planted_in.lower().split()
    return next((name for name in ("jira", "github", "confluence", "aws") if name in words), "")


def way_of(data: dict[str, Any]) -> str:
    """The library's way in for a case of the REST service; empty when there is none."""
    path = data.get("request", {}).get("path", "").partition("?")[0]
    if data["category"] in BY_CATEGORY:
        return BY_CATEGORY[data["category"]]
    if path == ONBOARD and read_by(data["planted_in"]) in load_agents():
        return "read"
    if path == ONBOARD:
        return "repeated" if data["request"].get("headers") else "onboard"
    if path == TASK and data["request"].get("as") is None:
        return "stranger"
    return "pages" if path.startswith("/langserve/") else BY_PATH.get(path, "")


def load(path: Path) -> tuple[World, list[Case]]:
    """The world and the cases of one file."""
    data = json.loads(path.read_text(encoding="utf-8"))
    found = [one for case in data["cases"] for one in _each(_case(case))]
    return World.from_json(data["world"]), found


def _each(case: Case) -> list[Case]:
    """A case of several kill points is a case for each of them."""
    listed = case.planted.partition("kill points: ")[2]
    if not listed:
        return [case]
    return [replace(case, id=f"{case.id}-{kill.replace(' ', '-')}", more={"kill": kill}) for kill in listed.split(", ")]


def is_request(case: Case) -> bool:
    """Whether the case is a request of the REST service."""
    return not case.id.startswith("OWN-") and case.request.get("path", "").startswith("/api/")


def files() -> list[Path]:
    """Our own cases, and every file of shared ones that is there."""
    return [OWN, *sorted(SHARED.glob("threats*.json"))]

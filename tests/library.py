"""Agents and readers written in a test: a scripted library beside the built-in agents, so that tasks read without services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import pytest
from pydantic import Field

from agent_ops.agents import AgentSpec, load_agents
from agent_ops.domain.errors import AgentOpsError
from agent_ops.domain.readings import Reading, Source
from agent_ops.tools.choices import NoChoice
from agent_ops.tools.read_tool import ReadTool


class PullRequests(NoChoice):
    repository: str = Field(max_length=140)
    state: Literal["open", "closed", "all"] = "open"
    author: str = Field("", max_length=39)
    since: str = Field("", max_length=10)


class Objects(NoChoice):
    bucket: str = Field(max_length=63)
    changed_since: str = Field("", max_length=40)


class Issue(NoChoice):
    key: str = Field(max_length=32)


class Scripted:
    """A reader whose every answer is given beforehand; what was asked is kept."""

    def __init__(self, answers: Mapping[str, Reading | Exception]) -> None:
        self.answers = dict(answers)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, question: str) -> Any:
        async def ask(**arguments: Any) -> Reading:
            self.asked.append((question, arguments))
            answer = self.answers.get(question, AgentOpsError(f"nothing was written for {question}"))
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask

    async def close(self) -> None:
        """Nothing is held."""


def tool(agent: str, name: str, schema: type[NoChoice]) -> ReadTool:
    return ReadTool(name=name, description=name, args_schema=schema, agent=agent, question=name, needs="A_SETTING")


SPECS = {
    "github": AgentSpec("github", "reads GitHub", "status", (tool("github", "list_pull_requests", PullRequests),)),
    "aws": AgentSpec("aws", "reads AWS", "status", (tool("aws", "list_objects", Objects),)),
    "jira": AgentSpec("jira", "reads Jira", "status", (tool("jira", "read_issue", Issue),)),
}
PULLS = Reading(
    [{"number": 12, "title": "Login page", "author": "jane-doe"}, {"number": 14, "title": "Logs", "author": "ana-silva"}],
    (Source("GitHub", "acme/web#12"), Source("GitHub", "acme/web#14")),
)
OBJECTS = Reading([{"key": "leavers.csv"}], (Source("S3", "s3://hr-exports/leavers.csv"),))
OPS_12 = Reading({"key": "OPS-12", "summary": "Access to database for Jane Doe"}, (Source("Jira", "OPS-12"),))


def installed(monkeypatch: pytest.MonkeyPatch, **answers: Mapping[str, Reading | Exception]) -> dict[str, Scripted]:
    """Let systems that are composed from now on have these agents with scripted readers."""
    readers = {agent: Scripted(given) for agent, given in answers.items()}
    ours = {name: spec for name, spec in load_agents().items() if name not in SPECS}
    monkeypatch.setattr("agent_ops.runtime.compose.load_agents", lambda: {**ours, **SPECS})
    monkeypatch.setattr("agent_ops.runtime.compose.open_readers", lambda settings: readers)
    return readers

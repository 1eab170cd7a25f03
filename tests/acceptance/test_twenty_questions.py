"""Twenty reading questions over the sandbox's seeded content, with known answers, asked as tasks.

Those of the runbook are asked without a model. The others are planned by a model on loopback that does nothing but call the
named tools and relay what came: whatever is right in the answer was read. The calls at the twins are counted, and printed.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from proofs.model_server import Call, ModelServer, Reply, serving
from pydantic import SecretStr

from agent_ops import AgentOps, Profile, RunStatus, Sandbox, Settings, TaskReport
from agent_ops.sandbox.records import Records
from agent_ops.transport.model_config import ModelConfig
from tests.acceptance.quiet import sandbox

__all__ = ["sandbox"]

TODAY = datetime.now(timezone.utc).date()
JOINED = TODAY - timedelta(days=14)
READ = ("github", "aws", "jira", "confluence")
Told = dict[str, Any]
"""What was found so far, by step."""
Asked = Callable[[Told], "list[tuple[str, str, dict[str, Any]]]"]


@dataclass(frozen=True)
class Question:
    """A question, the words that a right answer has, its sources, and what it costs at the twins.

    ``rounds`` are the readings, each as a function of what was found before; none means that the runbook answers.
    """

    text: str
    words: tuple[str, ...]
    sources: tuple[str, ...]
    calls: dict[str, int]
    rounds: tuple[Asked, ...] = ()
    absent: tuple[str, ...] = field(default=())


def one(agent: str, tool: str, **arguments: Any) -> Asked:
    return lambda told: [(agent, tool, arguments)]


def first(told: Told, *path: Any) -> Any:
    """Something in the newest finding."""
    value = list(told.values())[-1]
    for key in path:
        value = value[key]
    return value


QUESTIONS = (
    Question("Which open pull requests are there in acme/web?", ("5193",), ("GitHub: acme/web#5193",), {"github": 1}),
    Question(
        "Which pull requests did jane-doe open in acme/web since she joined?",
        ("Retry payments at most three times", "Add me to people.md"),
        ("GitHub: acme/web#5193", "GitHub: acme/web#5171"),
        {"github": 1},
        (one("github", "list_pull_requests", repository="acme/web", state="all", author="jane-doe", since=f"{JOINED}"),),
    ),
    Question(
        "Why can acme/web#5193 not be merged?",
        ("unstable", '"tests"'),
        ("GitHub: acme/web#5193",),
        {"github": 3},
        (one("github", "read_pull_request", repository="acme/web", number=5193, parts=["checks"]),),
    ),
    Question(
        "Who reviewed acme/web#5193?",
        ("alice-chen", "approved"),
        ("GitHub: acme/web#5193",),
        {"github": 2},
        (one("github", "read_pull_request", repository="acme/web", number=5193, parts=["reviews"]),),
    ),
    Question(
        "How often are payments tried again?",
        ("MAX_RETRIES = 3",),
        ("GitHub: acme/web/src/checkout/retry.ts",),
        {"github": 2},
        (
            one("github", "search_code", repository="acme/web", phrase="MAX_RETRIES"),
            lambda told: [("github", "read_file", {"repository": "acme/web", "path": first(told, "files", 0, "path")})],
        ),
    ),
    Question("List repositories of acme", ("acme/infra", "acme/legacy-shop"), (), {"github": 1}, absent=("payroll",)),
    Question(
        "Is jane-doe a member of the organisation?",
        ('"membership": "active"',),
        (),
        {"github": 1},
        (one("github", "check_membership", organisation="acme", login="jane-doe"),),
    ),
    Question(
        "Which objects in bucket hr-exports changed in the last 7 days?",
        ("access-review/open.csv", "joiners/joiners.json", "joiners/notes.txt"),
        ("aws: s3://hr-exports/joiners/joiners.json",),
        {"aws": 3},
    ),
    Question(
        "Who is in the open access review?",
        ("Jane Doe,database", "John Doe,vpn"),
        ("aws: s3://hr-exports/access-review/open.csv",),
        {"aws": 1},
        (one("aws", "object_text", bucket="hr-exports", key="access-review/open.csv"),),
    ),
    Question(
        "Show the metadata of directory/dump.csv in the bucket hr-exports",
        ("5242880",),
        ("aws: s3://hr-exports/directory/dump.csv",),
        {"aws": 1},
    ),
    Question("Is the bucket acme-public-site public?", ('"public": true',), (), {"aws": 3}),
    Question(
        "Which machines are stopped?",
        ("web-3", "reports-db", "legacy-cron"),
        (),
        {"aws": 1},
        (one("aws", "list_instances", state="stopped"),),
        ("bastion",),
    ),
    Question("What does OPS-12 ask for?", ("AWS: read-only", "Confluence: space ENG"), ("Jira: OPS-12",), {"jira": 2}),
    Question(
        "Who approved OPS-12?",
        ("Ana Silva", "Approved from the team's side"),
        ("Jira: OPS-12",),
        {"jira": 2},
        (one("jira", "read_issue", key="OPS-12"),),
    ),
    Question("List Jira projects", ('"issues": 1900',), ("Jira: WEB",), {"jira": 1}),
    Question(
        "Which access requests has nobody taken?",
        ("ONB-17",),
        ("Jira: ONB-17",),
        {"jira": 1},
        (one("jira", "search_issues", jql='project = ONB AND assignee IS EMPTY AND summary ~ "access"'),),
    ),
    Question("List spaces", ('"HR"', '"OPS"'), ("Confluence: space ENG",), {"confluence": 1}),
    Question(
        "How many days of holiday are there?",
        ("28 days of holiday",),
        ("(Holiday policy)",),
        {"confluence": 2},
        (
            one("confluence", "search_pages", cql='space = HR AND title = "Holiday policy"'),
            lambda told: [("confluence", "read_page", {"page_id": first(told, 0, "id")})],
        ),
    ),
    Question("Is Jane Doe's access complete?", ('"access_complete": true',), ("agent-ops: employee ",), {}),
    Question(
        "Is Jane's access complete, which pull requests did she open since she joined, and what does OPS-12 ask for her?",
        ('"access_complete": true', "Retry payments at most three times", "AWS: read-only"),
        ("agent-ops: employee ", "GitHub: acme/web#5193", "GitHub: acme/web#5171", "Jira: OPS-12"),
        {"github": 1, "jira": 2},
        (
            lambda told: [
                ("status", "person_status", {"name": "Jane"}),
                (
                    "github",
                    "list_pull_requests",
                    {"repository": "acme/web", "state": "all", "author": "jane-doe", "since": f"{JOINED}"},
                ),
                ("jira", "read_issue", {"key": "OPS-12"}),
            ],
        ),
    ),
)
_SEEN = re.compile(r'^step (\S+) \(\w+\): (".*?(?<!\\)")(?: sources: .*)?$', re.MULTILINE)


def relaying(question: Question) -> Callable[[list[dict[str, Any]], int], Reply]:
    """A model that calls the question's tools, round by round, and relays what they answered."""

    def behave(messages: list[dict[str, Any]], number: int) -> Reply:
        briefing = str(messages[-1]["content"])
        texts = {step: json.loads(text) for step, text in _SEEN.findall(briefing)}
        if number > len(question.rounds):
            return decided(thought="relay", summary=" ".join(texts.values())[:1900])
        wanted = question.rounds[number - 1]({step: json.loads(text)["found"] for step, text in texts.items()})
        steps = [
            {"id": f"s{number}{i}", "agent": agent, "tool": tool, "arguments": given}
            for i, (agent, tool, given) in enumerate(wanted)
        ]
        return decided(thought="read", steps=steps)

    return behave


def decided(**decision: Any) -> Reply:
    return Reply([Call(json.dumps(decision))])


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with serving(ModelServer()) as running:
        yield running


@pytest.fixture(scope="module")
def onboarded(sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory in which somebody of whom services tell was onboarded by us."""
    data_dir = tmp_path_factory.mktemp("jane") / "data"

    async def onboard() -> None:
        async with AgentOps(Settings.for_sandbox(sandbox.addresses, data_dir)) as ops:
            jane = Profile("Jane Doe", "Engineering", joining_date=JOINED, external_id=f"Q-{date.today()}")
            await ops.onboard(jane, ["github"])

    asyncio.run(onboard())
    return data_dir


@pytest.fixture
def with_jane(onboarded: Path, box: Sandbox, sandbox_settings: Settings) -> Settings:
    """Each question is asked in a copy of its own: none sees another's run."""
    shutil.copytree(onboarded, sandbox_settings.data_dir)
    return sandbox_settings


def calls(box: Sandbox) -> Counter[str]:
    records = Records(box.directory / "records.db")
    try:
        return Counter({twin: sum(1 for _ in records.calls(twin)) for twin in READ})
    finally:
        records.close()


async def asked(settings: Settings, server: ModelServer, question: Question) -> TaskReport:
    if question.rounds:
        server.behaviour = relaying(question)
        settings = replace(settings, model=ModelConfig("relaying", SecretStr("sk-good"), server.url, timeout=10.0))
    async with AgentOps(settings) as ops:
        return await ops.execute_task(question.text, timeout=60)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.text)
async def test_a_question(question: Question, box: Sandbox, with_jane: Settings, server: ModelServer) -> None:
    before, effects = calls(box), len(box.effects())
    report = await asked(with_jane, server, question)
    cost = {twin: count for twin, count in (calls(box) - before).items() if count}
    print(f"{question.text} {cost}, {report.run.usage.calls} model calls")  # noqa: T201 - calls are counted, and shown
    assert report.run.status is RunStatus.DONE, report.answer
    told = report.answer + "".join(result.text for result in report.results)
    assert [word for word in question.words if word not in told] == []
    assert [word for word in question.absent if word in told] == []
    assert [source for source in question.sources if not any(source in named for named in report.sources)] == []
    assert all(source in report.answer for source in report.sources[:30])
    assert cost == question.calls, "nothing is read twice, or needlessly"
    assert report.run.usage.calls == (len(question.rounds) + 1 if question.rounds else 0)
    assert len(box.effects()) == effects, "a question changes nothing"


def test_there_are_twenty() -> None:
    assert len(QUESTIONS) == 20

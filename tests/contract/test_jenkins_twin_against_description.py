"""The Jenkins twin's answers, judged by an OpenAPI description that others wrote (swaggy-jenkins).

The description is unofficial and was derived from single answers: it knows values only as they were in those, and lacks
buildWithParameters, builds by number and consoleText. Where it calls a value a string that Jenkins answers as null or as an
object, the correction stands below.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agent_ops.sandbox.jenkins import Outcome
from tests.contract.jenkins_bench import Bench, served

DESCRIPTION = Path(__file__).resolve().parents[2].parent / "shared" / "contracts" / "jenkins.json"
AWS = "/job/provisioning/job/aws"
OPERATIONS = ("/api/json", "/crumbIssuer/api/json", "/job/{name}/api/json", "/job/{name}/lastBuild/api/json", "/queue/api/json")

# wrong in the description: a build reference or null, an object or null
_OBJECTS = {
    "FreeStyleProject": ("lastFailedBuild", "lastUnstableBuild", "lastUnsuccessfulBuild", "queueItem"),
    "FreeStyleBuild": ("executor",),
}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    if not DESCRIPTION.exists():
        pytest.skip("the description of Jenkins (shared/contracts/jenkins.json) is not beside the project")
    described: dict[str, Any] = json.loads(DESCRIPTION.read_text())
    schemas = described["components"]["schemas"]
    for schema, names in _OBJECTS.items():
        for name in names:
            schemas[schema]["properties"][name] = {"type": "object"}
    for schema in schemas.values():
        for name, inner in schema.get("properties", {}).items():
            schema["properties"][name] = {"anyOf": [inner, {"type": "null"}]}
    return described


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


def _judge(description: dict[str, Any], path: str, answer: Any) -> None:
    content = description["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    _judge_schema(description, content, answer)


def _judge_schema(description: dict[str, Any], schema: dict[str, Any], answer: Any) -> None:
    errors = list(Draft202012Validator({**schema, "components": description["components"]}).iter_errors(answer))
    assert errors == [], [(list(error.path), error.message) for error in errors]


def _covered(description: dict[str, Any], schema: str, answer: dict[str, Any]) -> set[str]:
    """The described properties that the answer lacks."""
    return set(description["components"]["schemas"][schema]["properties"]) - set(answer)


@pytest.mark.parametrize("freestyle", [True, False])
async def test_job_and_build(bench: Bench, description: dict[str, Any], freestyle: bool) -> None:
    job = "provisioning/aws"
    bench.twin.set_freestyle(job, freestyle)
    for result in ("SUCCESS", "FAILURE", "UNSTABLE", "ABORTED"):
        bench.twin.set_outcome(Outcome(job, {}, result))
        await bench.trigger("provisioning/job/aws", REQUEST_ID=result)
    bench.twin.set_outcome(Outcome(job, {}, seconds=60))
    await bench.trigger("provisioning/job/aws", REQUEST_ID="runs")
    await bench.trigger("provisioning/job/aws", REQUEST_ID="waits", delay="60sec")
    answer = await bench.get(AWS + "/api/json")
    _judge(description, "/job/{name}/api/json", answer)
    assert _covered(description, "FreeStyleProject", answer) <= {"scm"}
    assert answer["color"] == "aborted_anime" and answer["inQueue"] and answer["queueItem"]["_class"].endswith("WaitingItem")
    for number in range(1, 6):
        build = await bench.get(f"{AWS}/{number}/api/json")
        _judge(description, "/job/{name}/lastBuild/api/json", build)
        assert _covered(description, "FreeStyleBuild", build) <= (set() if freestyle else {"builtOn", "changeSet"})
    assert (await bench.get(f"{AWS}/lastBuild/api/json"))["number"] == 5


async def test_queue_and_its_items(bench: Bench, description: dict[str, Any]) -> None:
    bench.twin.set_quiet_period(60)
    await bench.trigger("provisioning/job/aws", REQUEST_ID="1")
    queue = await bench.get("/queue/api/json")
    _judge(description, "/queue/api/json", queue)
    (item,) = queue["items"]
    assert _covered(description, "QueueBlockedItem", item) == {"buildableStartMilliseconds"}
    # the description says that an item looks like a queue; it looks like an element of one
    schema = {"$ref": "#/components/schemas/QueueBlockedItem"}
    _judge_schema(description, schema, await bench.get("/queue/item/1/api/json"))
    bench.twin.quiet_down(True)
    await bench.trigger("provisioning/job/aws", REQUEST_ID="2", delay="0")
    held = await bench.get("/queue/item/2/api/json")
    _judge_schema(description, schema, held)
    assert _covered(description, "QueueBlockedItem", held) == set()


async def test_root_and_crumb(bench: Bench, description: dict[str, Any]) -> None:
    root = await bench.get("/api/json")
    _judge(description, "/api/json", root)
    assert _covered(description, "Hudson", root) == set()
    crumb = await bench.get("/crumbIssuer/api/json")
    _judge(description, "/crumbIssuer/api/json", crumb)
    assert _covered(description, "DefaultCrumbIssuer", crumb) == set()


async def test_described_failures(bench: Bench, description: dict[str, Any]) -> None:
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            address = path.replace("{name}", "nope").replace("{number}", "1")
            bad = {"Authorization": "Basic bm9ib2R5Om5vdGhpbmc="}
            assert await bench.status(method.upper(), address, headers=bad) == 401 and "401" in operation["responses"]
            if "404" in operation["responses"] and method == "get":
                assert await bench.status("GET", address) == 404


def test_the_judge_can_fail(description: dict[str, Any]) -> None:
    for path in OPERATIONS:
        with pytest.raises(AssertionError):
            _judge(description, path, [])
    wrong = deepcopy({"number": "1"})
    with pytest.raises(AssertionError):
        _judge(description, "/job/{name}/lastBuild/api/json", wrong)

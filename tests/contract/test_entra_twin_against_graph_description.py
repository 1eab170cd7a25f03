"""The Entra twin's answers judged by Microsoft's own description of Graph."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from agent_ops.sandbox.world import GroupSeed
from tests.contract.entra_bench import GROUP, WORLD, Bench, new_user, served

DESCRIPTION = Path(__file__).resolve().parents[2].parent / "shared" / "contracts" / "msgraph.json"
LICENSED = replace(
    WORLD,
    groups=(GroupSeed(GROUP, "Engineering", "SPE_E3"), *WORLD.groups[1:]),
    licence_seconds=0.0,
    mailbox_seconds=0.0,
)
MARK = "onPremisesExtensionAttributes/extensionAttribute7"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path, LICENSED) as bench:
        yield bench


# --- the description


class Description:
    """Schemas of OpenAPI 3.0 turned into JSON Schema: ``nullable`` becomes a type, the required ``@odata.type`` is dropped.

    The types that nothing is derived from are closed, so that a property which Graph does not have is found; annotations are
    left out before judging.
    """

    def __init__(self) -> None:
        document = json.loads(DESCRIPTION.read_text())
        self.paths = document["paths"]
        components = copy.deepcopy(document["components"])
        _adapt(components["schemas"])
        for name in _CLOSED:
            components["schemas"][f"microsoft.graph.{name}"]["unevaluatedProperties"] = False
        resource = Resource.from_contents({"components": components}, default_specification=DRAFT202012)
        self._registry: Registry[Any] = Registry().with_resource("urn:graph", resource)

    def judge(self, name: str, body: Any) -> None:
        schema = {"$ref": f"urn:graph#/components/schemas/{name}"}
        validator = Draft202012Validator(schema, registry=self._registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
        problems = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(_without_annotations(body))]
        assert problems == [], problems


def _adapt(node: Any) -> None:
    if isinstance(node, list):
        for item in node:
            _adapt(item)
    elif isinstance(node, dict):
        if node.pop("nullable", False):
            node["type"] = [node["type"], "null"]
        if isinstance(node.get("required"), list):
            node["required"] = [name for name in node["required"] if name != "@odata.type"]
        for value in node.values():
            _adapt(value)


def _without_annotations(body: Any) -> Any:
    if isinstance(body, list):
        return [_without_annotations(item) for item in body]
    if isinstance(body, dict):
        return {name: _without_annotations(value) for name, value in body.items() if name not in _ANNOTATIONS}
    return body


# What the description of 2022 does not name although Microsoft's documented answers have it today.
_ANNOTATIONS = {"@odata.context", "innerError", "accountId", "accountName", "subscriptionIds", "lockedOut"}
_CLOSED = (
    *("user", "group", "domain", "subscribedSku", "onPremisesExtensionAttributes", "ODataErrors.MainError"),
    *("licenseAssignmentState", "assignedLicense", "assignedPlan", "servicePlanInfo"),
)


@pytest.fixture(scope="module")
def description() -> Description:
    if not DESCRIPTION.is_file():
        pytest.skip("shared/contracts/msgraph.json is absent: Microsoft's description of Graph cannot be read")
    return Description()


async def test_answers_match_the_description(bench: Bench, description: Description) -> None:
    rich = {
        "onPremisesExtensionAttributes": {"extensionAttribute7": "x"},
        "employeeHireDate": "2031-01-01",
        "mail": "g@example.test",
    }
    user = await bench.create("grace", **rich)
    description.judge("microsoft.graph.user", user)
    await bench.json("POST", f"/groups/{GROUP}/members/$ref", 204, json={"@odata.id": f"https://g/v1.0/users/{user['id']}"})
    for path, schema in {
        "/users?$top=1": "microsoft.graph.userCollectionResponse",
        "/users?$select=*": "microsoft.graph.userCollectionResponse",
        f"/users/{user['id']}?$select=*": "microsoft.graph.user",
        "/groups": "microsoft.graph.groupCollectionResponse",
        f"/groups/{GROUP}": "microsoft.graph.group",
        f"/groups/{GROUP}/members/microsoft.graph.user": "microsoft.graph.userCollectionResponse",
        "/domains": "microsoft.graph.domainCollectionResponse",
        f"/users/{user['id']}?$select=licenseAssignmentStates,assignedLicenses,assignedPlans": "microsoft.graph.user",
        "/subscribedSkus": "microsoft.graph.subscribedSkuCollectionResponse",
    }.items():
        description.judge(schema, await bench.json("GET", path))
    for refusal in (
        await bench.json("POST", "/users", 400, json=new_user("grace")),
        await bench.json("GET", "/users/nobody@example.test", 404),
        await bench.json("GET", "/users", 401, headers={"Authorization": ""}),
    ):
        description.judge("microsoft.graph.ODataErrors.ODataError", refusal)


def test_the_judge_finds_what_is_wrong(description: Description) -> None:
    for wrong in ({"accountEnabled": "yes"}, {"businessPhones": None}, {"createdDateTime": "today"}, {"shoeSize": "42"}):
        with pytest.raises(AssertionError):
            description.judge("microsoft.graph.user", wrong)


async def test_every_described_operation_is_served(bench: Bench, description: Description) -> None:
    ids = {"user-id": "ada@example.test", "group-id": GROUP, "directoryObject-id": GROUP}
    for template, operations in description.paths.items():
        if "assignLicense" in template:
            continue  # licences are assigned by groups here; the twin answers that the segment is unknown
        path = re.sub(r"\{([\w-]+)\}", lambda name: ids[name[1]], template)
        for method in {"get", "post", "patch", "delete"} & set(operations):
            response = await bench.graph.request(method, f"/v1.0{path}", json={} if method in ("post", "patch") else None)
            assert response.status_code < 500 and "Resource not found for the segment" not in response.text, (method, path)
            assert response.status_code != 405

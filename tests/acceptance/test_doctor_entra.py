"""What the tenant lacks: permissions one by one, domain, groups, licence seats, a client secret that ends, the marker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent_ops import Sandbox
from agent_ops.readers.directory import obstacle
from agent_ops.runtime.doctor.permissions import PERMISSIONS
from agent_ops.sandbox.faults import Fault, FaultKind
from tests.acceptance.live_env import Doctor

pytestmark = pytest.mark.slow  # a whole examination each

ALL = [permission.name for permission in PERMISSIONS]
REQUIRED = [permission.name for permission in PERMISSIONS if not permission.optional]
OPTIONAL = [permission.name for permission in PERMISSIONS if permission.optional]
DAY = 86_400.0
POLICY = """
levels = []
[company]
domain = "{domain}"
[locations]
[items.seat]
group = "{group}"
licence = "{licence}"
[teams.all]
allowed = ["seat"]
"""


@pytest.fixture
async def doctor(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Doctor]:
    """With the permissions that the pages name, and everything as it was afterwards."""
    before = await sandbox.permissions()
    await sandbox.permissions(ALL)
    yield Doctor(sandbox, tmp_path, monkeypatch)
    await sandbox.clear_faults()
    await sandbox.permissions(before)
    await sandbox.domain(sandbox.addresses.domain, verified=True, federated=False)
    await sandbox.secret_ends(365 * DAY)
    await sandbox.synchronised(False)
    await sandbox.licence_seats("SPE_E3", 1000)


async def failing(doctor: Doctor, **changes: str | None) -> list[dict[str, Any]]:
    return await asyncio.to_thread(lambda: doctor.failing(**changes))


async def only(doctor: Doctor, **changes: str | None) -> str:
    lines = await failing(doctor, **changes)
    assert len(lines) == 1, lines
    assert lines[0]["remedy"]
    return f"{lines[0]['found']} -> {lines[0]['remedy']}"


async def warnings(doctor: Doctor, **changes: str | None) -> list[dict[str, Any]]:
    found = await asyncio.to_thread(lambda: doctor.diagnosis(**changes))
    assert found["healthy"], found
    return [line for line in found["lines"] if line["verdict"] == "warning"]


def policy(doctor: Doctor, *, domain: str = "acme.example", group: str = "", licence: str = "") -> str:
    path = doctor.place / "policy.toml"
    group = group or "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a01"
    path.write_text(POLICY.format(domain=domain, group=group, licence=licence), encoding="utf-8")
    return str(path)


async def test_with_every_permission_there_is_nothing_to_say(doctor: Doctor) -> None:
    assert await warnings(doctor) == []


@pytest.mark.parametrize("name", REQUIRED)
async def test_a_permission_that_is_absent_is_one_line_with_its_name(doctor: Doctor, name: str) -> None:
    await doctor.box.permissions(set(ALL) - {name})
    said = await only(doctor)
    assert said.count(name) == 2  # what is absent, and what to add


@pytest.mark.parametrize("name", OPTIONAL)
async def test_an_optional_permission_is_a_warning_with_its_purpose(doctor: Doctor, name: str) -> None:
    await doctor.box.permissions(set(ALL) - {name})
    (line,) = await warnings(doctor)
    assert name in line["found"]
    assert name in line["remedy"]


async def test_without_any_permission_each_is_a_line_and_nothing_else_is(doctor: Doctor) -> None:
    await doctor.box.permissions([])
    assert {line["about"] for line in await failing(doctor)} == set(REQUIRED)


async def test_a_wider_permission_counts(doctor: Doctor) -> None:
    wide = {"Directory.ReadWrite.All", "UserAuthenticationMethod.ReadWrite.All", "Application.Read.All"}
    await doctor.box.permissions(wide)
    assert await failing(doctor) == []


@pytest.mark.parametrize(("verified", "federated", "words"), [(False, False, "is not verified"), (True, True, "is federated")])
async def test_a_domain_that_cannot_have_accounts_is_told(doctor: Doctor, verified: bool, federated: bool, words: str) -> None:
    await doctor.box.domain("acme.example", verified=verified, federated=federated)
    assert f"acme.example {words}" in await only(doctor)


async def test_a_domain_of_somebody_else_is_told_with_those_that_there_are(doctor: Doctor) -> None:
    said = await only(doctor, AGENT_OPS_POLICY_FILE=policy(doctor, domain="other.example"))
    assert "other.example is no domain of the tenant (it has: acme.example" in said


async def test_a_synchronised_tenant_is_a_warning(doctor: Doctor) -> None:
    await doctor.box.synchronised(True)
    (line,) = await warnings(doctor)
    assert "on-premises" in line["found"]


@pytest.mark.parametrize(("seconds", "verdict"), [(60 * DAY, "works"), (20 * DAY, "warning"), (-60.0, "wrong")])
async def test_a_client_secret_that_ends(doctor: Doctor, seconds: float, verdict: str) -> None:
    await doctor.box.secret_ends(seconds)
    found = await asyncio.to_thread(doctor.diagnosis)
    lines = [line for line in found["lines"] if line["service"] == "Entra ID" and "CLIENT_SECRET" in line["found"]]
    assert [line["verdict"] for line in lines] == [verdict]
    assert [line for line in found["lines"] if line["verdict"] in ("missing", "wrong")] == (lines if verdict == "wrong" else [])


@pytest.mark.parametrize("group", ["00000000-0000-0000-0000-00000000000a", "no-object-id"])
async def test_a_group_that_does_not_exist_is_told_by_its_item(doctor: Doctor, group: str) -> None:
    said = await only(doctor, AGENT_OPS_POLICY_FILE=policy(doctor, group=group))
    assert "[items.seat]" in said
    assert group in said


async def test_a_group_that_graph_cannot_change_is_told(doctor: Doctor) -> None:
    admins = await doctor.box.plant_group("Administrators", roles=["User Administrator"])
    assert "can hold directory roles" in await only(doctor, AGENT_OPS_POLICY_FILE=policy(doctor, group=admins))


@pytest.mark.parametrize(
    ("group", "words"),
    [
        ({"securityEnabled": True, "groupTypes": []}, ""),
        ({"mailEnabled": True, "groupTypes": ["Unified"]}, ""),
        ({"mailEnabled": True, "securityEnabled": True, "groupTypes": []}, "mail-enabled"),
        ({"mailEnabled": True, "groupTypes": None}, "distribution list"),
        ({"groupTypes": ["DynamicMembership"]}, "dynamic"),
        ({"onPremisesSyncEnabled": True}, "synchronised"),
        ({"isAssignableToRole": True}, "roles"),
    ],
)
def test_which_groups_take_members(group: dict[str, Any], words: str) -> None:
    said = obstacle(group)
    assert (words in said) if words else (said == "")


@pytest.mark.parametrize(("left", "verdict"), [(100, "works"), (2, "warning"), (0, "wrong")])
async def test_licence_seats(doctor: Doctor, left: int, verdict: str) -> None:
    """Nobody has a licence of the session's sandbox, or some do: seats are counted from what is used."""
    await doctor.box.licence_seats("SPE_E3", 1000)
    file = policy(doctor, licence="SPE_E3")
    (line,) = await seats(doctor, file)
    used = 1000 - int(line["found"].split(": ")[1].split()[0])
    await doctor.box.licence_seats("SPE_E3", used + left)
    (line,) = await seats(doctor, file)
    assert line["verdict"] == verdict
    assert "SPE_E3" in line["found"]


async def seats(doctor: Doctor, file: str) -> list[dict[str, Any]]:
    found = await asyncio.to_thread(lambda: doctor.diagnosis(AGENT_OPS_POLICY_FILE=file))
    return [line for line in found["lines"] if line["check"] == "licences"]


async def test_a_licence_that_the_tenant_lacks_is_told(doctor: Doctor) -> None:
    assert "no licence SPE_E9" in await only(doctor, AGENT_OPS_POLICY_FILE=policy(doctor, licence="SPE_E9"))


async def test_a_marker_attribute_that_others_use_is_told(doctor: Doctor) -> None:
    name = f"badge-{doctor.place.name}@acme.example"
    await doctor.box.plant_user(name, onPremisesExtensionAttributes={"extensionAttribute7": "badge 12"})
    said = await only(doctor, AGENT_OPS_MARKER_ATTRIBUTE="extensionAttribute7")
    assert "AGENT_OPS_MARKER_ATTRIBUTE" in said
    ours = f"{'0a' * 16}.1"
    await doctor.box.plant_user(f"ours-{name}", onPremisesExtensionAttributes={"extensionAttribute8": ours})
    assert await failing(doctor, AGENT_OPS_MARKER_ATTRIBUTE="extensionAttribute8") == []


async def test_a_throttled_graph_is_told_and_not_taken_for_a_setting(doctor: Doctor) -> None:
    await doctor.box.fault(Fault("entra", FaultKind.STATUS, path="/v1.0/domains", status=429, retry_after=7))
    assert "429" in await only(doctor)


async def test_a_certificate_stands_for_the_secret(doctor: Doctor, sandbox: Sandbox) -> None:
    file = sandbox.addresses.client_certificate_file
    assert await failing(doctor, CLIENT_SECRET=None, AGENT_OPS_CLIENT_CERTIFICATE_FILE=file) == []


async def test_a_job_that_takes_access_back_is_looked_at_too(doctor: Doctor, sandbox: Sandbox) -> None:
    await sandbox.pipeline_disabled("deprovisioning/aws")
    try:
        assert "job deprovisioning/aws is disabled" in await only(doctor)
    finally:
        await sandbox.pipeline_disabled("deprovisioning/aws", False)

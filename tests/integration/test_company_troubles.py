"""What goes wrong at real companies: each ends in an explicit status, told in the service's own words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops import AgentOps, Caller, ItemStatus, Profile, RunReport, RunStatus, Sandbox, Settings
from agent_ops.domain.employee import EmployeeStatus
from agent_ops.ledger.attempt import Patience
from agent_ops.sandbox import Fault, FaultKind

OPERATOR = Caller("operator", frozenset({"onboard", "link", "admin"}))


@pytest.fixture
async def ops(sandbox_settings: Settings) -> AsyncIterator[AgentOps]:
    patient = replace(sandbox_settings, patience=replace(sandbox_settings.patience, give_up=600.0))
    async with AgentOps(patient, caller=OPERATOR) as system:
        yield system


def hire(name: str, team: str = "Data", **fields: str) -> Profile:
    return Profile(name, team, level="L1", location="Lisbon", external_id=name, **fields)


def statuses(report: RunReport) -> dict[str, ItemStatus]:
    return {item.item: item.status for item in (*report.account, *report.items)}


def reason(report: RunReport, item: str) -> str:
    return next(i.reason for i in (*report.account, *report.items) if i.item == item)


async def test_a_complete_account(ops: AgentOps, box: Sandbox) -> None:
    boss = await box.plant_user("gina.gross@acme.example", "Gina Gross")
    report = await ops.onboard(hire("Cora Complete", manager="Gina Gross", joining_date="2026-12-01"))
    assert report.run.status is RunStatus.DONE
    done = dict.fromkeys(["account", "attributes", "manager", "database", "m365"], ItemStatus.COMPLETED)
    assert statuses(report) == done | dict.fromkeys(["confluence", "github"], ItemStatus.VERIFIED)
    calls = [call for call in box.effects("entra") if call.detail.get("id") == report.employee.entra_id]
    assert [call.effect for call in calls if call.effect == "entra.manager"] == ["entra.manager"]
    assert next(c for c in calls if c.effect == "entra.manager").detail["manager"] == boss
    (update,) = [call for call in calls if call.effect == "entra.update"]
    assert update.detail["properties"] == ["department", "employeeHireDate", "employeeType", "jobTitle", "usageLocation"]


async def test_no_licence_left(ops: AgentOps, box: Sandbox) -> None:
    await box.licence_seats("SPE_E3", 0)
    try:
        report = await ops.onboard(hire("Lena Licence"))
    finally:
        await box.licence_seats("SPE_E3", 1000)
    assert report.run.status is RunStatus.FAILED
    assert report.employee.status is EmployeeStatus.PARTIAL
    assert statuses(report)["m365"] is ItemStatus.FAILED
    assert "no free seat of SPE_E3" in reason(report, "m365")
    assert statuses(report)["github"] is ItemStatus.PENDING
    assert "the account is not ready, it lacks m365" in reason(report, "github")
    again = await ops.wait((await ops.retry(report.run.id)).id)  # seats were bought
    assert again.run.status is RunStatus.DONE


async def test_an_unverified_domain(ops: AgentOps, box: Sandbox) -> None:
    await box.domain(box.addresses.domain, verified=False)
    try:
        report = await ops.onboard(hire("Uwe Unverified", "Sales"))
    finally:
        await box.domain(box.addresses.domain, verified=True)
    assert report.run.status is RunStatus.FAILED
    assert report.employee.status is EmployeeStatus.FAILED
    assert "verified domain names in your organization" in report.employee.reason
    assert {item.reason for item in report.items} == {"not started: there is no account"}


@pytest.mark.parametrize(
    ("permission", "failed"),
    [("GroupMember.ReadWrite.All", "salesforce"), ("OrgContact.Read.All", "account")],
)
async def test_one_permission_is_missing(ops: AgentOps, box: Sandbox, permission: str, failed: str) -> None:
    held = await box.permissions()
    gone = {permission} | ({"Group.ReadWrite.All"} if failed == "salesforce" else set())
    await box.permissions([*(name for name in held if name not in gone), "GroupMember.Read.All"])
    try:
        report = await ops.onboard(hire(f"Pia {permission.split('.', 1)[0]}", "Sales"))
    finally:
        await box.permissions(held)
    assert report.run.status is RunStatus.FAILED
    assert statuses(report)[failed] is ItemStatus.FAILED
    assert "403" in reason(report, failed)
    assert "Insufficient privileges" in reason(report, failed)
    if failed == "salesforce":
        assert statuses(report)["confluence"] is ItemStatus.VERIFIED


async def test_an_ambiguous_manager_is_reported_and_fails_nothing(ops: AgentOps, box: Sandbox) -> None:
    for number in (1, 2):
        await box.plant_user(f"max.many{number}@acme.example", "Max Many")
    report = await ops.onboard(hire("Mia Managed", "Sales", manager="Max Many"))
    assert report.run.status is RunStatus.DONE
    assert statuses(report)["manager"] is ItemStatus.FAILED
    assert "2 accounts match the manager Max Many" in reason(report, "manager")
    assert "manager" in report.run.summary


async def test_a_group_that_is_gone(sandbox_settings: Settings, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    text = sandbox_settings.policy_file.read_text(encoding="utf-8")
    policy.write_text(
        text.replace("7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a02", "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1aff"), encoding="utf-8"
    )
    async with AgentOps(replace(sandbox_settings, policy_file=policy)) as ops:
        report = await ops.onboard(hire("Gus Gone", "Sales"))
    assert report.run.status is RunStatus.FAILED
    assert statuses(report)["salesforce"] is ItemStatus.FAILED
    assert "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1aff" in reason(report, "salesforce")
    assert statuses(report)["confluence"] is ItemStatus.VERIFIED


async def test_jenkins_restarts_in_the_middle(sandbox_settings: Settings, box: Sandbox) -> None:
    await box.pipeline_seconds("provisioning/confluence", 1.0)
    before = len(box.effects("jenkins"))
    try:
        async with AgentOps(replace(sandbox_settings, patience=Patience())) as ops:
            run = await ops.submit(hire("Jo Jenkins", "Contractors"))
            async for event in ops.events(run.id):
                if event.item == "confluence" and event.status == "in_progress":
                    break
            await box.jenkins_restart(seconds=1.0)
            report = await ops.wait(run.id, timeout=60)
    finally:
        await box.pipeline_seconds("provisioning/confluence", 0.5)
    assert report.run.status is RunStatus.DONE
    assert [call.effect for call in box.effects("jenkins")[before:]] == ["jenkins.build"]


async def test_a_former_employee_is_held_then_told_apart(ops: AgentOps, box: Sandbox) -> None:
    await box.plant_user("rehana.returns@acme.example", "Rehana Returns", deleted=True)
    held = await ops.onboard(hire("Rehana Returns", "Sales"))
    assert held.run.status is RunStatus.HELD
    assert "a deleted account of the same name exists" in held.run.summary
    done = await ops.onboard(hire("Rehana Returns", "Sales"), new_person=True)
    assert done.run.status is RunStatus.DONE
    assert done.employee.address == "rehana.returns2@acme.example"  # an address is never given to a second person


async def test_an_existing_account_is_linked(ops: AgentOps, box: Sandbox) -> None:
    key = await box.plant_user("lin.linked@acme.example", "Lin Linked")
    report = await ops.onboard(hire("Lin Linked", "Sales"), link_existing=key)
    assert report.run.status is RunStatus.DONE
    assert report.employee.entra_id == key
    assert report.employee.address == "lin.linked@acme.example"
    assert not [c for c in box.effects("entra") if c.effect == "entra.create" and "lin.linked" in str(c.detail)]


async def test_a_refused_recipient_holds_no_run_and_is_tried_again(ops: AgentOps, box: Sandbox) -> None:
    await box.fault(Fault("mail", FaultKind.STATUS, method="RCPT", path="team-lead@.*", status=550))
    report = await ops.onboard(hire("Rob Refused", "Sales"))
    assert report.run.status is RunStatus.DONE
    refused = next(mail for mail in report.mails if mail.notice == "access")
    assert not refused.delivered
    assert "refused the recipient team-lead@acme.example: 550" in refused.reason
    assert "the access mail was not delivered" in report.run.summary
    await box.clear_faults()  # the address was mended
    while not all(mail.delivered for mail in (await ops.report(report.run.id))[0].mails):
        await asyncio.sleep(0.1)
    sent = [call.detail["message_id"] for call in box.effects("mail") if call.detail["message_id"] == refused.message_id]
    assert sent == [refused.message_id]

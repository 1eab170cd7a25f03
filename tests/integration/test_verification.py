"""Verification by reading: what was reported as done is looked at by code, once, and what was seen is told."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops import AgentOps, ItemStatus, Profile, RunReport, RunStatus, Sandbox, Settings, read_policy
from agent_ops.domain.effects import Action
from agent_ops.domain.employee import Employee
from agent_ops.domain.errors import PolicyError, ServiceUnavailable
from agent_ops.policies import EXAMPLE
from tests.conftest import IMPATIENT
from tests.fakes import FakeServices

Answer = str | Exception


class Watchman:
    """A verifier that answers from a list, its last answer for ever, and remembers for whom it looked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.looked = list(answers), list[tuple[str, str]]()

    async def look(self, target: str, employee: Employee) -> str:
        self.looked.append((target, employee.address))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def policy_with(directory: Path, *, item: str = "aws", rule: str = '{ aws_tag = "owner" }') -> Path:
    """The example policy with a rule for one item."""
    text = EXAMPLE.read_text(encoding="utf-8").replace(f"[items.{item}]\n", f"[items.{item}]\nverify = {rule}\n")
    found = directory / "policy.toml"
    found.write_text(text, encoding="utf-8")
    return found


@pytest.fixture
async def watched(settings: Settings, fakes: FakeServices, tmp_path: Path) -> AsyncIterator[Callable[..., AgentOps]]:
    """The whole system over fake services, with a watchman in the place of AWS's tags."""
    async with AgentOps(replace(settings, policy_file=policy_with(tmp_path)), adapters=fakes.adapters()) as ops:

        def by(watchman: Watchman, pauses: tuple[float, ...] = (0.0, 0.0)) -> AgentOps:
            looking = replace(ops._system.inspection, verifiers={"aws_tag": watchman}, pauses=pauses)
            ops._system = replace(ops._system, inspection=looking)
            return ops

        yield by


def aws(report: RunReport) -> tuple[ItemStatus, str]:
    return next((item.status, item.reason) for item in report.items if item.item == "aws")


async def sights(ops: AgentOps, report: RunReport) -> list[tuple[str, str]]:
    events = await ops._system.store.read(lambda tx: tx.logs.all_events(report.run.id))
    return [(event.item, event.status) for event in events if event.status in ("verified", "contradicted", "unverified")]


async def test_what_is_seen_is_verified_and_the_rest_stays_completed(watched: Callable[..., AgentOps], ana: Profile) -> None:
    watchman = Watchman("arn:aws:s3:::home-of-ana")
    ops = watched(watchman)
    report = await ops.onboard(ana)
    assert report.run.status is RunStatus.DONE
    assert aws(report) == (ItemStatus.VERIFIED, "seen: arn:aws:s3:::home-of-ana")
    assert {item.status for item in report.items if item.item != "aws"} == {ItemStatus.COMPLETED}
    assert watchman.looked == [("owner", "ana.silva@acme.example")]
    assert await sights(ops, report) == [("aws", "verified")]
    rows = await ops._system.store.read(lambda tx: tx.audit.page(0, 1000))
    assert [(row.item, row.kind) for row in rows if row.kind == "verified"] == [("aws", "verified")]


async def test_a_contradiction_is_told_everywhere_and_hides_nothing(
    watched: Callable[..., AgentOps], fakes: FakeServices, ana: Profile
) -> None:
    watchman = Watchman("")
    ops = watched(watchman)
    report = await ops.onboard(ana)
    missed = "reported as done, but not seen there (aws_tag owner)"
    assert report.run.status is RunStatus.DONE
    assert aws(report) == (ItemStatus.COMPLETED, missed)
    assert await sights(ops, report) == [("aws", "contradicted")]
    assert len(watchman.looked) == 3, "a service may show a new thing late"
    assert missed in report.run.summary
    mail = next(intent for intent in fakes[Action.SEND_MAIL].done.values() if intent.proposal.item == "access")
    told = " ".join(mail.pinned["body"].split())
    assert missed in told
    assert "Somebody must look" in told
    assert "Nothing is left to do" not in told


async def test_what_shows_late_is_verified(watched: Callable[..., AgentOps], ana: Profile) -> None:
    watchman = Watchman("", "arn:late")
    assert aws(await watched(watchman).onboard(ana)) == (ItemStatus.VERIFIED, "seen: arn:late")
    assert len(watchman.looked) == 2


@pytest.mark.parametrize("trouble", [ServiceUnavailable("AWS", "is closed"), RuntimeError("a verifier with a bug")])
async def test_whoever_cannot_be_asked_fails_nothing(watched: Callable[..., AgentOps], ana: Profile, trouble: Exception) -> None:
    watchman = Watchman(trouble)
    ops = watched(watchman)
    report = await ops.onboard(ana)
    assert (report.run.status, aws(report)) == (RunStatus.DONE, (ItemStatus.COMPLETED, ""))
    assert await sights(ops, report) == [("aws", "unverified")]
    assert len(watchman.looked) == 1


async def test_what_is_not_completed_is_not_looked_at(
    watched: Callable[..., AgentOps], fakes: FakeServices, ana: Profile
) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    watchman = Watchman("arn:never")
    ops = watched(watchman)
    report = await ops.onboard(ana)
    assert aws(report)[0] is ItemStatus.FAILED
    assert watchman.looked == []


async def test_an_item_is_looked_at_once_a_run_whoever_takes_the_run_up(watched: Callable[..., AgentOps], ana: Profile) -> None:
    watchman = Watchman("")
    ops = watched(watchman)
    report = await ops.onboard(ana)
    looks, told = len(watchman.looked), await sights(ops, report)
    watchman.answers = ["arn:now"]
    await ops._system.inspection.verify(report.run.id)
    (again,) = await ops.report(report.run.id)
    assert len(watchman.looked) == looks
    assert (aws(again), await sights(ops, again)) == (aws(report), told)


async def test_two_that_look_at_once_record_once(watched: Callable[..., AgentOps], ana: Profile) -> None:
    ops = watched(Watchman("arn:x"))
    looking = ops._system.inspection
    ops._system = replace(ops._system, inspection=replace(looking, verifiers={}))
    report = await ops.onboard(ana)
    assert aws(report) == (ItemStatus.COMPLETED, ""), "nobody looks: nothing is said"
    await asyncio.gather(*(looking.verify(report.run.id) for _ in range(4)))
    (again,) = await ops.report(report.run.id)
    assert (aws(again)[0], await sights(ops, again)) == (ItemStatus.VERIFIED, [("aws", "verified")])


async def test_a_plan_looks_at_nothing(watched: Callable[..., AgentOps], ana: Profile) -> None:
    watchman = Watchman("arn:x")
    plan = await watched(watchman).plan(ana)
    assert plan.effects
    assert watchman.looked == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ('"owner"', "verify must name one kind"),
        ("{}", "verify must name one kind"),
        ('{ aws_tag = "a", other = "b" }', "verify must name one kind"),
        ("{ aws_tag = 3 }", r"verify.aws_tag must be a text"),
        ('{ aws_tag = "" }', r"verify.aws_tag must be a text"),
    ],
)
def test_a_rule_that_says_nothing_is_refused(tmp_path: Path, rule: str, words: str) -> None:
    with pytest.raises(PolicyError, match=rf"\[items.aws\] {words}"):
        read_policy(policy_with(tmp_path, rule=rule))


@pytest.mark.parametrize("item", ["aws", "m365"])
async def test_a_kind_that_nothing_knows_is_refused_at_the_start(
    settings: Settings, fakes: FakeServices, tmp_path: Path, item: str
) -> None:
    wrong = replace(settings, policy_file=policy_with(tmp_path, item=item, rule='{ tea_leaves = "cup" }'))
    with pytest.raises(PolicyError, match=rf"\[items.{item}\] verify names the unknown kind 'tea_leaves' \(known: .*aws_tag"):
        async with AgentOps(wrong, adapters=fakes.adapters()):
            pass


@pytest.fixture(scope="module")
def tagging(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:  # type: ignore[misc]
    """A sandbox whose AWS pipeline tags what it makes."""
    place = tmp_path_factory.mktemp("tagging")
    box = Sandbox(place, policy_with(place)).start()
    yield box  # type: ignore[misc]
    box.stop()


@pytest.mark.parametrize(
    ("name", "idle", "denied", "expected"),
    [
        ("Ver Ified", False, [], "verified"),
        ("Con Tradicted", True, [], "contradicted"),
        ("Un Verified", False, ["tag:GetResources"], "unverified"),
    ],
)
async def test_a_pipelines_tag_is_looked_for_in_aws(
    tagging: Sandbox, tmp_path: Path, name: str, idle: bool, denied: list[str], expected: str
) -> None:
    await tagging.aws_pipelines_idle(idle)
    await tagging.aws_access(denied=denied)
    found = Settings.for_sandbox(tagging.addresses, tmp_path / "data", policy_file=tagging.policy_file)
    async with AgentOps(replace(found, patience=replace(IMPATIENT, tries=6, first_pause=0.02))) as ops:
        report = await ops.onboard(Profile(name, "Engineering", external_id=name), ("aws",))
        assert await sights(ops, report) == [("aws", expected)]
    assert report.run.status is RunStatus.DONE
    assert (aws(report)[0] is ItemStatus.VERIFIED) == (expected == "verified")
    assert "arn:aws:s3:::home-" in aws(report)[1] or expected != "verified"


@pytest.fixture
async def seeing(sandbox_settings: Settings) -> AsyncIterator[AgentOps]:
    """The whole system in the sandbox, as the demo has it, but for the pauses."""
    async with AgentOps(sandbox_settings) as ops:
        looking = replace(ops._system.inspection, pauses=(0.0, 0.0))
        ops._system = replace(ops._system, inspection=looking)
        yield ops


GIVEN = ("github", "confluence", "database")


async def test_what_pipelines_did_is_seen_at_github_and_confluence(seeing: AgentOps, box: Sandbox) -> None:
    before = len(box.effects())
    report = await seeing.onboard(Profile("Vera Seenthere", "Engineering", external_id="V-1"), GIVEN)
    assert {item.item: (item.status, item.reason) for item in report.items} == {
        "github": (ItemStatus.VERIFIED, "seen: acme at GitHub, as vera-seenthere"),
        "confluence": (ItemStatus.VERIFIED, "seen: space COMPANY, by a right of their own"),
        "database": (ItemStatus.COMPLETED, ""),
    }
    effects = [call.effect for call in box.effects()[before:]]
    assert sorted(effects) == ["entra.create", "entra.update", *["jenkins.build"] * 3, "mail", "mail"], "looking changes nothing"


async def test_a_pipeline_that_lied_is_told_in_report_status_and_mail(seeing: AgentOps, box: Sandbox) -> None:
    await box.github_pipelines_idle()
    await box.confluence_pipelines_idle()
    try:
        report = await seeing.onboard(Profile("Liam Liedto", "Engineering", external_id="V-2"), GIVEN)
    finally:
        await box.github_pipelines_idle(False)
        await box.confluence_pipelines_idle(False)
    missed = {
        "github": "reported as done, but not seen there (github_member acme)",
        "confluence": "reported as done, but not seen there (confluence_space COMPANY)",
    }
    assert report.run.status is RunStatus.DONE
    assert {item.item: (item.status, item.reason) for item in report.items if item.item in missed} == {
        item: (ItemStatus.COMPLETED, words) for item, words in missed.items()
    }
    assert set(await sights(seeing, report)) == {("github", "contradicted"), ("confluence", "contradicted")}
    assert all(words in report.run.summary for words in missed.values())
    (status,) = await seeing.report("Liam Liedto")
    assert [item for item in status.items if item.contradicted] == [item for item in report.items if item.contradicted]
    letters = [file.read_text(encoding="utf-8") for file in (box.directory / "mailbox").glob("*.eml")]
    (access,) = [letter for letter in letters if "in place for Liam Liedto" in letter]
    told = " ".join(email.message_from_string(access, policy=email.policy.default).get_body(("plain",)).get_content().split())
    assert all(words in told for words in missed.values())
    assert "Somebody must look" in told


async def test_an_organisation_without_single_sign_on_says_why_nobody_was_seen(seeing: AgentOps, box: Sandbox) -> None:
    await box.github_sign_on("none")
    try:
        report = await seeing.onboard(Profile("Nora Nosign", "Engineering", external_id="V-3"), ("github",))
    finally:
        await box.github_sign_on()
    assert [(item.item, item.status, item.reason) for item in report.items] == [("github", ItemStatus.COMPLETED, "")]
    events = await seeing._system.store.read(lambda tx: tx.logs.all_events(report.run.id))
    (why,) = [event.message for event in events if event.status == "unverified"]
    assert "acme shows us no single sign-on of its own" in why


async def test_a_task_about_nobody_has_nothing_to_be_seen(watched: Callable[..., AgentOps], ana: Profile) -> None:
    watchman = Watchman("somewhere")
    ops = watched(watchman)
    await ops.onboard(ana)
    report = await ops.execute_task("Is Ana Silva's access complete?", timeout=60)
    assert report.run.status is RunStatus.DONE, report.answer
    assert len(watchman.looked) == 1

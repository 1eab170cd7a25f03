"""A database that is put back to yesterday: what was done since is found at the services and adopted, not repeated."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agent_ops import AgentOps, Caller, Profile, RunStatus, Sandbox, Settings
from agent_ops.domain.errors import ConfigurationError, NotFound
from agent_ops.runtime.backup import back_up, restore
from tests.fakes import FakeServices

ADMIN = Caller("admin")


def hire(name: str) -> Profile:
    return Profile(name, "Engineering", level="L2", location="Lisbon", external_id=name)


async def test_what_was_done_since_the_backup_is_adopted(sandbox: Sandbox, sandbox_settings: Settings, tmp_path: Path) -> None:
    async with AgentOps(sandbox_settings) as ops:
        first = await ops.onboard(hire("Rita Restored"))
        await back_up(sandbox_settings.data_dir, tmp_path / "backup")
        lost = await ops.onboard(hire("Ned Newer"))
    assert lost.run.status is RunStatus.DONE
    effects = [c.effect for c in sandbox.effects() if c.effect != "mail"]
    await restore(sandbox_settings.data_dir, tmp_path / "backup", ADMIN)
    async with AgentOps(sandbox_settings) as ops:
        assert [report.run.id for report in await ops.employees()] == [first.run.id]
        again = await ops.onboard(hire("Ned Newer"))
    assert again.run.status is RunStatus.DONE
    assert again.employee.entra_id == lost.employee.entra_id
    assert again.employee.address == lost.employee.address
    builds = [c.effect for c in sandbox.effects() if c.effect != "mail"]
    assert builds.count("jenkins.build") == effects.count("jenkins.build")
    assert builds.count("entra.create") == effects.count("entra.create")
    ids = [mail.message_id for mail in again.mails]
    assert sorted(ids) == sorted(mail.message_id for mail in lost.mails)


async def test_without_the_restores_word_the_same_would_be_repeated(
    sandbox: Sandbox, sandbox_settings: Settings, tmp_path: Path
) -> None:
    """The test above can fail: a database that is put back behind our back knows nothing to look for."""
    async with AgentOps(sandbox_settings) as ops:
        await back_up(sandbox_settings.data_dir, tmp_path / "backup")
        await ops.onboard(hire("Una Unsigned"), ["github"])
    before = [c.effect for c in sandbox.effects()].count("jenkins.build")
    for file in sandbox_settings.data_dir.glob("operations.db*"):
        file.unlink()
    shutil.copyfile(tmp_path / "backup" / "operations.db", sandbox_settings.data_dir / "operations.db")
    async with AgentOps(sandbox_settings) as ops:
        await ops.onboard(hire("Una Unsigned"), ["github"])
    assert [c.effect for c in sandbox.effects()].count("jenkins.build") == before + 1


async def test_a_retry_lost_with_the_database_is_adopted_under_its_later_attempt(
    sandbox: Sandbox, sandbox_settings: Settings, tmp_path: Path
) -> None:
    match = {"USER_EMAIL": "lars.later@acme.example"}
    await sandbox.pipeline_outcome("provisioning/github", match=match, result="FAILURE")
    async with AgentOps(sandbox_settings) as ops:
        failed = await ops.onboard(hire("Lars Later"), ["github"])
        assert failed.run.status is RunStatus.FAILED
        await back_up(sandbox_settings.data_dir, tmp_path / "backup")
        await sandbox.pipeline_outcome("provisioning/github", match=match, result="SUCCESS")
        done = await ops.wait((await ops.retry(failed.run.id)).id)
        assert done.run.status is RunStatus.DONE
    before = [c.effect for c in sandbox.effects()].count("jenkins.build")
    await restore(sandbox_settings.data_dir, tmp_path / "backup", ADMIN)
    async with AgentOps(sandbox_settings) as ops:
        again = await ops.wait((await ops.retry(failed.run.id)).id)
    assert again.run.status is RunStatus.DONE
    assert [c.effect for c in sandbox.effects()].count("jenkins.build") == before


async def test_restoring_signs_the_audit_chain_and_moves_the_old_aside(
    settings: Settings, fakes: FakeServices, ana: Profile, tmp_path: Path
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        await ops.onboard(ana)
        await back_up(settings.data_dir, tmp_path / "backup")
        with pytest.raises(ConfigurationError, match="work in"):
            await restore(settings.data_dir, tmp_path / "backup", ADMIN)
        with pytest.raises(ConfigurationError, match="there already"):
            await back_up(settings.data_dir, tmp_path / "backup")
    backup_of = await restore(settings.data_dir, tmp_path / "backup", ADMIN)
    (aside,) = settings.data_dir.glob("before-restore-*")
    assert (aside / "operations.db").exists()
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        rows = await ops._system.store.read(lambda tx: tx.restores.look_back())
    assert rows is not None
    assert abs((rows - backup_of).total_seconds()) < 0.01
    with pytest.raises(NotFound, match="no backup"):
        await restore(settings.data_dir, tmp_path, ADMIN)
    assert await restore(settings.data_dir, None, ADMIN) >= backup_of


async def test_a_backup_of_another_installation_is_refused(settings: Settings, fakes: FakeServices, tmp_path: Path) -> None:
    other = Settings(**{**settings.__dict__, "data_dir": tmp_path / "other"})
    for each in (settings, other):
        async with AgentOps(each, adapters=fakes.adapters()):
            pass
    await back_up(other.data_dir, tmp_path / "backup")
    with pytest.raises(ConfigurationError, match="another installation"):
        await restore(settings.data_dir, tmp_path / "backup", ADMIN)

"""The head may lie on another volume, and every command finds it there."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops import AgentOps, Profile, Settings
from agent_ops.domain.errors import ConfigurationError
from agent_ops.storage.head import HEAD_FILE
from tests.fakes import FakeServices
from tests.integration.audit_bench import verified, write_chain


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    (tmp_path / "volume").mkdir()
    return tmp_path / "volume" / "head"


async def test_the_head_is_kept_where_the_setting_says(
    settings: Settings, fakes: FakeServices, ana: Profile, elsewhere: Path
) -> None:
    there = replace(settings, audit_head=elsewhere)
    for wanted in (["github"], ["github"]):
        async with AgentOps(there, adapters=fakes.adapters()) as ops:
            await ops.onboard(ana, wanted)
    assert (settings.data_dir / HEAD_FILE).readlink() == elsewhere
    await write_chain(settings.data_dir, 2)  # by a command that knows no settings
    found = await verified(settings.data_dir, elsewhere)
    assert (found.findings, found.notes, found.head and found.head.id) == ((), (), found.rows)


async def test_a_head_moves_to_the_place_that_is_set_later(settings: Settings, fakes: FakeServices, elsewhere: Path) -> None:
    await write_chain(settings.data_dir, 3)
    async with AgentOps(replace(settings, audit_head=elsewhere), adapters=fakes.adapters()):
        pass
    found = await verified(settings.data_dir)
    assert (found.findings, found.head and found.head.id) == ((), 3)
    assert elsewhere.stat().st_mode & 0o077 == 0


async def test_two_heads_are_not_mixed(settings: Settings, fakes: FakeServices, elsewhere: Path) -> None:
    await write_chain(settings.data_dir, 3)
    shutil.copyfile(settings.data_dir / HEAD_FILE, elsewhere)
    with pytest.raises(ConfigurationError, match="holds a head, and so does"):
        async with AgentOps(replace(settings, audit_head=elsewhere), adapters=fakes.adapters()):
            pass


async def test_a_volume_that_is_away_stops_nothing_and_is_told(
    settings: Settings, fakes: FakeServices, ana: Profile, elsewhere: Path
) -> None:
    there = replace(settings, audit_head=elsewhere)
    await write_chain(settings.data_dir, 1)
    async with AgentOps(there, adapters=fakes.adapters()) as ops:
        elsewhere.parent.rename(elsewhere.parent.with_name("away"))
        assert (await ops.onboard(ana, ["github"])).run.status.value == "done"
    assert [finding.kind for finding in (await verified(settings.data_dir)).findings] == ["no_head"]
    elsewhere.parent.with_name("away").rename(elsewhere.parent)
    assert (await verified(settings.data_dir)).whole
    with pytest.raises(ConfigurationError, match="cannot be written"):
        async with AgentOps(replace(settings, audit_head=elsewhere / "no" / "such"), adapters=fakes.adapters()):
            pass

"""What the ledger pins for a mail: the team's own contact, the text and the HTML, and where the account really stands."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops import AgentOps, Profile, Settings
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import ConfigurationError
from agent_ops.policies import EXAMPLE
from agent_ops.settings import Environment
from tests.fakes import FakeServices
from tests.unit.test_settings import GOOD

CONTACTS = '\n[teams.data.contacts]\nfirst = "data-desk@acme.example"\n'


async def test_mails_go_to_the_teams_contact_where_it_names_one(settings: Settings, fakes: FakeServices, tmp_path: Path) -> None:
    policy_file = tmp_path / "policy.toml"
    policy_file.write_text(EXAMPLE.read_text(encoding="utf-8") + CONTACTS, encoding="utf-8")
    async with AgentOps(replace(settings, policy_file=policy_file), adapters=fakes.adapters()) as ops:
        await ops.onboard(Profile("山田 花子", "Data", external_id="E-1"))
        await ops.onboard(Profile("Bo Lee", "Sales", external_id="E-2"))
    mails = [mail.pinned for mail in fakes[Action.SEND_MAIL].done.values()]
    assert [mail["recipient"] for mail in mails] == [
        *("data-desk@acme.example", "second@acme.example"),
        *("first@acme.example", "second@acme.example"),
    ]
    assert all("山田 花子" in mail["body"] and "山田 花子" in mail["html"] for mail in mails[:2])
    assert all("GitHub organisation (github)" in mails[1][body] for body in ("body", "html"))


async def test_an_account_that_may_exist_is_not_told_as_missing(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.CREATE_ACCOUNT].forgetful = True
    fakes[Action.CREATE_ACCOUNT].trouble.kinds = ["drop_before"]
    await ops.onboard(ana)
    mails = {mail.proposal.item: mail.pinned for mail in fakes[Action.SEND_MAIL].done.values()}
    assert mails["account"]["subject"] == "Account not confirmed for Ana Silva"
    assert "may have been done" in mails["account"]["body"]


async def test_a_manager_that_could_not_be_set_is_told(ops: AgentOps, fakes: FakeServices) -> None:
    fakes[Action.SET_MANAGER].trouble.kinds = ["refuse"] * 50
    await ops.onboard(Profile("Ana Silva", "Engineering", manager="Dana Whitfield", external_id="E-1"))
    mails = {mail.proposal.item: mail.pinned for mail in fakes[Action.SEND_MAIL].done.values()}
    assert "Manager in the directory (manager)" in mails["access"]["body"]
    assert "Account attributes" not in mails["access"]["body"]


async def test_an_onboarding_that_is_undone_is_told_as_that(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    done = await ops.onboard(ana)
    await ops.wait((await ops.cancel(done.run.id, undo=True)).id)
    mails = {mail.proposal.item: mail.pinned for mail in fakes[Action.SEND_MAIL].done.values()}
    assert mails["account.2"]["subject"] == "Onboarding withdrawn for Ana Silva"
    told = " ".join(mails["access.2"]["body"].split())
    assert "Account created" not in mails["account.2"]["body"] + told
    assert "Taken back (2) -------------- * Account disabled (account) * AWS account (aws)" in told
    assert "Not taken back" in told
    assert "* GitHub organisation (github)" in told.partition("Not taken back")[2]
    assert all("Taken back" in mails["access.2"][body] for body in ("body", "html"))


@pytest.mark.parametrize("name", ["agent_ops_first_contact", "agent_ops_second_contact"])
def test_a_contact_in_the_settings_must_be_one_plain_address(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for other, value in {**GOOD, "AGENT_OPS_POLICY_FILE": str(EXAMPLE)}.items():
        monkeypatch.setenv(other, value)
    for value in ("a@b.example, c@d.example", "Ana <a@b.example>", "nobody"):
        monkeypatch.setenv(name.upper(), value)
        with pytest.raises(ConfigurationError, match=f"{name.upper()} must be one e-mail address"):
            Settings.from_environment()
    monkeypatch.setenv(name.upper(), "it-desk@acme.example")
    assert getattr(Environment.read(), name) == "it-desk@acme.example"

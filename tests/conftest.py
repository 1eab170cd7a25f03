"""Fixtures that all tests share: a policy, a database, a system over fakes, and one sandbox for the whole session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest

from agent_ops import AgentOps, EntitlementPolicy, Profile, Sandbox, Settings, read_policy
from agent_ops.domain.notices import Contacts
from agent_ops.effectors.mail import MailConfig
from agent_ops.ledger.attempt import Patience
from agent_ops.runtime.logs import configure_logging
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.graph_token import EntraConfig
from tests.fakes import FakeServices

SHARED = Path(__file__).resolve().parents[2] / "shared"
LONGEST_FIRST = ("threats", "adversary", "service", "proofs", "acceptance")
"""Folders whose files take minutes. Files go to workers whole, in this order: a long one begun last would end alone."""
IMPATIENT = Patience(tries=4, first_pause=0.001, longest_pause=0.01, longest_wait=1.0, settling=0.05, margin=0.05, give_up=0.0)


def pytest_configure() -> None:
    """Log as a package does that somebody embeds. As structlog does by itself, each refused case's traceback took 20 ms.

    A property holds however long its cases take: Hypothesis' deadline of 200 ms judges the machine.
    """
    configure_logging(None, "INFO")
    slow = [hypothesis.HealthCheck.too_slow]
    hypothesis.settings.register_profile("any machine", deadline=None, suppress_health_check=slow)
    hypothesis.settings.load_profile("any machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.parent.name, len(ranks)))


@pytest.fixture(scope="session")
def policy() -> EntitlementPolicy:
    return read_policy()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose services exist nowhere: only fakes can be used with them."""
    return Settings(
        entra=EntraConfig("tenant", "client", "secret"),
        aws=AwsConfig("eu-central-1", "/jenkins"),
        mail=MailConfig("mail.invalid", 25, "agent-ops@acme.example"),
        contacts=Contacts("first@acme.example", "second@acme.example"),
        data_dir=tmp_path / "data",
        patience=IMPATIENT,
        lease=10.0,
    )


@pytest.fixture
def fakes() -> FakeServices:
    return FakeServices()


@pytest.fixture
async def ops(settings: Settings, fakes: FakeServices) -> AsyncIterator[AgentOps]:
    """The whole system over fake services."""
    async with AgentOps(settings, adapters=fakes.adapters()) as system:
        yield system


@pytest.fixture
def ana() -> Profile:
    return Profile("Ana Silva", "Engineering", level="L2", location="Lisbon", external_id="E-1")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for the session. Tests tell people apart by names of their own."""
    box = Sandbox(tmp_path_factory.mktemp("sandbox")).start()
    yield box
    box.stop()


@pytest.fixture
def sandbox_settings(sandbox: Sandbox, tmp_path: Path) -> Settings:
    """Settings for the session's sandbox with a data directory of the test's own."""
    found = Settings.for_sandbox(sandbox.addresses, tmp_path / "data")
    return replace(found, patience=replace(IMPATIENT, tries=6, first_pause=0.02))


@pytest.fixture
async def box(sandbox: Sandbox) -> AsyncIterator[Sandbox]:
    """The session's sandbox, for tests that make it fail: every fault is cleared afterwards."""
    yield sandbox
    await sandbox.clear_faults()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The material beside the project that contract tests read."""
    if not SHARED.is_dir():
        pytest.skip("the folder `shared` beside the project is absent: third-party descriptions cannot be read")
    return SHARED

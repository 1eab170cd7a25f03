"""Every kind of verifier keeps the one contract: seen, not yet, never, cannot tell, down. Over the wire, at the twins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from typing import Any

import pytest

from agent_ops import Employee, Profile, Sandbox, Settings
from agent_ops.domain.ports import Verifier
from agent_ops.domain.verification import Sight, Sighting, VerifyRule
from agent_ops.ledger.verifying import Inspector
from agent_ops.runtime.reading import open_readers
from agent_ops.runtime.verifiers import GROUP
from agent_ops.sandbox.faults import Fault, FaultKind

Act = Callable[[Sandbox, str], Awaitable[Any]]


@dataclass(frozen=True)
class Kind:
    """How a kind is played: what gives the access, what hides it from us, what makes it ready to be missed, who must be up."""

    name: str
    target: str
    give: Act
    hide: Act
    words: str
    twin: str
    nearly: Act


async def _member(box: Sandbox, address: str) -> None:
    login = address.partition("@")[0].replace(".", "-")
    await box.github_identity(address, login)
    await box.github_member(login)
    await box.github_member(login, team="platform")


async def _invited(box: Sandbox, address: str) -> None:
    login = address.partition("@")[0].replace(".", "-")
    await box.github_identity(address, login)
    await box.github_member(login, "pending")
    await box.github_member(login, "pending", team="platform")


async def _let_in(box: Sandbox, address: str) -> None:
    await box.jira_person(address)
    await box.confluence_let_in("HR", address)


KINDS = {
    kind.name if kind.target.count("/") == 0 else f"{kind.name} of a team": kind
    for kind in (
        Kind(
            "aws_tag",
            "owner",
            lambda box, address: box.aws_tagged(f"home-{address.partition('.')[0]}", "owner", address),
            lambda box, address: box.aws_access(denied=["tag:GetResources"]),
            "tag:GetResources",
            "aws",
            lambda box, address: box.aws_tagged("somebody-elses", "owner", f"x{address}"),
        ),
        Kind(
            *("github_member", "acme", _member, lambda box, address: box.github_sign_on("none")),
            *("acme shows us no single sign-on", "github", _invited),
        ),
        Kind(
            *("github_member", "acme/platform", _member, lambda box, address: box.github_sign_on("hidden")),
            *("not accessible by personal access token", "github", _invited),
        ),
        Kind(
            *("confluence_space", "HR", _let_in, lambda box, address: box.jira_person(address, hides_email=True)),
            *("whose own address is hidden", "confluence", lambda box, address: box.jira_person(address)),
        ),
    )
}


@pytest.fixture(params=KINDS.values(), ids=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


@pytest.fixture
async def verifier(kind: Kind, box: Sandbox, sandbox_settings: Settings) -> AsyncIterator[Verifier]:
    """As the system makes it, by its entry point."""
    readers = open_readers(replace(sandbox_settings, aws=replace(sandbox_settings.aws, timeout=30.0)))
    (entry,) = entry_points(group=GROUP, name=kind.name)
    yield entry.load()(readers)
    for reader in readers.values():
        await reader.close()
    await box.aws_access()
    await box.github_sign_on()


@pytest.fixture
def somebody(kind: Kind, request: pytest.FixtureRequest) -> Employee:
    """Of the test's own."""
    name = f"{abs(hash((request.node.name, kind.target))):x}"
    return Employee(name, Profile("Some Body", "Engineering"), address=f"v{name}.body@acme.example")


async def looked(kind: Kind, verifier: Verifier, employee: Employee) -> Sighting:
    """As a run looks, without its pauses."""
    unused: Any = None
    inspector = Inspector(unused, unused, {kind.name: verifier}, pauses=(0.0, 0.0))
    return await inspector._looked(VerifyRule(kind.name, kind.target), employee)


def address_of(employee: Employee) -> str:
    assert employee.address
    return employee.address


async def test_what_is_there_is_seen(box: Sandbox, kind: Kind, verifier: Verifier, somebody: Employee) -> None:
    await kind.give(box, address_of(somebody))
    found = await looked(kind, verifier, somebody)
    assert found.sight is Sight.VERIFIED, found.words
    assert found.words.startswith("seen: ")


async def test_what_comes_late_is_seen_at_a_further_look(
    box: Sandbox, kind: Kind, verifier: Verifier, somebody: Employee
) -> None:
    looks = list[str]()

    class Late:
        async def look(self, target: str, employee: Employee) -> str:
            looks.append(await verifier.look(target, employee))
            if len(looks) == 1:
                await kind.give(box, address_of(employee))
            return looks[-1]

    await kind.nearly(box, address_of(somebody))
    assert (await looked(kind, Late(), somebody)).sight is Sight.VERIFIED
    assert [bool(one) for one in looks] == [False, True]


async def test_what_never_comes_is_a_contradiction(box: Sandbox, kind: Kind, verifier: Verifier, somebody: Employee) -> None:
    """Also when the person is known there, is invited, or somebody else has it."""
    assert (await looked(kind, verifier, somebody)).sight is Sight.CONTRADICTED
    await kind.nearly(box, address_of(somebody))
    found = await looked(kind, verifier, somebody)
    assert found.sight is Sight.CONTRADICTED, found.words
    assert f"{kind.name} {kind.target}" in found.words
    assert (await looked(kind, verifier, replace(somebody, address=None))).sight is Sight.CONTRADICTED


async def test_what_cannot_be_told_is_no_contradiction(box: Sandbox, kind: Kind, verifier: Verifier, somebody: Employee) -> None:
    await kind.hide(box, address_of(somebody))
    found = await looked(kind, verifier, somebody)
    assert found.sight is Sight.UNVERIFIED
    assert kind.words in found.words
    assert "\n" not in found.words


async def test_a_service_that_is_down_is_no_contradiction(
    box: Sandbox, kind: Kind, verifier: Verifier, somebody: Employee
) -> None:
    await kind.give(box, address_of(somebody))
    await box.fault(Fault(kind.twin, FaultKind.STATUS, status=503, retry_after=120))
    found = await looked(kind, verifier, somebody)
    assert found.sight is Sight.UNVERIFIED, found.words


def test_every_kind_is_here() -> None:
    assert {entry.name for entry in entry_points(group=GROUP)} == {kind.name for kind in KINDS.values()}

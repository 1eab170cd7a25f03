"""A sandbox of its own for one line of cells, so that a fault meant for one hire strikes no other."""

from __future__ import annotations

import asyncio
import itertools
import re
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import httpx

from agent_ops import EntitlementPolicy, Profile, Sandbox, read_policy
from agent_ops.domain.addresses import candidates
from agent_ops.domain.policy import GroupItem, PipelineItem
from agent_ops.policies import EXAMPLE
from agent_ops.sandbox import Fault
from agent_ops.sandbox.addresses import Addresses
from agent_ops.sandbox.records import Call, Records
from proofs.judge import Account, Files, Verdict, accounts, compare
from proofs.lives import Hire, Life

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Write:
    """One change of a service as it looks on the wire: what a fault must name to strike it."""

    twin: str
    method: str
    path: str


class Lane:
    """Cells are played here one after another."""

    def __init__(self, directory: Path, name: str) -> None:
        self.directory = directory
        self.name = name
        self.policy_file = _policy(directory / f"{name}.toml")
        self.box = Sandbox(directory / name, self.policy_file)
        self.policy: EntitlementPolicy = read_policy(self.policy_file)
        self.expected: dict[str, Account] = {}
        self.writes: tuple[Write, ...] = ()
        self._seen = 0
        self._altered = False
        self._pipeline_seconds = 0.0

    async def open(self, pipeline_seconds: float) -> None:
        """Start the sandbox."""
        self._pipeline_seconds = pipeline_seconds
        await asyncio.to_thread(self.box.start)
        await self._as_usual()

    def close(self) -> None:
        self.box.stop()

    @property
    def addresses(self) -> Addresses:
        return self.box.addresses

    async def fresh(self) -> Life:
        """Forget faults and what was recorded so far; a life with a hire and a directory that nobody had before."""
        await self.box.clear_faults()
        if self._altered:
            await self._as_usual()
        self._seen = len(await asyncio.to_thread(self.box.effects))
        number = next(_numbers)
        hire = various(self.policy)
        name = f"{self.name.capitalize()} {letters(number)}"
        profile = replace(hire.profile, name=name, external_id=f"{self.name}-{number}")
        hires = (replace(hire, profile=profile),)
        return Life(self.directory / f"{self.name}-{number}", self.addresses, hires, policy_file=self.policy_file)

    async def faults(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            await self.box.fault(fault)

    def recorded(self) -> list[Call]:
        """The changes since `fresh`."""
        return self.box.effects()[self._seen :]

    def calls(self) -> tuple[int, int]:
        """How many calls reached the services that speak HTTP, and how many of them were cut or answered 429 or 5xx."""
        records = Records(self.box.directory / "records.db")
        try:
            statuses = [call.status for call in records.calls() if call.twin != "mail"]
            return len(statuses), sum(status in (0, 429) or status >= 500 for status in statuses)
        finally:
            records.close()

    def note_writes(self, calls: Iterable[Call]) -> None:
        """Learn from an undisturbed onboarding what its changes look like on the wire."""
        ids = {str(call.detail.get(name, "-")) for call in calls for name in ("id", "user")}
        paths = {(c.twin, c.method, c.path.partition("?")[0]) for c in calls}
        self.writes = tuple(sorted({Write(t, m, _pattern(path, ids)) for t, m, path in paths}, key=str))

    async def long_pipelines(self, hire: Hire, seconds: float) -> None:
        """What the hire asked for takes so long, until somebody else begins afresh."""
        self._altered = True
        for key in hire.items or ():
            if isinstance(item := self.policy.catalogue[key], PipelineItem):
                await self.box.pipeline_seconds(item.pipeline, seconds)

    async def no_seats(self) -> None:
        """No licence can be had, until somebody else begins afresh."""
        self._altered = True
        await self._seats(0)

    async def _as_usual(self) -> None:
        """Pipelines are quick, and there are seats for everybody."""
        self._altered = False
        await self._seats(1_000_000)
        for item in self.policy.catalogue.values():
            if isinstance(item, PipelineItem):
                await self.box.pipeline_seconds(item.pipeline, self._pipeline_seconds)

    async def _seats(self, count: int) -> None:
        for item in self.policy.catalogue.values():
            if isinstance(item, GroupItem) and item.licence:
                await self.box.licence_seats(item.licence, count)

    async def namesake(self, profile: Profile) -> str:
        """Somebody else gets the address that the hire would get; the object id of the account."""
        address = self.address_of(profile)
        box = self.addresses
        form = {
            "grant_type": "client_credentials",
            "client_id": box.client_id,
            "client_secret": box.client_secret,
            "scope": "https://graph.microsoft.com/.default",
        }
        body = {
            "accountEnabled": True,
            "displayName": "Somebody Else",
            "mailNickname": address.partition("@")[0],
            "userPrincipalName": address,
            "passwordProfile": {"password": "aA1!" + "x" * 20},
        }
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=box.ca_file), trust_env=False) as client:
            token = (await client.post(f"{box.entra_url}/{box.tenant_id}/oauth2/v2.0/token", data=form)).json()["access_token"]
            made = await client.post(f"{box.entra_url}/v1.0/users", json=body, headers={"Authorization": f"Bearer {token}"})
            made.raise_for_status()
        self._seen += 1
        return str(made.json()["id"])

    def address_of(self, profile: Profile) -> str:
        """The first address that the hire may get."""
        return next(iter(candidates(profile.name, self.policy.domain)))

    def judged(
        self, life: Life, expected: Account | None, alike: Callable[[Account], Account] = lambda account: account
    ) -> tuple[Verdict, Account | None]:
        """What the services and the database say of the life's hire."""
        files = Files(life.data_dir)
        seen, strays = accounts(files, self.recorded())
        verdict = Verdict(duplicates=strays, wrong=files.event_gaps())
        for hire in life.hires:
            name = hire.profile.name
            if name not in seen:
                verdict.wrong.append(f"{name} was never admitted")
            elif expected is not None:
                verdict += compare(name, alike(seen[name]), alike(expected))
        return verdict, seen.get(life.hires[0].profile.name)


def various(policy: EntitlementPolicy) -> Hire:
    """A hire whose access has one item of every shape in the catalogue, as far as one team may have them."""
    shapes: dict[str, dict[str, str]] = {}
    for name, team in policy.teams.items():
        for key in sorted(team.own.allowed):
            shapes.setdefault(name, {}).setdefault(_shape(policy, key), key)
    team_of_most = max(shapes, key=lambda name: len(shapes[name]))
    profile = Profile(
        "Nobody",
        team_of_most,
        level=policy.levels[0],
        location=next(iter(policy.locations)),
        manager=f"dana.whitfield@{policy.domain}",
        joining_date=date(2020, 1, 1),
    )
    return Hire(profile, tuple(sorted(shapes[team_of_most].values())))


_UNLIMITED = ("accounts_per_hour", "accounts_per_hour_per_caller", "burst_requests", "directory_floor")


def _policy(file: Path) -> Path:
    """The example, with accounts that are enabled on the first working day, and no limit that a crowd would reach."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = EXAMPLE.read_text(encoding="utf-8").replace("[account]", "[account]\ndisabled_until_start = true", 1)
    text += "\n[limits]\n" + "".join(f"{key} = 1000000\n" for key in _UNLIMITED)
    file.write_text(text, encoding="utf-8")
    return file


def _shape(policy: EntitlementPolicy, key: str) -> str:
    """The item's kind and which of its optional fields are set."""
    item = policy.catalogue[key]
    return f"{type(item).__name__} {sorted(name for name, value in vars(item).items() if value not in ('', None, False, {}, ()))}"


def letters(number: int) -> str:
    word = ""
    while number:
        number, digit = divmod(number - 1, 26)
        word = chr(ord("a") + digit) + word
    return f"Newcomer{word}"  # with an m, which looks like rn: so that every name is asked about


def _pattern(path: str, ids: set[str]) -> str:
    return "/".join("[^/]+" if part in ids else re.escape(part) for part in path.split("/")) + "$"

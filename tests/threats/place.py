"""Where cases are played: one sandbox for a world, put back as it was before each case, and what was seen of a case."""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from agent_ops import Caller, RunReport, Sandbox, Settings, read_policy
from agent_ops.domain.errors import IdentityConflict, InvalidRequest, NotFound, NotPermitted
from agent_ops.domain.policy import PipelineItem
from agent_ops.sandbox.records import Call, Records
from tests.conftest import IMPATIENT
from tests.threats.cases import Case, World

STATUSES: dict[type[Exception], frozenset[int]] = {
    InvalidRequest: frozenset({400, 422}),
    NotPermitted: frozenset({403}),
    IdentityConflict: frozenset({409}),
    NotFound: frozenset({404}),
}
"""What the REST service will answer for each error; an accepted request is 202, anything else 500."""
CANARY = "canary-tok-"
"""Every secret of the sandbox begins with it, so that one search finds them all."""
SECRETS = ("client_secret", "jenkins_token", "smtp_password", "control_token")


class HttpRefusal(Exception):
    """What the service itself answered, when it refused."""

    def __init__(self, status: int, text: str) -> None:
        self.status = status
        super().__init__(f"{status} {text}")


def statuses_of(error: Exception | None) -> frozenset[int]:
    """The HTTP status of an answer, or those that an error of the library's may have."""
    if error is None:
        return frozenset({202})
    if isinstance(error, HttpRefusal):
        return frozenset({error.status})
    return next((found for kind, found in STATUSES.items() if isinstance(error, kind)), frozenset({500}))


@dataclass
class Evidence:
    """Everything by which a case is judged."""

    case: Case
    world: World
    data_dir: Path
    contacts: frozenset[str]
    answers: list[Exception | None] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    """What was answered, printed, or shown to a model."""
    reports: list[RunReport] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    before: dict[str, dict[str, Any]] = field(default_factory=dict)
    after: dict[str, dict[str, Any]] = field(default_factory=dict)
    connections: set[tuple[str, int]] = field(default_factory=set)
    configured: set[tuple[str, int]] = field(default_factory=set)
    opened: set[tuple[str, bool]] = field(default_factory=set)
    """Files that this process opened, and whether for writing."""
    mails: list[bytes] = field(default_factory=list)
    grants: dict[str, set[str]] = field(default_factory=dict)
    """Each run's grant, in every form in which it was seen: one, if it never changed."""
    notes: dict[str, Any] = field(default_factory=dict)

    def answered(self, error: Exception | None, text: str = "") -> None:
        self.answers.append(error)
        self.texts.append(text or str(error or ""))

    def written(self) -> Iterator[tuple[Path, bytes]]:
        """Every file below the case's data directory."""
        for path in sorted(self.data_dir.rglob("*")):
            if path.is_file():
                yield path, path.read_bytes()


class Place:
    """A world that stands."""

    def __init__(self, directory: Path, world: World) -> None:
        self.directory, self.world = directory, world
        directory.mkdir(parents=True, exist_ok=True)
        self.policy_file = directory / "policy.toml"
        self.policy_file.write_text(world.policy_toml(), encoding="utf-8")
        sandbox = directory / "twins" / "sandbox"
        sandbox.mkdir(parents=True)
        secrets = {name: f"{CANARY}{name.replace('_', '-')}-0123456789" for name in SECRETS}
        (sandbox / "credentials.json").write_text(json.dumps(secrets), encoding="utf-8")
        self.box = Sandbox(directory / "twins", self.policy_file)
        self.policy = read_policy(self.policy_file)
        self._token = ""
        self.trace: list[tuple[str, str]] = []
        """The points of an undisturbed onboarding in their order, once somebody looked (`crash.survey`)."""
        self.configured: frozenset[tuple[str, int]] = frozenset()
        """The hosts and ports that the settings name."""

    def open(self) -> Place:
        self.box.start()
        asyncio.run(self._prepare())
        return self

    async def _prepare(self) -> None:
        box = self.box.addresses
        read = [getattr(box, name, "") for name in ("jira_url", "confluence_url", "github_url")]
        urls = [httpx.URL(url) for url in (box.entra_url, box.aws_url, self._jenkins(), *filter(None, read))]
        self.configured = frozenset({*((url.host, url.port or 443) for url in urls), (box.smtp_host, box.smtp_port)})
        for item in self.policy.catalogue.values():
            if isinstance(item, PipelineItem):
                await self.box.pipeline_seconds(item.pipeline, 0.0)
        present = await self.people()
        for address in self.world.people:
            if address not in present:
                await self.box.plant_user(address)

    def close(self) -> None:
        self.box.stop()

    def settings(self, data_dir: Path) -> Settings:
        """Settings with which everything that can be kept on disk is kept, at the most talkative level."""
        found = Settings.for_sandbox(self.box.addresses, data_dir, policy_file=self.policy_file)
        patience = replace(IMPATIENT, tries=6, first_pause=0.02)
        return replace(found, patience=patience, keep_checkpoints=True, log_level="DEBUG")

    def caller(self, key: str | None) -> Caller:
        """The caller that the REST service would make of a key."""
        return Caller(key or "nobody", frozenset(self.world.keys.get(key or "", ())))

    async def people(self) -> dict[str, dict[str, Any]]:
        """Everybody in the directory, as an administrator sees them, by address."""
        shown = "id,userPrincipalName,displayName,accountEnabled,mail,mailNickname,department,jobTitle"
        found = (await self._graph("GET", f"/users?$select={shown}&$top=999"))["value"]
        return {person["userPrincipalName"]: person for person in found}

    async def rename(self, address: str, display_name: str) -> None:
        """Somebody else's display name, as somebody else chose it."""
        await self._graph("PATCH", f"/users/{address}", {"displayName": display_name})

    async def clean(self) -> None:
        """Only the people of the world, as they were; no faults."""
        await self.box.clear_faults()
        for address, person in (await self.people()).items():
            if address not in self.world.people:
                await self._graph("DELETE", f"/users/{person['id']}")
            elif person["displayName"] != _usual_name(address):
                await self.rename(address, _usual_name(address))
        for person in (await self._graph("GET", "/directory/deletedItems/microsoft.graph.user"))["value"]:
            await self._graph("DELETE", f"/directory/deletedItems/{person['id']}")

    async def _graph(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Graph as an administrator calls it, before and after a case."""
        box = self.box.addresses
        async with httpx.AsyncClient(verify=ssl.create_default_context(cafile=box.ca_file), trust_env=False) as client:
            if not self._token:
                form = {"grant_type": "client_credentials", "client_id": box.client_id, "client_secret": box.client_secret}
                form["scope"] = "https://graph.microsoft.com/.default"
                answer = await client.post(f"{box.entra_url}/{box.tenant_id}/oauth2/v2.0/token", data=form)
                self._token = answer.json()["access_token"]
            signed = {"Authorization": f"Bearer {self._token}"}
            done = await client.request(method, f"{box.entra_url}/v1.0{path}", json=body, headers=signed)
            done.raise_for_status()
            parsed: dict[str, Any] = done.json() if done.content else {}
            return parsed

    def calls(self) -> list[Call]:
        records = Records(self.box.directory / "records.db")
        try:
            return list(records.calls())
        finally:
            records.close()

    def _jenkins(self) -> str:
        """The Jenkins URL, which the settings have by way of SSM."""
        box = self.box.addresses
        client = boto3.client(
            "ssm",
            region_name=box.region,
            endpoint_url=box.aws_url,
            verify=box.ca_file,
            aws_access_key_id=box.access_key_id,
            aws_secret_access_key=box.secret_access_key,
            config=Config(proxies={}),
        )
        value = client.get_parameter(Name=box.ssm_parameter, WithDecryption=True)["Parameter"]["Value"]
        client.close()
        return str(json.loads(value)["url"])

    @contextmanager
    def watched(self, evidence: Evidence) -> Iterator[None]:
        """What this process does meanwhile: the connections it makes and the files it opens."""
        _watchers.append(evidence)
        try:
            yield
        finally:
            _watchers.remove(evidence)


def _usual_name(address: str) -> str:
    local = address.partition("@")[0]
    return {"svc-jenkins": "Jenkins"}.get(local, local.replace(".", " ").title())


_watchers: list[Evidence] = []


def _hook(event: str, arguments: Sequence[Any]) -> None:
    """https://docs.python.org/3/library/audit_events.html; hooks cannot be taken out, so this one serves all tests."""
    if not _watchers:
        return
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        for evidence in _watchers:
            evidence.connections.add((str(arguments[1][0]), int(arguments[1][1])))
    elif event in ("open", "sqlite3.connect") and isinstance(arguments[0], (str, bytes)):
        mode = arguments[1] if event == "open" and len(arguments) > 1 and isinstance(arguments[1], str) else ""
        name = arguments[0] if isinstance(arguments[0], str) else arguments[0].decode(errors="replace")
        for evidence in _watchers:
            evidence.opened.add((name, any(letter in mode for letter in "wax+")))


sys.addaudithook(_hook)

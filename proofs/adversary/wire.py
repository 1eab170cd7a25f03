"""The same attack through the real clients: the sandbox's twins in a process of their own, judged by what they recorded."""

from __future__ import annotations

import asyncio
import email
import email.policy
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from agent_ops import Sandbox, Settings
from agent_ops.domain.notices import Contacts
from agent_ops.sandbox.records import Call, Records
from agent_ops.transport.jenkins_login import jenkins_logins
from proofs.adversary.disk import Disk
from proofs.adversary.life import PATIENCE
from proofs.adversary.policies import CONTACTS
from proofs.adversary.stage import Stage
from proofs.adversary.writes import Account, Write

_ATTRIBUTES = ("usageLocation", "employeeType", "department", "jobTitle")
_MARKER = "extensionAttribute15"


@dataclass
class Twins:
    """The twins as a judge sees them. It has the shape of ``Services``; nothing strikes and nobody dies here.

    Args:
        skip: calls that others had made in this sandbox before.
    """

    box: Sandbox
    disk: Disk
    skip: int
    writes: list[Write] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    strikes: list[str] = field(default_factory=list)
    dies: tuple[int, str] | None = None
    died: asyncio.Event = field(default_factory=asyncio.Event)

    def adapters(self) -> Mapping[Any, Any] | None:
        """None: the package's own effectors."""
        return None

    def look(self) -> None:
        """Whatever the twins recorded since."""
        records = Records(self.box.directory / "records.db")
        try:
            users = records.all("entra", "user")
            calls = list(records.calls(effects_only=True))[self.skip + len(self.writes) :]
        finally:
            records.close()
        made = {call.detail["id"] for call in calls if call.effect == "entra.create"} | {
            a.id for a in self.accounts.values() if a.ours
        }
        self.accounts.update({key: _account(key, user, key in made) for key, user in users.items()})
        self.writes += [self._write(call, users) for call in calls]

    def _write(self, call: Call, users: Mapping[str, Any]) -> Write:
        kind, values, account = _known(call, users, self.box.directory)
        write = Write(kind, values, account, _marker(kind, values, account, users), self._audited(call.at), True, at=call.at)
        write.at += time.monotonic() - time.time()  # as everything else here is timed
        write.result = "SUCCESS" if kind == "build" else ""
        return write

    def _audited(self, at: float) -> int:
        """The newest audit row that was written before a call arrived."""
        moment = datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")
        found = self.disk.rows("SELECT max(id) AS id FROM audit WHERE at <= ?", moment)
        return int(found[0]["id"] or 0) if found else 0


def _account(key: str, user: Mapping[str, Any], ours: bool) -> Account:
    marker = (user.get("onPremisesExtensionAttributes") or {}).get(_MARKER) or ""
    return Account(key, user["userPrincipalName"], user["displayName"], ours, bool(user.get("accountEnabled")), marker)


def _marker(kind: str, values: Mapping[str, Any], account: str, users: Mapping[str, Any]) -> str:
    if kind == "create":
        return _account(account, users[account], True).marker
    if kind == "build":
        return str(values["parameters"].get("AGENT_OPS_REQUEST_ID", ""))
    return str(values["message_id"]).strip("<").partition("@")[0] if kind == "mail" else ""


def _known(call: Call, users: Mapping[str, Any], directory: Path) -> tuple[str, dict[str, Any], str]:
    """Kind, values and account of a recorded change; what is no change of ours by its name is 'other'."""
    ways: dict[str, Callable[[dict[str, Any]], tuple[str, dict[str, Any], str]]] = {
        "entra.create": lambda d: ("create", {"displayName": d["display_name"], "userPrincipalName": d["upn"]}, d["id"]),
        "entra.update": lambda d: _update(d, users),
        "entra.manager": lambda d: ("manager", {"manager": users[d["manager"]]["displayName"]}, d["id"]),
        "entra.group.add": lambda d: ("group", {"group": d["group"]}, d["user"]),
        "jenkins.build": lambda d: ("build", {"job": d["job"], "parameters": d["parameters"]}, ""),
        "mail": lambda d: ("mail", _mail(d, directory), ""),
    }
    way = ways.get(call.effect)
    return way(call.detail) if way else ("other", {"effect": call.effect, **call.detail}, str(call.detail.get("id", "")))


def _update(detail: dict[str, Any], users: Mapping[str, Any]) -> tuple[str, dict[str, Any], str]:
    user, names = users[detail["id"]], set(detail["properties"])
    if names == {"accountEnabled"}:
        return ("enable" if user["accountEnabled"] else "disable"), {}, detail["id"]
    if names <= {*_ATTRIBUTES, "employeeHireDate"}:
        return "attributes", {"attributes": {name: user.get(name) for name in _ATTRIBUTES}}, detail["id"]
    return "other", dict(detail), detail["id"]


def _mail(detail: dict[str, Any], directory: Path) -> dict[str, Any]:
    content = (directory / "mailbox" / detail["file"]).read_bytes()
    message = email.message_from_bytes(content, _class=EmailMessage, policy=email.policy.default)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    head = {"recipient": detail["to"], "subject": detail["subject"], "message_id": detail["message_id"]}
    expected = {"from", "to", "subject", "message-id", "date", "auto-submitted", "mime-version", "content-type"}
    more = {name: str(message[name]) for name in message if name.lower() not in expected}
    bodies = {"body": text.get_content() if text else "", "html": html.get_content() if html else ""}
    return {**head, **bodies, **more}


class WireStage(Stage):
    """The stage over a running sandbox."""

    def __init__(self, box: Sandbox) -> None:
        self._box = box
        super().__init__()
        addresses = box.addresses
        self.seen.secrets = [addresses.client_secret, addresses.smtp_password, addresses.secret_access_key]

    def services_of(self) -> Twins:
        return Twins(self._box, self.disk, len(self._box.effects()))

    def settings(self) -> Settings:
        found = Settings.for_sandbox(self._box.addresses, self.data_dir, policy_file=self.policy_file)
        patience = replace(PATIENCE, tries=6, first_pause=0.02)
        return replace(found, contacts=Contacts(*CONTACTS), patience=patience, log_level="DEBUG")

    def ways(self) -> frozenset[str]:
        return ways_to(self._box)


def ways_to(box: Sandbox) -> frozenset[str]:
    """Every host and port that the settings name, and those of Jenkins, which the parameter that they name has."""
    found, addresses = set[str](), box.addresses
    logins = jenkins_logins(Settings.for_sandbox(addresses, box.directory).aws)
    jenkins = (login.account().url for login in logins.values())
    for url in (addresses.control_url, addresses.entra_url, addresses.aws_url, addresses.jira_url, *jenkins):
        found.add(url.partition("//")[2].partition("/")[0])
    found |= {f"{addresses.smtp_host}:{port}" for port in (addresses.smtp_port, addresses.smtps_port)}
    return frozenset(found)

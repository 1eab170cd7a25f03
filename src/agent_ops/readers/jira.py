"""What Jira Cloud says of an issue: where it stands, who moved it there, what it names. By atlassian-python-api, REST v3.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-get
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agent_ops.domain.errors import ServiceError, ServiceUnavailable
from agent_ops.domain.evidence import Approval, Move, Person
from agent_ops.readers.atlassian import AtlassianConfig, AtlassianSite, ClientOptions, json_object
from agent_ops.transport.vendor_errors import is_missing_at_atlassian, jira_errors

if TYPE_CHECKING:
    from atlassian import Jira

_SERVICE = "Jira"
_FIELDS = "summary,description,status,reporter,project,updated"
_MAX_TEXT = 20_000  # characters of summary and description that are looked at
_MAX_DEPTH = 30  # of a description in Atlassian's document format
_WORDS = frozenset({"summary", "description"})


@dataclass(frozen=True)
class JiraConfig(AtlassianConfig):
    """How Jira is reached."""


class JiraReader:
    """Reads issues. It follows no redirects, takes nothing from the environment and has no call that changes anything.

    What people wrote in an issue is untrusted: it is compared, and goes no further than ``Approval.text``.
    """

    def __init__(self, config: JiraConfig) -> None:
        self._site = jira_site(config)

    async def close(self) -> None:
        self._site.close()

    async def myself(self) -> str:
        """Who we are there: the account's e-mail address, or its id where that is hidden.

        Raises:
            ServiceUnavailable: Jira cannot be asked now. ServiceRefused: it does not answer us; AccessRefused among it.
        """
        found = json_object(await self._site.once(lambda jira: jira.myself()))
        return str(found.get("emailAddress") or found.get("accountId") or "somebody")

    async def find(self, reference: str) -> Approval | None:
        """The issue of a key; None when there is none, or none that our account may see: Jira does not tell the two apart.

        Raises:
            ServiceUnavailable: Jira cannot be asked now. ServiceRefused: it does not answer us; AccessRefused among it.
        """
        try:
            found = await self._site.once(lambda jira: jira.issue(reference, fields=_FIELDS, expand="changelog"))
        except ServiceError as error:
            if is_missing_at_atlassian(error):
                return None
            raise
        try:
            return _approval(json_object(found))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ServiceUnavailable(_SERVICE, f"described {reference} as no Jira does ({type(error).__name__})") from None


def jira_site(config: JiraConfig) -> AtlassianSite[Any]:
    """The way to Jira for reading; Jira's client is told that it is Cloud, which it else guesses from the host's name."""

    def client(options: ClientOptions) -> Jira:
        from atlassian import Jira  # noqa: PLC0415 - 0.1 s, with the first question only

        return Jira(config.url, api_version="3", cloud=True, **options)

    return AtlassianSite("Jira", config, client, jira_errors)


def _approval(issue: dict[str, Any]) -> Approval:
    fields, log = issue["fields"], issue["changelog"]
    histories = sorted(log["histories"], key=lambda history: (_moment(history["created"]), int(history["id"])))
    complete = int(log["total"]) <= len(histories)  # else Jira left some out: who approved is then not known
    status = fields["status"]
    return Approval(
        reference=str(issue["key"]),
        project=str(fields["project"]["key"]),
        status_id=str(status["id"]),
        status=str(status["name"]),
        category=str(status["statusCategory"]["key"]),
        reporter=_person(fields.get("reporter")),
        moves=tuple(_moves(histories)) if complete else (),
        updated_at=_moment(fields["updated"]),
        reworded_at=max((_moment(h["created"]) for h in histories if _reworded(h)), default=None),
        text=f"{fields.get('summary') or ''}\n{_words(fields.get('description'))}"[:_MAX_TEXT],
    )


def _moves(histories: list[dict[str, Any]]) -> Iterator[Move]:
    for history in histories:
        for item in history["items"]:
            if _field(item) == "status":
                yield Move(str(item["to"]), _person(history.get("author")), _moment(history["created"]))


def _reworded(history: dict[str, Any]) -> bool:
    """Whether words were changed, other than in the same step as the status: who moves it then knows them."""
    changed = {_field(item) for item in history["items"]}
    return bool(changed & _WORDS) and "status" not in changed


def _field(item: dict[str, Any]) -> str:
    """Which field was changed: a custom one may bear any name, but not any id."""
    return str(item["fieldId"] if "fieldId" in item else item["field"]) if item.get("fieldtype", "jira") == "jira" else ""


def _person(user: dict[str, Any] | None) -> Person:
    """A user as Jira tells them: privacy settings may leave out the e-mail address."""
    told = user or {}
    return Person(
        str(told.get("accountId") or ""),
        str(told.get("emailAddress") or ""),
        str(told.get("displayName") or ""),
        told.get("accountType") == "app",
    )


def _words(node: Any, depth: int = 0) -> str:
    """The words of a document: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure."""
    if not isinstance(node, dict) or depth > _MAX_DEPTH:
        return node[:_MAX_TEXT] if isinstance(node, str) else ""
    own = str(node.get("text") or (node.get("attrs") or {}).get("text") or "")
    inner = "".join(_words(child, depth + 1) for child in node.get("content") or [])
    return own + inner + ("" if node.get("type") in ("text", "mention") else "\n")


def _moment(text: str) -> datetime:
    """Jira's times: 2026-03-01T09:30:00.000+0100."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")

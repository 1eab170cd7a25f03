"""What a task holds on its way in, and how long its caller waits for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from agent_ops.api.bodies import Body
from agent_ops.api.words import Address, Code, Day, Item, Name, NameOrAddress, Phone, Word
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.tasks import MAX_TASK

NOT_BLANK = r"[^\u0000-\u0020\u007f-\u00a0\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]"
"""Something that can be seen: engines differ in what they take for white space, and this leaves out all of it."""
MAX_WAIT = 30.0
"""Seconds. Proxies give up after a minute, many of them."""
ASYNC, WAIT = "respond-async", "wait"
_LIBRARY = {"date_of_joining": "joining_date", "contact_no": "contact_number", "emailid": "email_wish"}


class ContextBody(Body):
    """Facts about a joiner, in the words of a hire; or which known employee is meant."""

    name: Name | None = Field(None, description="Full name of who is meant; needed beside any other fact about a joiner.")
    emailid: Address | None = Field(None, description="An address the person would like: a wish.")
    contact_no: Phone | None = None
    location: Word | None = None
    date_of_joining: Day | None = None
    level: Word | None = None
    team: Word | None = Field(None, description="Without a team there is no account.")
    manager: NameOrAddress | None = None
    external_id: Code | None = Field(None, description="The HR system's number for the person.")
    access_items: list[Item] | None = Field(None, max_length=50, description="Access items asked for.")
    evidence: dict[Item, Code] | None = Field(None, description="References to approvals by item.")
    employee_id: Word | None = Field(None, description="Which of several employees of a name is meant.")

    def facts(self) -> dict[str, Any]:
        """The context as the library takes it."""
        given = self.model_dump(mode="json", exclude_none=True)
        return {_LIBRARY.get(field, field): value for field, value in given.items()}


class TaskBody(Body):
    """A task in words. It changes something only for whom ``context``, or a full name in a known phrase, names."""

    task: Annotated[str, StringConstraints(pattern=NOT_BLANK, max_length=MAX_TASK)] = Field(
        description="What is to be done; without a model one of the known phrases."
    )
    context: ContextBody | None = Field(None, description="What the words do not say.")

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {"task": "List EC2 instances"},
                {"task": "Generate and save email for user with name John Doe", "context": {"name": "John Doe"}},
            ]
        },
    )

    def check(self, items: frozenset[str]) -> None:
        """Raise ``InvalidRequest`` when the context has approvals of items that the contract does not list."""
        given = (self.context and self.context.evidence) or {}
        if unknown := sorted(given.keys() - items):
            raise InvalidRequest("context.evidence", f"{unknown[0]!r} is not in the catalogue")


class Preferences:
    """What a ``Prefer`` header asks for, as far as we heed it: https://www.rfc-editor.org/rfc/rfc7240

    Unknown preferences, and values that are none, are passed over, as the RFC has it; of two equal ones the first counts.

    Args:
        headers: every ``Prefer`` header of the request.
    """

    def __init__(self, headers: Iterable[str]) -> None:
        found: dict[str, str] = {}
        for preference in ",".join(headers).split(","):
            name, _, value = preference.partition(";")[0].partition("=")
            found.setdefault(name.strip().lower(), value.strip().strip('"'))
        self.asynchronous = ASYNC in found
        self.wait = int(found[WAIT]) if re.fullmatch("[0-9]{1,9}", found.get(WAIT, "")) else None

    @property
    def seconds(self) -> float:
        """How long an answer may take before it is 202."""
        return MAX_WAIT * (not self.asynchronous) if self.wait is None else min(float(self.wait), MAX_WAIT)

    def applied(self, queued: bool) -> str:
        """The ``Preference-Applied`` header of an answer; empty for none."""
        return ", ".join([ASYNC] * (self.asynchronous and queued) + [f"{WAIT}={self.wait}"] * (self.wait is not None))

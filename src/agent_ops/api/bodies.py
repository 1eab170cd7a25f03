"""What requests hold. Unknown fields are refused: what is ignored today may mean something tomorrow."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

from agent_ops.api.words import Address, Code, Day, Item, Name, NameOrAddress, Phone, Reason, Uuid, Word
from agent_ops.domain.access import ItemStatus
from agent_ops.domain.employee import EmployeeStatus, Profile
from agent_ops.domain.standing import Said

Sayable = Literal["pending", "in_progress", "onboarded", "completed", "partial", "failed", "withdrawn"]


class Body(BaseModel):
    """A request's body."""

    model_config = ConfigDict(extra="forbid", strict=True)


class OnboardBody(Body):
    """A new hire. Name, joining date and number identify the person, or ``external_id`` alone does."""

    name: Name = Field(description="Full name in the person's own script and order.")
    emailid: Address | None = Field(None, description="An address the person would like: a wish, never a link to an account.")
    contact_no: Phone | None = Field(None, description="A phone number; its digits help to identify the person.")
    location: Word | None = Field(None, description="A location of the entitlement policy, by key or title.")
    date_of_joining: Day | None = Field(None, description="First working day.")
    level: Word | None = Field(None, description="A level of the policy.")
    team: Word = Field(description="A team of the policy, by key or title.")
    manager: NameOrAddress | None = Field(None, description="The manager's full name or address.")
    external_id: Code | None = Field(None, description="The HR system's number for the person: the surest identity.")
    access_items: list[Item] | None = Field(
        None, max_length=50, description="Access items asked for; without them what the policy gives by birthright."
    )
    mode: Literal["apply", "plan"] = Field("apply", description="'plan' changes nothing and answers what would be done.")
    evidence: dict[Item, Code] | None = Field(
        None, description="References to approvals by item, where the policy asks for them."
    )
    run_after: Day | None = Field(None, description="Begin on this day, in the location's time zone.")
    link_existing: Uuid | None = Field(
        None, description="Object id of the Entra account that is to become the hire's (scope `link`)."
    )
    new_person: bool = Field(False, description="A disabled or deleted account of the name is somebody else's (scope `link`).")

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "name": "Ana Silva",
                    "emailid": "ana@home.example",
                    "contact_no": "+351 912 345 678",
                    "location": "Lisbon",
                    "date_of_joining": "2026-12-01",
                    "level": "L2",
                    "team": "Engineering",
                    "manager": "Grace Hopper",
                }
            ]
        },
    )

    def profile(self) -> Profile:
        """The hire. Raises ``InvalidRequest`` when nobody can be like that."""
        return Profile(
            name=self.name,
            team=self.team,
            level=self.level,
            location=self.location,
            manager=self.manager,
            joining_date=self.date_of_joining,
            contact_number=self.contact_no,
            email_wish=self.emailid,
            external_id=self.external_id,
        )

    def options(self) -> dict[str, Any]:
        """The further arguments of ``AgentOps.submit`` and ``AgentOps.plan``."""
        return {
            "access_items": self.access_items,
            "evidence": self.evidence,
            "run_after": self.run_after,
            "link_existing": self.link_existing,
            "new_person": self.new_person,
        }


class UpdateBody(Body):
    """What somebody asserts of an employee: kept beside what the ledger knows, by whom and why."""

    user: Word = Field(description="An employee id, an address or a full name.")
    status: Sayable = Field(  # left out, but never null
        default=None,  # type: ignore[arg-type]
        description="The employee's status as a whole; 'completed' is short for 'onboarded'.",
    )
    access_items_status: dict[Item, Annotated[ItemStatus, Field(strict=False)]] = Field(
        default_factory=dict, max_length=50, description="Statuses by access item."
    )
    reason: Reason = ""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "anyOf": [{"required": ["status"]}, {"required": ["access_items_status"]}],
            "examples": [{"user": "Ana Silva", "access_items_status": {"github": "completed"}}],
        },
    )

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set & {"status", "access_items_status"}:
            raise ValueError("a status or access_items_status is needed")
        return self

    def said(self) -> Said:
        """What is asserted."""
        status = EmployeeStatus("onboarded" if self.status == "completed" else self.status) if self.status else None
        return Said(status, self.access_items_status, self.reason)


class DeleteBody(Body):
    """Whose stored address is to become the empty text."""

    name: Word = Field(description="An employee id, an address or a full name, whole.", examples=["Ana Silva"])


class RetryBody(Body):
    """How a run is tried again."""

    evidence: dict[Item, Code] = Field({}, description="References to approvals, in the place of the request's own.")


class CancelBody(Body):
    """How a run is ended."""

    undo: bool = Field(False, description="Then disable the account and take back what the run gave.")


class PauseBody(Body):
    """What is to be stopped: everything, or the changes of one item or one agent."""

    item: Word | None = Field(None, description="An access item.")
    agent: Word | None = Field(None, description="An agent.")
    reason: Reason = ""


class ApplyBody(Body):
    """A plan as it was answered."""

    plan: str = Field(description="The `plan` of a planned request, unchanged.")

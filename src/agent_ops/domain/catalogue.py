"""What the entitlement policy is made of: catalogue items, locations, teams and their entitlements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_ops.domain.evidence import EvidenceRule
from agent_ops.domain.notices import Contacts
from agent_ops.domain.recommendation import AutoRule
from agent_ops.domain.verification import VerifyRule

DEFAULT_TIMEOUT_SECONDS = 3600.0
DEFAULT_INSTANCE = "default"


@dataclass(frozen=True)
class PipelineItem:
    """An access that a Jenkins job provisions.

    ``pipeline`` is the job's full folder path. ``parameters`` are fixed; the employee's address is sent as
    ``user_parameter`` and our request id as ``request_id_parameter``: both must be declared by the job, because Jenkins
    drops undeclared parameters silently. ``instance`` names the Jenkins that has the job. ``idempotent``: running it twice
    does no harm, so that a build whose fate is unknown may be repeated. ``revoke`` is the job that takes the access back, with
    the same parameters but the fixed ones; empty when there is none. ``evidence`` is the approval that a request must show,
    ``verify`` where the access can be seen once it is given, ``auto`` that it may be given unasked.
    """

    key: str
    title: str
    pipeline: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    user_parameter: str = "USER_EMAIL"
    request_id_parameter: str = "AGENT_OPS_REQUEST_ID"
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    instance: str = DEFAULT_INSTANCE
    unstable_is_success: bool = False
    idempotent: bool = False
    revoke: str = ""
    evidence: EvidenceRule | None = None
    verify: VerifyRule | None = None
    auto: AutoRule | None = None


@dataclass(frozen=True)
class GroupItem:
    """An access that membership in an Entra group gives.

    Args:
        group: the group's object id.
        account: the account is not ready without it (single sign-on, a licence): pipelines wait for it.
        licence: the SKU that the group assigns, such as 'SPE_E3'; free seats are checked first, then the assignment is awaited.
        mailbox: the licence brings a mailbox: ``mail`` must have a value before it counts as assigned.
        timeout_seconds: how long licence and mailbox may take.
        evidence: the approval that a request must show; None: none.
        verify: where the access can be seen once it is given; None: nowhere.
    """

    key: str
    title: str
    group: str
    account: bool = False
    licence: str = ""
    mailbox: bool = False
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    evidence: EvidenceRule | None = None
    verify: VerifyRule | None = None


CatalogueItem = PipelineItem | GroupItem


@dataclass(frozen=True)
class Location:
    """A place of work: IANA time zone and ISO 3166-1 alpha-2 country."""

    key: str
    title: str
    zone: str
    country: str


@dataclass(frozen=True)
class Entitlements:
    """What people of one kind may have, and what of it they get unasked."""

    allowed: frozenset[str] = frozenset()
    birthright: frozenset[str] = frozenset()

    def __or__(self, other: Entitlements) -> Entitlements:
        return Entitlements(self.allowed | other.allowed, self.birthright | other.birthright)


@dataclass(frozen=True)
class Team:
    """A team: its own entitlements, what each level in it has beyond them, and its points of contact.

    ``job_titles`` maps levels, and '' for the team as a whole, to titles; ``employee_type`` overrides the company's.
    """

    key: str
    title: str
    own: Entitlements
    levels: Mapping[str, Entitlements]
    job_titles: Mapping[str, str] = field(default_factory=dict)
    employee_type: str = ""
    contacts: Contacts = field(default_factory=Contacts)

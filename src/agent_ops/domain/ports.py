"""What the layers ask of each other: protocols that the layers above use and the layers below fulfil."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from agent_ops.domain.decisions import Decision, Situation
from agent_ops.domain.effects import (
    Accepted,
    Action,
    Completed,
    Failed,
    Finding,
    Foreseen,
    Held,
    Intent,
    Outcome,
    Proposal,
    Waiting,
)
from agent_ops.domain.employee import Employee
from agent_ops.domain.evidence import Approval
from agent_ops.domain.known import Known
from agent_ops.domain.readings import Reading
from agent_ops.domain.recommendation import Recalled
from agent_ops.domain.tasks import StepResult


class EffectAdapter(Protocol):
    """One service's way of doing effects, of finding them again and of awaiting them.

    Errors are of the ``ServiceError`` branch only: ``ServiceUnavailable`` promises that nothing was done,
    ``ServiceAmbiguous`` that something may have been, ``ValueTaken`` that a pinned value belongs to somebody else.
    """

    @property
    def actions(self) -> frozenset[Action]:
        """The actions that this adapter carries out."""

    @property
    def call_timeout(self) -> float:
        """Seconds that one ``send`` may take in all; after them, and a margin, it can no longer have an effect."""

    async def look_up(self, intent: Intent) -> Finding:
        """Ask the service for our marker. Never changes anything."""

    async def send(self, intent: Intent) -> Accepted | Completed | Failed | Held:
        """Do it, with exactly the pinned values, leaving the marker.

        What completes an account has the results ``id`` and ``address``; without them it counts as unknown.
        """

    async def follow(self, intent: Intent) -> Completed | Failed | Waiting:
        """See what became of accepted work, by reading only; ``Waiting`` says for what, and when to look again."""


@runtime_checkable
class Foresight(Protocol):
    """What an ``EffectAdapter`` may offer beside: plans are then as true as what the service can be asked."""

    async def foresee(self, intent: Intent) -> Foreseen:
        """What ``send`` would answer now, by reading only; ``NOT_YET`` stands for ids among the pinned values.

        Raises:
            ValueTaken: as ``send``. ServiceError: the service cannot be asked.
        """


class Door(Protocol):
    """The one way to change the outside world."""

    async def perform(self, run_id: str, proposal: Proposal) -> Outcome:
        """Do what is proposed, exactly once, if the run's grant has it. Never raises for what a service did."""


class Planner(Protocol):
    """Think: a situation in, a decision out."""

    async def decide(self, situation: Situation) -> Decision:
        """What to do next. Raises ``PlannerError`` when it cannot say."""


class PatternStore(Protocol):
    """Long-term memory: what employees of one profile ended up with."""

    async def recall(self, run_id: str) -> Recalled:
        """Patterns near to the profile of the run's employee, in words, best first; and what is recommended for them."""

    async def learn(self, run_id: str) -> None:
        """Take in the verified outcome of a finished run."""


class Journal(Protocol):
    """What graph nodes read and write of their run."""

    async def known(self, run_id: str) -> Known:
        """The facts, from storage and ledger."""

    async def veil(self, run_id: str) -> Callable[[str], str]:
        """What puts handles in the places of whatever in a text names the run's employee."""

    async def note(self, run_id: str, kind: str, message: str, *, agent: str = "", item: str = "", status: str = "") -> None:
        """Append one line to the run's events."""

    async def refuse(self, run_id: str, agent: str, cause: str, why: str) -> None:
        """Write down that an agent's call was denied before it could reach the door; ``cause`` is a code for the audit."""

    async def decided(self, run_id: str, decision: Decision) -> None:
        """Append a planner's thought to the run's events, and its decision, as a keyed hash, to the audit."""

    async def conclude(self, run_id: str, results: Sequence[StepResult] = (), said: str = "", *, by_rules: bool = True) -> Known:
        """Say what was never tried, where the employee stands and how the run did, before the last mail is written; the facts
        that it was said by."""

    async def park(self, run_id: str, reason: str, seconds: float) -> None:
        """Let the run wait: nobody drives it until then."""

    async def standing(self, run_id: str, name: str) -> Reading:
        """How far somebody's access is, by our own records, as far as the caller of the run's task may see it."""

    async def finish(self, run_id: str, summary: str) -> None:
        """Close the run: its status follows from the facts, not from the summary."""


class EvidenceSource(Protocol):
    """Where approvals of one kind are looked up. It only reads, and only states what it finds: others decide on it."""

    async def find(self, reference: str) -> Approval | None:
        """What stands at the reference; None when there is nothing that we may see.

        Raises:
            ServiceUnavailable: it cannot be asked now. AccessRefused, ServiceRefused: it does not answer us at all.
        """

    async def close(self) -> None:
        """Let go of connections and threads."""


class Verifier(Protocol):
    """Looks whether an access of one kind is there. It only reads."""

    async def look(self, target: str, employee: Employee) -> str:
        """Where the employee's access was seen (an ARN, a URL); empty when it is not there.

        Args:
            target: what is looked at, in the kind's own words, as the policy has it.

        Raises:
            ServiceError: nobody can be asked, or we may not see it.
        """


class Inspection(Protocol):
    """Looks, at the end of a run, whether what it completed is there."""

    async def verify(self, run_id: str) -> None:
        """Look once at each item, and write down what was seen. Never raises for what a service answers."""


class Dispatcher(Protocol):
    """Drives queued runs to their end, one driver per run."""

    def wake(self) -> None:
        """Look for queued runs now."""

    async def start(self) -> None:
        """Begin to drive runs in the background."""

    async def stop(self) -> None:
        """Let go of every run within a bound, so that another process can take it over."""

"""Every error that Agent Ops raises, in one tree.

    AgentOpsError
    |-- InvalidRequest           the caller must change the request
    |   |-- Against              ... which is well-formed, but policy or what is known stands against it
    |   `-- Ambiguous            ... or say which of several employees is meant
    |-- IdentityConflict         the same person was described differently before
    |-- NotFound                 no such employee, run or item
    |-- NotAuthenticated         nobody knows who the caller is
    |-- NotPermitted             the caller lacks a scope
    |-- NoAccessPass             nobody may have, or can have, a pass for this account now
    |-- RunFailed                awaiting a run that did not end well
    |-- ConfigurationError       the operator must change a setting
    |   |-- SettingsWrong        ... or several
    |   |-- PolicyError          ... or the entitlement policy
    |   `-- GuardRulesError      ... or the guard's rules
    |-- StorageError             the operator must mend the data directory
    |   |-- StorageBusy
    |   |-- StorageCorrupt
    |   `-- StorageReadOnly
    |-- GrantInvalid             a grant is missing, altered or expired: nothing is done
    |-- PlanInvalid              a plan is no plan, was altered, or cannot be applied
    |-- PlanOutdated             what a plan was made for has changed: nothing is done
    |-- LeaseLost                another process drives this run now: this one must let go
    |-- Paused                   an administrator stopped changes: they wait
    |   `-- LimitReached         ... or there were as many as a limit allows
    |-- PlannerError             a planner gave a decision that cannot be followed
    |   `-- ModelError           ... or a chat model gave no whole answer
    |       |-- ModelRefused     ... because its service refuses the key
    |       |-- ModelUnknown     ... because its service knows no such model
    |       `-- ModelUnreachable ... because its service cannot be reached
    `-- ServiceError             a service outside answered badly (mapped in ``transport``)
        |-- ServiceRefused       final: it will answer the same again
        |   |-- AccessRefused    ... because our credentials or permissions do not suffice
        |   `-- ValueTaken       ... because somebody else has a value that must be unique
        |-- ServiceUnavailable   not done; worth another try
        |   `-- RateLimited      ... after a stated time
        `-- ServiceAmbiguous     may have been done: look before trying again
            `-- ServiceSilent    ... and it may still be on its way: no answer came in time

Each message says what happened and what to do about it. A class's docstring is its default advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class AgentOpsError(Exception):
    """Report this with the log: it should have been a more exact error."""

    def __init__(self, what: str, advice: str | None = None) -> None:
        self.what = what.rstrip(". ")
        self.advice = advice if advice is not None else (type(self).__doc__ or "").strip().splitlines()[0]
        super().__init__(f"{self.what}. {self.advice}".strip())


class InvalidRequest(AgentOpsError):
    """Correct the request and send it again; nothing was done."""

    def __init__(self, field: str, what: str, advice: str | None = None) -> None:
        self.field = field
        super().__init__(f"{field}: {what}", advice)


class Against(InvalidRequest):
    """Nothing was done: ask for something else, or change what stands against it."""


class Ambiguous(InvalidRequest):
    """Name one of the ids; nothing was done."""

    def __init__(self, field: str, wanted: str, candidates: Iterable[str]) -> None:
        """``candidates``: the employee ids of everybody who may be meant."""
        self.candidates = tuple(sorted(candidates))
        what = f"{len(self.candidates)} employees are called {wanted!r}"
        super().__init__(field, what, f"Nothing was done. Name one of the ids: {', '.join(self.candidates)}.")


class IdentityConflict(AgentOpsError):
    """Nothing was done. Give an external_id that tells the two people apart, or repeat the first request unchanged."""


class NotFound(AgentOpsError):
    """See `agent-ops status` for what is known."""


class NotAuthenticated(AgentOpsError):
    """Send an API key as `Authorization: Bearer ao_...`; `agent-ops token create` makes one."""


class NotPermitted(AgentOpsError):
    """Nothing was done. The entitlement policy gives scopes under [callers] (docs/policy.md); a library gives its Caller some."""


class NoAccessPass(AgentOpsError):
    """No pass was shown. Mend what it names, then ask again."""


class RunFailed(AgentOpsError):
    """See `agent-ops status RUN` for each item's reason."""


class ConfigurationError(AgentOpsError):
    """Set it in the environment or in .env (see .env.example), or use --sandbox."""


class SettingsWrong(ConfigurationError):
    """Set each in the environment or in .env (.env.example says a word on each), or use --sandbox."""

    def __init__(self, problems: Iterable[str]) -> None:
        """``problems``: a line for each variable, beginning with its name."""
        self.problems = tuple(problems)
        heading = "a setting is" if len(self.problems) == 1 else f"{len(self.problems)} settings are"
        super().__init__("\n  ".join([f"{heading} missing or wrong:", *self.problems]))
        self.args = (f"{self.what}\n{self.advice}",)


class PolicyError(ConfigurationError):
    """Mend the entitlement policy file; docs/policy.md describes each key."""


class GuardRulesError(ConfigurationError):
    """Nothing is done without them: mend the rules (docs/guard.md), look at them with `agent-ops guard`."""


class StorageError(AgentOpsError):
    """Check the data directory (--data-dir) and its disk."""


class StorageBusy(StorageError):
    """Another program holds the database for long: close it (a database browser?) and try again."""


class StorageCorrupt(StorageError):
    """Move the file aside and restore the last backup; what was done since is found at the services, not repeated."""


class StorageReadOnly(StorageError):
    """Make the data directory and its files writable for this user, or choose another one with --data-dir."""


class GrantInvalid(AgentOpsError):
    """Nothing was changed. Ask for the change again, so that a new grant is made."""


class PlanInvalid(AgentOpsError):
    """Nothing was changed. Make the plan again with `agent-ops plan`."""


class PlanOutdated(AgentOpsError):
    """Nothing was changed. Plan again, look at it, and apply the new plan."""

    def __init__(self, differences: Sequence[object]) -> None:
        self.differences = tuple(differences)
        super().__init__("the present state asks for something else than the plan: " + "; ".join(map(str, differences)))


class LeaseLost(AgentOpsError):
    """Nothing to do: the process that holds the run now goes on with it."""


class Paused(AgentOpsError):
    """It waits for `agent-ops resume`, then goes on by itself."""

    seconds = 60.0
    """After how long it is worth another look."""


class LimitReached(Paused):
    """It goes on by itself when there is room."""

    def __init__(self, what: str, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(what)


class PlannerError(AgentOpsError):
    """The runbook planner takes over for this run."""


class ModelError(PlannerError):
    """The runbook planner takes over for this run; check the model's settings with `agent-ops doctor`."""


class ModelRefused(ModelError):
    """The runbook plans until the process is started again; check the key and OPENAI_BASE_URL."""


class ModelUnknown(ModelError):
    """The runbook planner takes over for this run; set AGENT_OPS_MODEL to a model that the service has."""


class ModelUnreachable(ModelError):
    """The runbook planner takes over for this run; check OPENAI_BASE_URL, the network, and any proxy."""


class ServiceError(AgentOpsError):
    """See the service's own words."""

    status: int | None = None
    """The HTTP status, where there was one."""

    def __init__(self, service: str, what: str, advice: str | None = None) -> None:
        self.service = service
        super().__init__(f"{service}: {what}", advice)


class ServiceRefused(ServiceError):
    """The service will answer the same again: change what it names, then retry."""


class AccessRefused(ServiceRefused):
    """Check the credentials and permissions that are configured for this service."""


class ValueTaken(ServiceRefused):
    """Another value is tried."""


class ServiceUnavailable(ServiceError):
    """Not done. Check that the service is up and reachable, then retry."""


class RateLimited(ServiceUnavailable):
    """Not done: the service asked to wait."""

    def __init__(self, service: str, what: str, retry_after: float, advice: str | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(service, what, advice)


class ServiceAmbiguous(ServiceError):
    """It may have been done: the service is asked before anything is repeated."""


class ServiceSilent(ServiceAmbiguous):
    """It may have been done, or be done yet: the service is asked until nothing can land any more."""

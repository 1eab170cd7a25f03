"""Agent Ops: onboard a new hire from one request to working access, with no human in the loop.

>>> from agent_ops import AgentOps, Profile, Sandbox, Settings

Names are loaded when first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agent_ops.importing import importing

if TYPE_CHECKING:
    from agent_ops.domain.access import AccessItem, ItemStatus
    from agent_ops.domain.decisions import Decision, Observation, Situation, Step
    from agent_ops.domain.employee import Employee, EmployeeStatus, Profile
    from agent_ops.domain.errors import AgentOpsError
    from agent_ops.domain.grants import Caller
    from agent_ops.domain.limits import Breaker
    from agent_ops.domain.plans import Plan
    from agent_ops.domain.policy import EntitlementPolicy
    from agent_ops.domain.ports import EffectAdapter, Planner
    from agent_ops.domain.runs import Event, Mail, Run, RunReport, RunStatus
    from agent_ops.domain.tasks import TaskReport
    from agent_ops.policies import read_policy
    from agent_ops.runtime.agent_ops import AgentOps
    from agent_ops.sandbox.launch import Sandbox
    from agent_ops.settings import Settings

_HOMES = {
    "AccessItem": "domain.access",
    "AgentOps": "runtime.agent_ops",
    "AgentOpsError": "domain.errors",
    "Breaker": "domain.limits",
    "Caller": "domain.grants",
    "Decision": "domain.decisions",
    "EffectAdapter": "domain.ports",
    "Employee": "domain.employee",
    "EmployeeStatus": "domain.employee",
    "EntitlementPolicy": "domain.policy",
    "Event": "domain.runs",
    "ItemStatus": "domain.access",
    "Mail": "domain.runs",
    "Observation": "domain.decisions",
    "Plan": "domain.plans",
    "Planner": "domain.ports",
    "Profile": "domain.employee",
    "Run": "domain.runs",
    "RunReport": "domain.runs",
    "RunStatus": "domain.runs",
    "Sandbox": "sandbox.launch",
    "Settings": "settings",
    "Situation": "domain.decisions",
    "Step": "domain.decisions",
    "TaskReport": "domain.tasks",
    "read_policy": "policies",
}

__version__ = "0.1.0"
__all__ = [
    "AccessItem",
    "AgentOps",
    "AgentOpsError",
    "Breaker",
    "Caller",
    "Decision",
    "EffectAdapter",
    "Employee",
    "EmployeeStatus",
    "EntitlementPolicy",
    "Event",
    "ItemStatus",
    "Mail",
    "Observation",
    "Plan",
    "Planner",
    "Profile",
    "Run",
    "RunReport",
    "RunStatus",
    "Sandbox",
    "Settings",
    "Situation",
    "Step",
    "TaskReport",
    "read_policy",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with importing():
        home = import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(home, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]

"""The runtime context of the planner graph: handles, no facts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from agent_ops.domain.verification import NoInspection
from agent_ops.graphs.runbook import RunbookPlanner
from agent_ops.memory.empty import EmptyPatternStore
from agent_ops.tools.context import RunContext

if TYPE_CHECKING:
    from agent_ops.domain.ports import Inspection, PatternStore, Planner


@dataclass(frozen=True)
class PlannerContext(RunContext):
    """What the planner's nodes work with.

    Args:
        inspection: looks whether what was completed is there, before the end is reported.
        stage_delay: a pause in seconds before each stage.
        planner_rounds: how often the planner is asked; never more than ``MAX_ROUNDS``.
    """

    planner: Planner = field(default_factory=RunbookPlanner)
    patterns: PatternStore = field(default_factory=EmptyPatternStore)
    inspection: Inspection = field(default_factory=NoInspection)
    stage_delay: float = 0.0
    planner_rounds: int = 20

"""What became of each thing that a run was asked for, by its facts."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from agent_ops.domain.access import ItemStatus
from agent_ops.domain.effects import ITEM_ACTIONS, Action, Proposal
from agent_ops.domain.evaluation import Evaluation, contradicts
from agent_ops.domain.known import Known
from agent_ops.domain.plain import one_line

MAX_REMARK = 300


class Fate(str, Enum):
    """What became of one thing that was asked for."""

    DONE = "done"
    REFUSED = "refused"  # not allowed, or a person must decide first
    FAILED = "failed"  # tried in vain, or not tried
    UNKNOWN = "unknown"  # it may have been done


def evaluate(
    known: Known, readings: Iterable[bool], seconds: float, said: str = "", refused: int = 0, denied: int = 0
) -> Evaluation:
    """Count what came of a run.

    Args:
        known: its facts.
        readings: for each reading that was asked for whether it succeeded.
        seconds: how long it took.
        said: a planner's own words on it: kept as a remark unless they contradict the counts.
        refused: how much else was asked for and not granted.
        denied: how often the planner proposed what nothing grants; nobody asked for that, so it is not counted.
    """
    fates = [_fate(proposal, known) for proposal in known.due if proposal.action is not Action.SEND_MAIL]
    due = {p.item for p in known.due if p.action in ITEM_ACTIONS}
    beyond = [item for item in known.items if item.status is ItemStatus.DENIED and item.item not in due]
    fates += [Fate.REFUSED] * (refused + (0 if known.undoing else len(beyond)))
    fates += [Fate.DONE if succeeded else Fate.FAILED for succeeded in readings]
    done, refused, failed, unknown = (fates.count(fate) for fate in Fate)
    plain = Evaluation(done, refused, failed, unknown, round(seconds, 3))
    remark = one_line(said, MAX_REMARK)
    return plain if not remark or contradicts(remark, plain, denied) else Evaluation(**{**vars(plain), "remark": remark})


def _fate(proposal: Proposal, known: Known) -> Fate:
    status = known.status_of(proposal.item) if proposal.action in ITEM_ACTIONS else None
    if proposal in known.done or (status is not None and status.in_place):
        return Fate.DONE
    if proposal in known.unknown or status is ItemStatus.UNKNOWN:
        return Fate.UNKNOWN
    return Fate.REFUSED if known.held or status is ItemStatus.DENIED else Fate.FAILED

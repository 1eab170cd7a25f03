"""What came of a run, counted from facts; and whether somebody's words about it agree with them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from agent_ops.domain.access import ItemStatus
from agent_ops.domain.effects import ITEM_ACTIONS, Action, Proposal
from agent_ops.domain.plain import one_line

if TYPE_CHECKING:
    from agent_ops.domain.known import Known

MAX_REMARK = 300


class Fate(str, Enum):
    """What became of one thing that was asked for."""

    DONE = "done"
    REFUSED = "refused"  # not allowed, or a person must decide first
    FAILED = "failed"  # tried in vain, or not tried
    UNKNOWN = "unknown"  # it may have been done


@dataclass(frozen=True)
class Evaluation:
    """How a run did. ``asked`` is the sum of the other counts; mails are not counted.

    Args:
        seconds: from the request to the end, waiting included.
        remark: one line of the model that planned the run, when it does not contradict the counts.
    """

    done: int = 0
    refused: int = 0
    failed: int = 0
    unknown: int = 0
    seconds: float = 0.0
    remark: str = ""

    @property
    def asked(self) -> int:
        return self.done + self.refused + self.failed + self.unknown

    @property
    def counts(self) -> str:
        """The counts in one line."""
        return (
            f"asked {self.asked}, done {self.done}, refused {self.refused}, failed {self.failed}, unknown {self.unknown}"
            f" in {self.seconds:.1f} s"
        )

    def to_json(self) -> dict[str, Any]:
        """The counts, the time and the remark."""
        return {"asked": self.asked, **vars(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Evaluation:
        return cls(**{key: value for key, value in data.items() if key != "asked"})


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


_COUNTED = re.compile(r"\b(\d+)\s+(?:\w+\s+)?(done|refused|denied|failed|unknown)\b", re.IGNORECASE)
_OF = re.compile(r"\b(\d+)\s+(?:of|out of)\s+(\d+)\b", re.IGNORECASE)
_ALL_WELL = re.compile(r"\b(?<!not )(all|everything|every|fully|complete|completed|successful|successfully)\b", re.IGNORECASE)
_NOT_WELL = re.compile(
    r"\b(failed|failure|denied|refused|unknown|in vain|nothing was|could not|cannot|incomplete)\b", re.IGNORECASE
)
_NEGATED = re.compile(r"\b(no|none|nothing|not|without|0)\s+(?:\w+\s+){0,2}$", re.IGNORECASE)


def contradicts(said: str, evaluation: Evaluation, denied: int = 0) -> bool:
    """Whether words about a run disagree with its counts: other numbers, success where there was none, or the reverse.

    In doubt they do: the counts are shown anyway, and a remark that is dropped does no harm.
    """
    counts = {**vars(evaluation), "denied": evaluation.refused}
    if any(int(number) != counts[word.casefold()] for number, word in _COUNTED.findall(said)):
        return True
    if any((int(part), int(whole)) != (evaluation.done, evaluation.asked) for part, whole in _OF.findall(said)):
        return True
    well = evaluation.done == evaluation.asked and not denied
    claims = _NOT_WELL if well else _ALL_WELL
    return any(not _NEGATED.search(said[: found.start()]) for found in claims.finditer(said))

"""How a run did, in counts; and whether somebody's words about it agree with them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


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

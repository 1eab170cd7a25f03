"""The door's lines in the log: one when an effect is sent, one when the door has answered. Ids and codes only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from agent_ops.domain.effects import Outcome, Proposal

log = structlog.get_logger(__name__)


@dataclass
class Telling:
    """What is known of a call of the door when it is over."""

    outcome: Outcome | None = None


@contextmanager
def told(run_id: str, proposal: Proposal) -> Iterator[Telling]:
    """Log how a call of the door ended; whatever is logged inside, by services' clients too, names the run and the effect."""
    telling, began, result = Telling(), time.monotonic(), ""
    bound = {"run": run_id, "agent": proposal.agent, "action": proposal.action.value, "item": proposal.item}
    with structlog.contextvars.bound_contextvars(**bound):
        try:
            yield telling
        except BaseException as error:
            result = type(error).__name__
            raise
        finally:
            ended = telling.outcome.kind.value if telling.outcome else result
            log.info("effect", result=ended, duration=round(time.monotonic() - began, 3))

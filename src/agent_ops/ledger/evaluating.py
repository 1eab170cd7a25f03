"""How a run did, written in the journal's own transactions: counted from facts, whatever anybody says of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from agent_ops.domain.digest import digest
from agent_ops.domain.fates import evaluate
from agent_ops.domain.intents import reading_steps, understood, writes_in
from agent_ops.domain.known import Known
from agent_ops.domain.runs import Run, RunStatus
from agent_ops.domain.tasks import MAX_ANSWER, StepResult, Task, bounded
from agent_ops.storage import Tx


def record_evaluation(tx: Tx, known: Known, results: Sequence[StepResult], said: str, by_rules: bool) -> None:
    """Count, and keep a task's results with its answer. The time is that until now; :func:`reckon` has the last word.

    Args:
        by_rules: whether ``said`` are the runbook's own words, which say nothing that the counts do not.
    """
    run = tx.runs.get(known.run_id)
    seconds = time.time() - run.created_at.timestamp() if run else 0.0
    readings = [result.succeeded for result in results] + [True] * bool(known.task and known.task.settled)
    if known.task is not None and run is not None and by_rules:
        readings += [False] * _unanswered(known.task, len(results), run.usage.calls > 0)
    denied = tx.logs.denials(known.run_id) if known.task else 0
    remark = said if run is not None and run.usage.calls and not by_rules else ""
    tx.tasks.evaluate(known.run_id, evaluate(known, readings, seconds, remark, _withheld(known.task), denied))
    if known.task is not None:
        answer = _with_what_was_found(said, results) if by_rules else said
        tx.tasks.answer(known.run_id, bounded(tuple(results)), answer[:MAX_ANSWER])


def _unanswered(task: Task, results: int, asked_a_model: bool) -> int:
    """How much of a task that ends by rules was not even read: readings of its phrases, or the answer that no model gave."""
    today = task.asked_at.date()
    return max(0, len(reading_steps(task.text, today)) - results) if understood(task.text, today) else int(asked_a_model)


def _with_what_was_found(said: str, results: Sequence[StepResult]) -> str:
    """The runbook's summary, and under it the readings in a line each: no model puts them into words."""
    return "\n".join([said, *(told for result in results if result.sources and (told := digest(result.text)))])


def _withheld(task: Task | None) -> int:
    """How many changes a task asks for that nothing grants it."""
    if task is None or not task.withheld:
        return 0
    return max(1, len(writes_in(task.text, task.asked_at.date())))


def reckon(tx: Tx, run: Run) -> None:
    """The whole time, once the run is over."""
    if (evaluation := tx.tasks.evaluation(run.id)) is not None:
        tx.tasks.evaluate(run.id, replace(evaluation, seconds=round(time.time() - run.created_at.timestamp(), 3)))


def end_of_task(tx: Tx, run_id: str) -> RunStatus:
    """Where a task stands at its end: done when all that it asked for is, refused when none of it was even tried."""
    counted = tx.tasks.evaluation(run_id)
    if counted is None or counted.asked == counted.refused:
        return RunStatus.REFUSED
    return RunStatus.DONE if counted.done == counted.asked else RunStatus.FAILED

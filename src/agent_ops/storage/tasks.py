"""SQL about tasks, what came of them, and how every run did."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime

from sqlite_utils import Database

from agent_ops.domain.evaluation import Evaluation
from agent_ops.domain.tasks import StepResult, Task
from agent_ops.storage.rows import dump, one, rows, stamp


class Tasks:
    """Tasks by their runs; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def insert(self, run_id: str, task: Task) -> None:
        self._db.execute("INSERT INTO tasks (run_id, task) VALUES (?, ?)", (run_id, dump(task.to_json())))

    def get(self, run_id: str) -> Task | None:
        """The task that a run carries out; None for an ordinary request's run, and for one that was forgotten since."""
        row = one(self._db, "SELECT task FROM tasks WHERE run_id = ?", run_id)
        return Task.from_json(json.loads(row["task"])) if row else None

    def latest(self, limit: int) -> list[str]:
        """The ids of the latest tasks' runs, the newest first."""
        sql = "SELECT tasks.run_id AS id FROM tasks JOIN runs ON runs.id = tasks.run_id ORDER BY runs.created_at DESC LIMIT ?"
        return [row["id"] for row in rows(self._db, sql, limit)]

    def answer(self, run_id: str, results: Iterable[StepResult], answer: str) -> None:
        """What the task's steps brought back, and what was made of it."""
        text = dump([vars(result) for result in results])
        self._db.execute("UPDATE tasks SET results = ?, answer = ? WHERE run_id = ?", (text, answer, run_id))

    def answered(self, run_id: str) -> tuple[tuple[StepResult, ...], str]:
        """What the task's steps brought back, and the answer; nothing before its end."""
        row = one(self._db, "SELECT results, answer FROM tasks WHERE run_id = ?", run_id)
        if row is None:
            return (), ""
        return tuple(StepResult.from_json(found) for found in json.loads(row["results"])), row["answer"]

    def prune(self, ended_before: datetime, limit: int) -> int:
        """Forget at most ``limit`` tasks that ended before then: words, answers and all; how many went. Their runs stay."""
        gone = self._db.execute(
            "DELETE FROM tasks WHERE run_id IN (SELECT id FROM runs JOIN tasks ON run_id = id WHERE finished_at < ? LIMIT ?)",
            (stamp(ended_before), limit),
        )
        return int(gone.rowcount)

    def evaluate(self, run_id: str, evaluation: Evaluation) -> None:
        """How the run did; the last word counts."""
        self._db.execute("INSERT OR REPLACE INTO evaluations (run_id, body) VALUES (?, ?)", (run_id, dump(evaluation.to_json())))

    def evaluation(self, run_id: str) -> Evaluation | None:
        row = one(self._db, "SELECT body FROM evaluations WHERE run_id = ?", run_id)
        return Evaluation.from_json(json.loads(row["body"])) if row else None

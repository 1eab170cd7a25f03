"""SQL that counts, for whoever watches a running service."""

from __future__ import annotations

import time

from sqlite_utils import Database

from agent_ops.domain.facts import EDGES, Facts
from agent_ops.domain.usage import Usage
from agent_ops.domain.webhooks import Outcome
from agent_ops.storage.rows import one, rows
from agent_ops.storage.webhooks import MAX_AGE_SECONDS

_TOOK = "(julianday(settled_at) - julianday(opened_at)) * 86400"
_COUNTS = {
    "queued": "SELECT count(*) AS n FROM runs WHERE status IN ('queued', 'running', 'waiting')"
    " AND lease_until < ?1 AND wake_at <= ?1",
    "breakers": "SELECT count(*) AS n FROM breakers WHERE closed_at IS NULL",
    "pauses": "SELECT count(*) AS n FROM pauses",
    "outbox": "SELECT count(*) AS n FROM effects WHERE state = 'open' AND action = 'mail.send'",
    "denials": "SELECT count(*) AS n FROM audit WHERE kind = 'denied' AND run_id <> ''",
    "retries": "SELECT coalesce(sum(attempt - 1), 0) AS n FROM effects",
    "takeovers": "SELECT coalesce(sum(takeovers), 0) AS n FROM runs",
}
_WAITING = (
    "SELECT count(*) AS n, coalesce(max(age), 0) AS oldest FROM (SELECT max(0, julianday('now')"
    " - julianday(json_extract(body, '$.timestamp'))) * 86400 AS age FROM webhook_messages) WHERE age < ?"
)
"""What is older is not told any more: it may be of a receiver that was taken out of the settings."""


def facts_of(db: Database) -> Facts:
    """The facts of one database."""
    found = {name: _number(db, sql) for name, sql in _COUNTS.items()}
    runs = {row["status"]: row["n"] for row in rows(db, "SELECT status, count(*) AS n FROM runs GROUP BY status")}
    spent = one(db, "SELECT total(model_calls) AS c, total(tokens_in) AS i, total(tokens_out) AS o, total(cost) AS p FROM runs")
    used = Usage(int(spent["c"]), int(spent["i"]), int(spent["o"]), spent["p"]) if spent else Usage()
    ended = {row["outcome"]: row["count"] for row in rows(db, "SELECT outcome, count FROM webhook_deliveries")}
    (waiting,) = rows(db, _WAITING, MAX_AGE_SECONDS)
    return Facts(
        runs=runs,
        model=used,
        effects=_effects(db),
        webhooks={outcome.value: ended.get(outcome.value, 0) for outcome in Outcome},
        webhooks_waiting=waiting["n"],
        webhooks_oldest=waiting["oldest"],
        **found,
    )


def _number(db: Database, sql: str) -> int:
    row = one(db, sql, *([time.time()] if "?1" in sql else []))
    return int(row["n"]) if row else 0


def _effects(db: Database) -> dict[tuple[str, str], tuple[tuple[tuple[str, int], ...], float]]:
    sums = ", ".join(f"sum({_TOOK} <= {edge}) AS e{number}" for number, edge in enumerate(EDGES))
    sql = (
        f"SELECT action, state, count(*) AS n, sum({_TOOK}) AS seconds, {sums} FROM effects"  # noqa: S608 - fixed texts
        " WHERE settled_at IS NOT NULL GROUP BY action, state"
    )
    return {(row["action"], row["state"]): (_buckets(row), row["seconds"] or 0.0) for row in rows(db, sql)}


def _buckets(row: dict[str, int]) -> tuple[tuple[str, int], ...]:
    below = tuple((str(edge), row[f"e{number}"]) for number, edge in enumerate(EDGES))
    return (*below, ("+Inf", row["n"]))

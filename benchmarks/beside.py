"""Ours and the peers over the harness's services, in turns: calls, processor time, wall, throughput, the crash test.

One process and one set of files for each measurement, by the harness's own ``run.py``; who repeats or misses an effect fails.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from typing import Any

import costs
import run

Rows = Iterator[tuple[str, float, str, float | None, bool]]
OURS, OURS_BY_RULES, SUPERVISOR, GRAPH = "peer_z_model", "peer_x_ours", "peer_a_supervisor", "peer_g_bare_langgraph"
SHAPE = "peer_w_shape"
WITH_SAVER = (SUPERVISOR, GRAPH, SHAPE)
NAMES = {
    OURS: "Agent Ops, model planner",
    OURS_BY_RULES: "Agent Ops, runbook",
    SUPERVISOR: "langgraph-supervisor",
    GRAPH: "bare StateGraph",
    SHAPE: "our graph's shape, empty",
}
CRITICAL_PATH = 1.2
"""Seconds: two model calls of 0.3 s and three services, one after the other, of 0.2 s."""


class Failed(Exception):
    """A contestant did not do its work."""


def one(peer: str, url: str, service_seconds: float, count: int, at_once: int) -> dict[str, Any]:
    """The harness's line about one process. The peers get LangGraph's saver over a file, and ``sync``; ours has its own."""
    with tempfile.TemporaryDirectory() as place:
        command = [str(run.PYTHON), "run.py", peer, "--n", str(count), "--c", str(at_once)]
        command += ["--db", f"{place}/checkpoints.db", "--durability", "sync"] if peer in WITH_SAVER else []
        more = run.child_environment(LLM_URL=url, EFFECT_LOG=f"{place}/fx", SVC_LATENCY=str(service_seconds))
        found = subprocess.run(command, cwd=run.HARNESS, env=more, capture_output=True, text=True, check=False, timeout=900)
    try:
        line: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        raise Failed(f"{peer}: {found.stderr[-300:]}") from None
    if line["dups"] or line["missing"] or line["errs"]:
        raise Failed(f"{peer}: {line['missing']} effects missing, {line['dups']} twice, errors: {line['err']}")
    return line


def in_turns(peers: list[str], repeats: int, key: str, *how: Any, seconds: float = 0.0) -> dict[str, float]:
    """The median of each peer's figure, measured in turns so that a busy machine is busy for all."""
    run.environment()
    seen: dict[str, list[float]] = {peer: [] for peer in peers}
    with run.model_server(run.HERE / "decide_rule.py", run.PYTHON, seconds) as url:
        for _ in range(repeats):
            for peer in peers:
                seen[peer].append(one(peer, url, *how)[key])
    return {peer: statistics.median(figures) for peer, figures in seen.items()}


def calls() -> Rows:
    """Model calls and tokens of one onboarding: counts, the same in every run."""
    run.environment()
    with run.model_server(run.HERE / "decide_rule.py", run.PYTHON, 0.0) as url:
        for peer, targets in ((OURS, (2.0, 1200.0)), (SUPERVISOR, (None, None)), (GRAPH, (None, None))):
            line = one(peer, url, 0.0, 3, 1)
            yield f"{NAMES[peer]}: model calls", line["llm_calls"], "", targets[0], False
            yield f"{NAMES[peer]}: prompt tokens", line["prompt_tok"], "", targets[1], False


def processor(repeats: int) -> Rows:
    """User and system time of everything that one onboarding needs; the model is another process, which is not counted."""
    found = in_turns([OURS, OURS_BY_RULES, SUPERVISOR, GRAPH], repeats, "cpu_ms", 0.0, 40, 1)
    for peer, figure in found.items():
        yield f"{NAMES[peer]}: CPU of an onboarding", figure, "ms", None, False
    for peer in (OURS, OURS_BY_RULES):
        yield f"{NAMES[peer]}: CPU, times langgraph-supervisor's", found[peer] / found[SUPERVISOR], "", 0.35, False
        yield f"{NAMES[peer]}: CPU, times a bare StateGraph's", found[peer] / found[GRAPH], "", 2.5, False


def floor(repeats: int) -> Rows:
    """What no code of ours can fall below as long as graph and records are what they are: LangGraph's part, and SQLite's."""
    found = in_turns([SHAPE, SUPERVISOR, GRAPH], repeats, "cpu_ms", 0.0, 40, 1)
    replayed = [_replayed() for _ in range(repeats)]
    found["records"] = statistics.median(one["cpu_ms"] for one in replayed)
    said = f"our records' {replayed[0]['statements']:.0f} statements, {replayed[0]['commits']:.0f} commits, by sqlite3 alone"
    for peer in (SUPERVISOR, GRAPH, SHAPE):
        yield f"{NAMES[peer]}: CPU of an onboarding", found[peer], "ms", None, False
    yield said, found["records"], "ms", None, False
    both = found[SHAPE] + found["records"]
    yield "graph and records, times langgraph-supervisor's", both / found[SUPERVISOR], "", None, False
    yield "graph and records, times a bare StateGraph's", both / found[GRAPH], "", None, False


def _replayed() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        imports = os.pathsep.join(map(str, (run.HERE, run.HARNESS)))
        more = run.child_environment(
            LLM_URL="http://127.0.0.1:9/v1", EFFECT_LOG=f"{place}/fx", SVC_LATENCY="0", PYTHONPATH=imports
        )
        command = [str(run.PYTHON), str(run.HERE / "replay.py")]
        found = subprocess.run(command, cwd=run.HARNESS, env=more, capture_output=True, text=True, check=False, timeout=900)
    if found.returncode:
        raise Failed(f"replay: {found.stderr[-300:]}")
    line: dict[str, Any] = json.loads(found.stdout)
    return line


def wall() -> Rows:
    """One onboarding at a time; the model takes 300 ms, each service 200 ms."""
    found = in_turns([OURS, SUPERVISOR, GRAPH], 3, "wall_ms", costs.SERVICE_SECONDS, 3, 1, seconds=costs.MODEL_SECONDS)
    for peer, figure in found.items():
        yield f"{NAMES[peer]}: wall time", figure / 1000, "s", 1.1 * CRITICAL_PATH if peer == OURS else None, False


def throughput(repeats: int) -> Rows:
    """50 onboardings at once, services of 50 ms, a model that answers at once."""
    found = in_turns([OURS, SUPERVISOR], min(repeats, 3), "wall_ms", 0.05, 100, 50)
    for peer, figure in found.items():
        yield f"{NAMES[peer]}: onboardings a second, 50 at once", 1000 / figure, "", None, False
    yield "throughput, times langgraph-supervisor's", found[SUPERVISOR] / found[OURS], "", 3.0, True


def crash(trials: int) -> Rows:
    """Effects repeated and lost when 20 onboardings at once are killed at a random moment, then resumed on the same files."""
    run.environment()
    with run.model_server() as url:
        for peer in ("peer_x_ours", "peer_a_supervisor"):
            tally = run.Tally(run.CONTESTANTS[peer], run.undisturbed(peer, url))
            for seed in range(trials):
                tally.add(run.one_trial(peer, url, 7 + seed, tally.horizon))
            target = 0.0 if peer == "peer_x_ours" else None
            yield f"{tally.name}: effects repeated, mails apart, {trials} kills", tally.repeated - tally.mails, "", target, False
            yield f"{tally.name}: effects lost", tally.lost, "", target, False

"""What an attacker with the disk does while nothing runs: grants altered and swapped, checkpoints written over."""

from __future__ import annotations

import json
import os
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import ormsgpack

from agent_ops.agents import load_agents
from agent_ops.graphs.planner_graph import build_planner
from agent_ops.runtime.compose import open_checkpoints
from agent_ops.runtime.data_dir import CHECKPOINTS
from proofs.adversary.disk import Disk

GRANTS = ("widen", "swap", "later", "other")
STATES = ("steps", "finish", "rounds", "observations", "msgpack", "pickle")
_MORE = [
    ["entra", "entra.add_to_group", "admins"],
    *(["jenkins", "jenkins.run_pipeline", i] for i in ("vault", "github", "wiki", "aws")),
]
_CONSTRUCTOR = 0  # langgraph.checkpoint.serde.jsonplus.EXT_CONSTRUCTOR_SINGLE_ARG: module, name, argument


def alter_grant(disk: Disk, run_id: str, how: str) -> bool:
    """Change the row of a run's grant; whether there was something to change it to."""
    grants = disk.grants()
    body, seal = grants[run_id]
    fields = json.loads(body)
    others = [whole for other, whole in grants.items() if other != run_id]
    if how in ("swap", "other") and not others:
        return False
    if how == "swap":
        disk.set_grant(run_id, *others[-1])
        return True
    if how == "widen":
        fields["effects"] = sorted([*fields["effects"], *(more for more in _MORE if more not in fields["effects"])])
    if how == "later":
        fields["expires_at"] = "2099-01-01T00:00:00+00:00"
    if how == "other":
        fields["employee_id"] = json.loads(others[-1][0])["employee_id"]
    altered = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    disk.set_grant(run_id, altered, seal)
    return altered != body


async def rewrite_state(data_dir: Path, run_id: str, how: str, canary: Path) -> None:
    """Write over a thread's checkpoint: by the graph's own means, or as raw bytes that would run code."""
    if how in ("msgpack", "pickle"):
        _poison(data_dir / CHECKPOINTS, how, canary)
        return
    step = {
        "id": "s",
        "round": 1,
        "agent": "jenkins",
        "goal": "g",
        "after": [],
        "tool": "run_pipeline",
        "arguments": {"item": "vault"},
    }
    every: dict[str, dict[str, Any]] = {
        "steps": {"steps": [step], "rounds": 1, "summary": None, "observations": []},
        "finish": {"summary": "all done", "rounds": 1},
        "rounds": {"rounds": -1000, "steps": [step]},
        "observations": {
            "observations": [{"step_id": "s", "round": 1, "agent": "x", "succeeded": True, "text": "t", "waiting": 0.0}]
        },
    }
    async with open_checkpoints(data_dir / CHECKPOINTS) as saver:
        graph = build_planner(load_agents(), saver)
        await graph.aupdate_state({"configurable": {"thread_id": run_id}}, every[how], as_node="think")


def _poison(path: Path, how: str, canary: Path) -> None:
    """Every checkpoint and every write becomes a call of ``os.system``."""
    command = f"touch {canary}"
    call = ormsgpack.Ext(_CONSTRUCTOR, ormsgpack.packb(("os", "system", command)))
    blob = (
        ormsgpack.packb({"v": 4, "id": "1", "ts": "", "channel_values": {"goal": call}})
        if how == "msgpack"
        else _pickled(command)
    )
    with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
        connection.execute("UPDATE checkpoints SET type = ?, checkpoint = ?", (how, blob))
        connection.execute("UPDATE writes SET type = ?, value = ?", (how, ormsgpack.packb(call) if how == "msgpack" else blob))


class _Call:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, (self.command,)


def _pickled(command: str) -> bytes:
    return pickle.dumps(_Call(command))

"""This machine: the policy file, the data directory, its keys and database, the log file."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence

from agent_ops.domain.errors import GuardRulesError, PolicyError
from agent_ops.policies import read_policy
from agent_ops.policies.guard_files import read_guard_rules
from agent_ops.runtime.data_dir import DATABASE
from agent_ops.runtime.doctor import shapes
from agent_ops.runtime.doctor.checks import Check
from agent_ops.runtime.doctor.examination import Examination
from agent_ops.runtime.doctor.lines import Line, warning, works, wrong
from agent_ops.runtime.keys import FILE, ensure_keys
from agent_ops.storage.health import health_of

_FREE_BYTES_WARN, _FREE_BYTES_FAIL = 1_000_000_000, 50_000_000


async def policy(exam: Examination) -> Sequence[Line]:
    path = exam.settings.policy_file
    try:
        exam.policy = await asyncio.to_thread(read_policy, path)
    except PolicyError as error:
        remedy = "Mend it (docs/policy.md describes each key), or name another file in AGENT_OPS_POLICY_FILE."
        return [wrong(error.what, remedy, "AGENT_OPS_POLICY_FILE")]
    read = exam.policy
    return [works(f"{path}: {len(read.catalogue)} items, {len(read.teams)} teams, addresses in {read.domain}")]


async def guard(exam: Examination) -> Sequence[Line]:
    directory = exam.settings.guard_dir
    try:
        read = await asyncio.to_thread(read_guard_rules, directory)
    except GuardRulesError as error:
        return [wrong(error.what, "Mend the rules that AGENT_OPS_GUARD_DIR names (docs/guard.md).", "AGENT_OPS_GUARD_DIR")]
    files = len({rule.file for rule in read.rules})
    return [works(f"{len(read.rules)} rules in {files} {'file' if files == 1 else 'files'}, version {read.version}")]


async def data_directory(exam: Examination) -> Sequence[Line]:
    path = exam.settings.data_dir
    complaint = await asyncio.to_thread(shapes.writable_directory, str(path))
    if complaint:
        return [wrong(f"{path} {complaint}", "Name another one in AGENT_OPS_DATA_DIR or --data-dir.", "AGENT_OPS_DATA_DIR")]
    existing = next(place for place in (path.absolute(), *path.absolute().parents) if place.exists())
    free = shutil.disk_usage(existing).free
    found = f"{path}, {free / 1e9:.1f} GB free"
    if free < _FREE_BYTES_FAIL:
        return [wrong(found, f"Free some space on the disk of {path}.", "disk")]
    if free < _FREE_BYTES_WARN:
        return [warning(found, f"Free some space on the disk of {path}.", "disk")]
    return [works(found)]


async def keys(exam: Examination) -> Sequence[Line]:
    path = exam.settings.data_dir / FILE
    if not path.exists():
        if (exam.settings.data_dir / DATABASE).exists():
            return [wrong(f"{path} is gone, but the database is there", "Restore it from the backup of the data directory.")]
        return [works("none yet: made at the first run")]
    await asyncio.to_thread(ensure_keys, exam.settings.data_dir)
    if path.stat().st_mode & 0o077:
        return [warning(f"{path} can be read by others", f"chmod 600 {path}")]
    return [works("present, readable by their owner only")]


async def database(exam: Examination) -> Sequence[Line]:
    path = exam.settings.data_dir / DATABASE
    if not path.exists():
        return [works("none yet: made at the first run")]
    health = await asyncio.to_thread(health_of, path)
    if health.damage:
        return [wrong(f"{path} is damaged: {health.damage[0]}", "Move the file aside and restore the last backup.")]
    if health.unknown:
        return [wrong(f"{path} was written by a later version", "Use that version of Agent Ops, or a newer one.")]
    pending = f", {health.pending} more at the next run" if health.pending else ""
    return [works(f"sound, {health.applied} schema steps applied{pending}")]


async def log_file(exam: Examination) -> Sequence[Line]:
    path = exam.settings.log_file
    if path is None:
        return [works("none")]
    complaint = await asyncio.to_thread(shapes.writable_file, str(path))
    return [wrong(f"{path} {complaint}", "Name another file in LOG_FILE.", "LOG_FILE")] if complaint else [works(str(path))]


CHECKS = (
    Check("this machine", "policy", policy, needs=("AGENT_OPS_POLICY_FILE",)),
    Check("this machine", "guard", guard, needs=("AGENT_OPS_GUARD_DIR",)),
    Check("this machine", "data directory", data_directory, needs=("AGENT_OPS_DATA_DIR",)),
    Check("this machine", "keys", keys, needs=("data directory",)),
    Check("this machine", "database", database, needs=("data directory",)),
    Check("this machine", "log file", log_file, needs=("LOG_FILE",)),
)

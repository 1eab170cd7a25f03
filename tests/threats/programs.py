"""Cases that come by the programs: the command line in a process and a terminal of its own, and Studio's entry node."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

from agent_ops import AgentOps
from agent_ops.domain.errors import ConfigurationError, InvalidRequest
from agent_ops.settings import twins_environment, write_env_file
from tests.threats.cases import Case
from tests.threats.place import Evidence, Place
from tests.threats.ways import answered, asked, ended, keep_grants

REFUSALS: dict[int, Exception | None] = {
    0: None,
    1: None,  # accepted, and something of it failed
    2: InvalidRequest("the command", "was refused"),
    3: ConfigurationError("the set-up was refused"),
    4: None,  # accepted, and it waits
}
"""The program's exit codes (docs/cli.md) as the library's errors."""
SECONDS = 60


async def cli(place: Place, case: Case, evidence: Evidence) -> None:
    """The commands of the case, one after another, in a terminal; a hire by the library before them where it has a body."""
    evidence.data_dir.mkdir(exist_ok=True)
    if case.body:
        async with AgentOps(place.settings(evidence.data_dir), caller=place.caller(case.request["as"])) as ops:
            await ended(ops, evidence, await answered(evidence, asked(case.body, ops.submit)))
        keep_grants(evidence)
        evidence.answers.clear()
    where = evidence.data_dir.parent
    settings = {**twins_environment(place.box.addresses, place.policy_file), **case.more.get("env_file", {})}
    write_env_file(where / ".env", settings, "a test's")
    with (where / ".env").open("a", encoding="utf-8") as file:
        file.write(case.more.get("env_text", ""))
    for arguments in case.more["commands"]:
        code, said = await asyncio.to_thread(_run, [a.replace("DATA", str(evidence.data_dir)) for a in arguments], where, case)
        evidence.answers.append(REFUSALS.get(code, RuntimeError(f"exit code {code}: {said[-400:]}")))
        evidence.texts.append(said)
    keep_grants(evidence)


def _run(arguments: list[str], where: Path, case: Case) -> tuple[int, str]:
    """Exit code and everything that was on the screen, of a terminal that shows no colours."""
    ours, theirs = pty.openpty()
    environment = {"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1", "COLUMNS": "400", "TERM": "dumb", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "agent_ops", *arguments]
    streams = {"stdin": subprocess.DEVNULL, "stdout": theirs, "stderr": theirs}
    with subprocess.Popen(command, cwd=where, env={**environment, **case.more.get("env", {})}, **streams) as process:
        os.close(theirs)
        said = bytearray()
        with suppress(OSError):  # EIO: nobody writes into the terminal any more
            while chunk := os.read(ours, 65536):
                said += chunk
        os.close(ours)
        return process.wait(SECONDS), said.decode(errors="replace")


async def studio(place: Place, case: Case, evidence: Evidence) -> None:
    """Studio's form, with whatever a caller may put into ``configurable``. It has the sandbox's own data directory."""
    from agent_ops import studio as entry

    evidence.data_dir = place.box.data_dir
    evidence.notes["own"] = {path.name for path in place.box.directory.rglob("*")}  # the twins' own, secrets and all
    control = urlsplit(place.box.addresses.control_url)
    evidence.configured.add((str(control.hostname), int(control.port or 0)))  # Studio starts, or joins, the sandbox itself
    word = {"AGENT_OPS_STUDIO": "sandbox", "AGENT_OPS_DATA_DIR": str(place.box.data_dir)}
    with patch.dict(os.environ, word):
        try:
            told = await entry.planner.ainvoke(case.body, {"configurable": case.more.get("configurable", {})})
        except Exception as error:  # noqa: BLE001 - a form that no form is
            evidence.answered(InvalidRequest("form", str(error)))
            return
    refused = told["status"] == "refused"
    evidence.answered(InvalidRequest("form", told["summary"]) if refused else None, json.dumps(told))
    keep_grants(evidence)

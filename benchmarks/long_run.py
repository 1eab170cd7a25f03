"""What stays flat: memory and time over thousands of onboardings in one process, and a list of a whole company.

``python benchmarks/long_run.py N`` is the process that is measured; it prints one line a tenth of the way.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from onboarding import unlimited
from tests.fakes import FakeServices
from tests.service.served import key_for, serving

from agent_ops import AgentOps, Profile, RunStatus, Settings
from agent_ops.domain.effects import Action
from agent_ops.domain.notices import Contacts
from agent_ops.effectors.mail import MailConfig
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.graph_token import EntraConfig

Rows = Iterator[tuple[str, float, str, float | None, bool]]
TENTHS, AT_ONCE = 10, 5
_MB = 1024 * 1024
_AT = "2026-01-01T00:00:00.000+00:00"
_EMPLOYEE = (
    "INSERT INTO employees (id, name_key, profile, request, status, address, created_at) VALUES (?, ?, ?, ?, 'onboarded', '', ?)"
)
_RUN = "INSERT INTO runs (id, employee_id, event, status, created_at, finished_at) VALUES (?, ?, 'joiner', 'done', ?, ?)"
_ITEM = "INSERT INTO items (employee_id, item, status, updated_at) VALUES (?, 'github', 'completed', ?)"


def onboardings(runs: int) -> Rows:
    """Resident memory and processor time of the last tenth beside those after the first."""
    imports = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}  # the tests' fakes
    found = subprocess.run([sys.executable, __file__, str(runs)], env=imports, stdout=subprocess.PIPE, text=True, check=True)
    memory, seconds = zip(*(json.loads(line) for line in found.stdout.splitlines()), strict=True)
    yield f"{runs} onboardings in one process: memory at the end", memory[-1], "MB", None, False
    yield "... times that after the first tenth", max(memory[1:]) / memory[0], "", 1.1, False
    early, late = statistics.median(seconds[1:4]), statistics.median(seconds[-3:])
    yield "... CPU of an onboarding at the end", 1000 * late, "ms", None, False
    yield "... times that after the first tenth", late / early, "", 1.15, False


async def _onboarded(runs: int, place: Path) -> None:
    """A line of memory (MB) and processor time (s) for each tenth."""
    settings = replace(_settings(place), policy_file=unlimited(place / "policy.toml"))
    fakes, numbers = FakeServices(), iter(range(runs))
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:

        async def some(count: int) -> None:
            for number in islice(numbers, count):
                report = await ops.onboard(Profile(_name(number), "Engineering", external_id=f"L-{number}"))
                if report.run.status is not RunStatus.DONE:
                    sys.exit(f"a run did not end well: {report.run.summary}")

        for _ in range(TENTHS):
            before = _processor()
            await asyncio.gather(*(some(runs // TENTHS // AT_ONCE) for _ in range(AT_ONCE)))
            if len(fakes[Action.CREATE_ACCOUNT].done) != runs // TENTHS // AT_ONCE * AT_ONCE:
                sys.exit("not every hire got an account")
            _forget(fakes)
            print(json.dumps([_resident(), (_processor() - before) / (runs // TENTHS)]), flush=True)


def _settings(place: Path) -> Settings:
    """Services that exist nowhere: only fakes can be used with them."""
    mail, contacts = MailConfig("mail.invalid", 25, "agent-ops@acme.example"), Contacts("a@acme.example", "b@acme.example")
    entra, aws = EntraConfig("tenant", "client", "secret"), AwsConfig("eu-central-1", "/jenkins")
    return Settings(entra=entra, aws=aws, mail=mail, contacts=contacts, data_dir=place / "data")


def _forget(fakes: FakeServices) -> None:
    """What the fakes recorded is not ours to pay for."""
    for fake in fakes.adapters().values():
        fake.done.clear()


def _name(number: int) -> str:
    letters = "".join(chr(97 + number // 26**place % 26) for place in range(4))
    return f"Ana {letters.title()}"


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGESIZE") / _MB


def status_all(people: int) -> Rows:
    """The service's peak memory before and after it listed everybody."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        key = key_for(place)
        _hired(place / "operations.db", people)
        with serving(place) as service, service.client(key) as client:
            client.get("/api/users/status_all?limit=1000").raise_for_status()
            before = _peak(service.process.pid)
            answer = client.get("/api/users/status_all", timeout=600).raise_for_status()
            after = _peak(service.process.pid)
    if len(answer.json()) != people:
        sys.exit(f"status_all listed {len(answer.json())} of {people}")
    yield f"status_all over {people} employees: answer", len(answer.content) / _MB, "MB", None, False
    yield "... the service's peak memory", after / 1024, "MB", None, False
    yield "... times that after a page of 1,000", after / before, "", 1.1, False


def _peak(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return float(next(line for line in lines if line.startswith("VmHWM")).split()[1])


def _hired(path: Path, people: int) -> None:
    """Employees as the edge records them, in one go: that they are many is what is measured, not how they came."""
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        for number in range(people):
            profile = {"name": _name(number), "team": "Engineering", "external_id": f"M-{number}"}
            row = (f"{number:032x}", profile["name"].lower(), json.dumps(profile), json.dumps({"profile": profile}))
            database.execute(_EMPLOYEE, (*row, _AT))
            database.execute(_RUN, (f"r{number:031x}", row[0], _AT, _AT))
            database.execute(_ITEM, (row[0], _AT))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_onboarded(int(sys.argv[1]), Path(directory)))

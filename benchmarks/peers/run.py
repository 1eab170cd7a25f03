"""The peers' crash test beside ours, in one table: effects repeated and lost after SIGKILL. Run it with ``make peers``.

Each contestant gets the same trials and seeds, in turns, so that a busy machine is busy for all. The kill falls at a random
moment of the contestant's own time, the median of three measured without a kill, so that a slow one is not killed early only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HARNESS = HERE / "harness"
REQUIREMENTS = ROOT / "requirements" / "peers.txt"
PYTHON = HERE / ".venv" / "bin" / "python"
CONTESTANTS = {
    "peer_a_supervisor": "langgraph-supervisor, sync",
    "peer_g_bare_langgraph": "bare LangGraph, sync",
    "peer_x_ours": "Agent Ops",
    "peer_y_blind": "control: Agent Ops without look-up",
}
DUE = 120
UNDISTURBED = 3
MODEL_SECONDS = SERVICE_SECONDS = 0.05
PACKAGES = ("agent-ops", "langgraph", "langgraph-supervisor", "langgraph-checkpoint-sqlite", "langchain-openai")
HEADINGS = (
    *("contestant", "trials", "killed", "midway", "done at the kill", "repeated", "of the done", "of the due"),
    *("mails", "lost", "resume s", "resumed"),
)
_WIDE = 170


@dataclass
class Tally:
    """What the driver counted for one contestant: ``killed`` before it ended, ``midway`` between first and last effect."""

    name: str
    horizon: float
    trials: int = 0
    killed: int = 0
    midway: int = 0
    done: int = 0
    repeated: int = 0
    mails: int = 0
    lost: int = 0
    seconds: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)

    def add(self, counted: dict[str, Any]) -> None:
        """One trial's line of the driver."""
        self.trials += 1
        self.killed += 1 - counted["completed_before_kill"]
        self.midway += 0 < counted["killed_effects"] < DUE
        self.done += 0 if counted["completed_before_kill"] else counted["killed_effects"]
        self.repeated += counted["dup"]
        self.mails += counted["by"].get("send_notification", 0)
        self.lost += counted["lost"]
        self.seconds += counted["resume_s"]
        self.answers.update({str(answer): n for answer, n in counted["res"].items()})

    def row(self) -> tuple[str, ...]:
        return (
            f"{self.name} ({self.horizon:.1f} s)",
            str(self.trials),
            str(self.killed),
            str(self.midway),
            f"{self.done} of {DUE * self.killed}",
            str(self.repeated),
            _share(self.repeated, self.done),
            _share(self.repeated, DUE * self.killed),
            str(self.mails),
            str(self.lost),
            f"{self.seconds / self.trials:.1f}",
            ", ".join(f"{n} {answer}" for answer, n in self.answers.most_common()),
        )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"


def environment(python: Path = PYTHON, requirements: Path = REQUIREMENTS) -> None:
    """The peers' own virtual environment, made when absent or older than what it needs."""
    place = python.parents[1]
    stamp = place / "peers.stamp"
    if stamp.exists() and stamp.stat().st_mtime >= requirements.stat().st_mtime:
        return
    print(f"installing {requirements.name} into {place}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    install = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    ours = ["--editable", ROOT] if requirements == REQUIREMENTS else []
    subprocess.run([*install, "--requirement", requirements, *ours], check=True)
    stamp.touch()


@contextlib.contextmanager
def model_server(script: Path = HARNESS / "fake_llm.py", python: Path = PYTHON, seconds: float = MODEL_SECONDS) -> Iterator[str]:
    """The scripted model on a free port of loopback, which takes so long for an answer; its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    imports = child_environment(PYTHONPATH=os.pathsep.join(map(str, (HERE, HARNESS, ROOT))))
    with subprocess.Popen([python, script, "--port", str(port)], cwd=HARNESS, env=imports) as server:
        try:
            configure(f"http://127.0.0.1:{port}", server, seconds)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()


def configure(url: str, server: subprocess.Popen[bytes], seconds: float) -> None:
    """Set the model's latency, as soon as it listens."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    body = json.dumps({"latency": seconds}).encode()
    asking = urllib.request.Request(f"{url}/config", body, {"Content-Type": "application/json"})
    deadline = time.monotonic() + 30
    while True:
        try:
            opener.open(asking, timeout=5).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("the model server did not start")
            time.sleep(0.1)


def child_environment(**more: str) -> dict[str, str]:
    fixed = {"LANGSMITH_TRACING": "false", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "PYTHONDONTWRITEBYTECODE": "1"}
    return {**os.environ, **fixed, "PYTHONPATH": str(HERE), "SVC_LATENCY": str(SERVICE_SECONDS), **more}


def undisturbed(peer: str, url: str) -> float:
    """Seconds that 20 onboardings take without a kill; each effect must happen exactly once."""
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "fx"
        command = [PYTHON, "crash.py", peer, str(Path(directory) / "cp.db"), "sync", "run"]
        surroundings = child_environment(LLM_URL=url, EFFECT_LOG=str(log))
        with subprocess.Popen(command, cwd=HARNESS, env=surroundings, stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            began = time.monotonic()
            process.stdout.readline()
            took = time.monotonic() - began
        effects = Counter(tuple(json.loads(line)[:-1]) for line in log.read_text(encoding="utf-8").splitlines())
    if len(effects) != DUE or effects.total() != DUE:
        sys.exit(f"{peer} did {effects.total()} effects, {len(effects)} different ones, instead of {DUE}, without any kill")
    return took


def one_trial(peer: str, url: str, seed: int, horizon: float) -> dict[str, Any]:
    surroundings = child_environment(LLM_URL=url, SEED=str(seed), HORIZON=str(horizon))
    command = [PYTHON, "crash_driver.py", peer, "sync", "1"]
    driver = subprocess.run(command, cwd=HARNESS, env=surroundings, capture_output=True, text=True, check=False)
    if driver.returncode:
        sys.exit(f"the driver failed for {peer}, seed {seed}:\n{driver.stderr[-2000:]}")
    return json.loads(driver.stdout)


def versions() -> str:
    """The packages that were measured, as the peers' environment has them."""
    code = f"from importlib.metadata import version as v; print(', '.join(p + ' ' + v(p) for p in {PACKAGES}))"
    found = subprocess.check_output([PYTHON, "-c", code], text=True).strip()
    return f"Python {platform.python_version()}, {os.cpu_count()} cores; {found}"


def page(tallies: list[Tally], trials: int, seed: int) -> str:
    """RESULTS.md."""
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(tally.row() for tally in tallies)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    return f"""# The peers' crash test: what `make peers` printed

{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC. {versions()}.
{trials} trials each, seeds {seed} to {seed + trials - 1}; the model takes {MODEL_SECONDS * 1000:.0f} ms, services
{SERVICE_SECONDS * 1000:.0f} ms. A trial is 20 onboardings at once, {DUE} effects due, one SIGKILL.

{table}

- In brackets: the contestant's own time for 20 onboardings without a kill, within which the kill falls.
- Killed: before it ended by itself; midway: after the first effect and before the last. What is repeated is also given as a share
  of the effects done at the kill, since no others can be repeated, and of those due in the trials killed.
- Mails: those among the repeated. A mail server cannot be asked what it took, so Agent Ops sends a mail in doubt again, under
  the same Message-ID.
- Lost: missing in the log when the resumed process has ended. Agent Ops never lets a mail hold a run: one in doubt at the kill
  goes out from its outbox some seconds later, for which its contestant waits.
- Resume seconds, the mean, are wall time with the start of Python. Agent Ops believes that an effect is absent only once an
  earlier call can no longer land (7 s here), and waits so long for it.
- The control must repeat: it shows that kills fell between an effect and its record.
"""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--trials", type=int, default=12)
    asked.add_argument("--seed", type=int, default=7)
    asked.add_argument("--horizon", type=float, help="seconds within which the kill falls, one bound for all")
    asked.add_argument("--only", choices=CONTESTANTS, action="append", help="leave RESULTS.md as it is")
    given = asked.parse_args()
    environment()
    tallies: list[Tally] = []
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    chosen = given.only or list(CONTESTANTS)
    with model_server() as url, Progress(console=console, transient=True) as progress:
        bar = progress.add_task("measuring without kills", total=len(chosen) * (given.trials + UNDISTURBED))
        for peer in chosen:
            times = [given.horizon or undisturbed(peer, url) for _ in range(UNDISTURBED)]
            tallies.append(Tally(CONTESTANTS[peer], statistics.median(times)))
            progress.advance(bar, UNDISTURBED)
        for number in range(given.trials):
            for peer, tally in zip(chosen, tallies, strict=True):
                progress.update(bar, description=f"killing {tally.name}")
                tally.add(one_trial(peer, url, given.seed + number, tally.horizon))
                progress.advance(bar)
    table = Table(*HEADINGS)
    for tally in tallies:
        table.add_row(*tally.row())
    console.print(table)
    console.print(versions(), highlight=False)
    if not given.only:
        (HERE / "RESULTS.md").write_text(page(tallies, given.trials, given.seed), encoding="utf-8")


if __name__ == "__main__":
    main()

"""What one onboarding costs, in one table: model calls, tokens, wall and processor time, ours beside the peers'. ``make peers``.

The harness's services and its scripted, perfectly competent model, which answers at once or in 300 ms; every contestant must do
the same six effects: one account, four pipelines, one mail. Each runs in a process and an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from run import HARNESS, HERE, ROOT, child_environment, environment, model_server

RESULTS = ROOT / "benchmarks" / "RESULTS.md"
MODEL_SECONDS, SERVICE_SECONDS = 0.3, 0.2
HEADINGS = ("contestant", "model calls", "tokens in", "tokens out", "wall s", "CPU ms, 1 at once", "CPU ms, 20 at once", "RSS MB")


@dataclass(frozen=True)
class Contestant:
    """One framework: its module, the environment and requirement file it needs, the harness's STYLE for it."""

    name: str
    module: str
    place: str
    style: str = ""
    share: float = 1.0

    @property
    def requirements(self) -> Path:
        return ROOT / "requirements" / f"peers{self.place}.txt"


CONTESTANTS = (
    Contestant("Agent Ops, model planner", "peer_z_model", ""),
    Contestant("Agent Ops, runbook", "peer_x_ours", ""),
    Contestant("plain asyncio, plans once", "peer_h_plain", ""),
    Contestant("bare StateGraph, plans once", "peer_g_bare_langgraph", ""),
    Contestant("create_agent, sub-agents as tools", "peer_b_langchain", ""),
    Contestant("langgraph-supervisor", "peer_a_supervisor", ""),
    Contestant("deepagents", "peer_c_deepagents", ""),
    Contestant("openai-agents, as tools", "peer_d_openai_agents", "-openai-agents", "tools"),
    Contestant("openai-agents, handoffs", "peer_d_openai_agents", "-openai-agents", "handoff"),
    Contestant("pydantic-ai, delegation", "peer_f_pydantic_ai", "-pydantic-ai"),
    Contestant("crewai, hierarchical", "peer_e_crewai", "-crewai", share=0.25),
)


def measured(who: Contestant, python: Path, url: str, service_seconds: float, count: int, at_once: int) -> dict[str, Any]:
    """The harness's own line about a contestant; every effect must have happened exactly once."""
    count = max(at_once, int(count * who.share))
    with tempfile.TemporaryDirectory() as directory:
        more = {"LLM_URL": url, "STYLE": who.style, "EFFECT_LOG": f"{directory}/fx", "SVC_LATENCY": str(service_seconds)}
        command = [python, "run.py", who.module, "--n", str(count), "--c", str(at_once)]
        surroundings = child_environment(**more)
        found = subprocess.run(command, cwd=HARNESS, env=surroundings, capture_output=True, text=True, check=False, timeout=900)
    try:
        line: dict[str, Any] = json.loads(found.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        sys.exit(f"{who.name} failed:\n{found.stderr[-2000:]}")
    if line["dups"] or line["missing"] or line["errs"]:
        sys.exit(f"{who.name}: {line['missing']} effects missing, {line['dups']} twice, errors: {line['err']}")
    return line


def row(who: Contestant, places: Path, slow: str, quick: str, count: int) -> tuple[str, ...]:
    """Wall time with slow services and model, processor time with quick ones."""
    python = python_of(places, who.place)
    waited = measured(who, python, slow, SERVICE_SECONDS, 5, 1)
    alone, together = (measured(who, python, quick, 0.0, count, at_once) for at_once in (1, 20))
    return (
        who.name,
        f"{waited['llm_calls']:g}",
        f"{waited['prompt_tok']:,.0f}",
        f"{waited['compl_tok']:,.0f}",
        f"{waited['wall_ms'] / 1000:.2f}",
        f"{alone['cpu_ms']:.0f}",
        f"{together['cpu_ms']:.0f}",
        str(alone["rss_mb"]),
    )


def python_of(places: Path, name: str) -> Path:
    return places / f".venv{name}" / "bin" / "python"


def versions(places: Path) -> str:
    """The contestants' packages, as their environments have them."""
    wanted = ("agent-ops", "langgraph", "langchain", "langgraph-supervisor", "deepagents", "openai-agents")
    wanted += ("pydantic-ai-slim", "crewai")
    code = f"""
from importlib.metadata import version, PackageNotFoundError
for name in {wanted}:
    try: print(name, version(name))
    except PackageNotFoundError: pass
"""
    seen: dict[str, str] = {}
    for place in dict.fromkeys(who.place for who in CONTESTANTS):
        for line in subprocess.check_output([python_of(places, place), "-c", code], text=True).splitlines():
            seen.setdefault(line.split()[0], line)
    return ", ".join(seen.values())


def page(rows: list[tuple[str, ...]], about: str, count: int) -> str:
    """RESULTS.md."""
    table = "\n".join("| " + " | ".join(line) + " |" for line in [HEADINGS, ("---",) * len(HEADINGS), *rows])
    return f"""# What one onboarding costs, beside the peers: what `make peers` printed

{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC. Python {platform.python_version()}, {os.cpu_count()} cores; {about}.
Again: `python benchmarks/peers/costs.py`.

{table}

- One onboarding is one account, four pipelines and one mail; every contestant did each exactly once in every run.
- The model is scripted and perfectly competent; tokens are characters / 4, for all alike. Ours gets one rule more
  (`benchmarks/peers/decide_rule.py`): who is offered the tool `decide` gets a plan. The peers' rules are untouched.
- Wall: the model takes {MODEL_SECONDS * 1000:.0f} ms, each service {SERVICE_SECONDS * 1000:.0f} ms, one onboarding at a time,
  the mean of five. CPU: both answer at once, {count} onboardings (crewai fewer), the client's process only.
- Ours writes every intent, result, event and audit row to disk before and after each call, checks a grant and a policy, and
  sets the account's attributes and sends an account notice beside (both take the services' time, too). The peers here keep
  nothing: no checkpoints, no journal.
"""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--count", type=int, default=40, help="onboardings for the processor's time")
    asked.add_argument("--places", type=Path, default=HERE, help="where the environments lie: .venv, .venv-crewai, ...")
    asked.add_argument("--only", action="append", help="a contestant's module; leaves RESULTS.md as it is")
    given = asked.parse_args()
    chosen = [who for who in CONTESTANTS if not given.only or who.module in given.only]
    for who in chosen:
        environment(python_of(given.places, who.place), who.requirements)
    rows, rule, ours = [], HERE / "decide_rule.py", python_of(given.places, "")
    with model_server(rule, ours, MODEL_SECONDS) as slow, model_server(rule, ours, 0.0) as quick:
        for who in chosen:
            rows.append(row(who, given.places, slow, quick, given.count))
            print(*rows[-1], sep="  ", flush=True)
    table = Table(*HEADINGS)
    for line in rows:
        table.add_row(*line)
    Console(width=150).print(table)
    if not given.only:
        RESULTS.write_text(page(rows, versions(given.places), given.count), encoding="utf-8")


if __name__ == "__main__":
    main()

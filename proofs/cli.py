"""The command line: ``python -m proofs --help``. Each proof ends with 0 only if its promise held."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import sys
import tempfile
import time
from pathlib import Path

import click

from proofs import chaos as chaos_rounds
from proofs import crash as crash_matrix
from proofs import dispatch as shared_runs
from proofs import faults as failing_services
from proofs import mutations, reports, show
from proofs.adversary import report as attack_report
from proofs.adversary import run as attack
from proofs.adversary.further import FURTHER
from proofs.adversary.mutants import MUTANTS, applied
from proofs.models import matrix as misbehaving
from proofs.models import report as model_report
from proofs.models.without import WITHOUT

OUT = click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write what is printed to this file, too.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def main() -> None:
    """Prove that every change happens exactly once, and none that was not granted. Everything stays on the loopback."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end: no stopped process is left behind


@main.command()
@click.option("--seed", type=int, help="Play a part only, drawn by this seed: every site of the code, every effect.")
@click.option("--lanes", type=click.IntRange(1, 6), default=4, show_default=True, help="Cells at a time.")
@click.option("--without", type=click.Choice(sorted(mutations.BY_NAME)), help="Take a guarantee out: it must turn red.")
@OUT
def crash(seed: int | None, lanes: int, without: str | None, out: Path | None) -> None:
    """Kill a process at every point of the code, for every effect, and let the services' records judge."""
    found = asyncio.run(_crash(seed, lanes, without or ""))
    part = ("" if seed is None else f", a part drawn by seed {seed}") + (f", WITHOUT: {without}" if without else "")
    show.publish(f"Crash matrix{part}", reports.crash(found), out)
    sys.exit(0 if found.good else 1)


async def _crash(seed: int | None, count: int, without: str) -> crash_matrix.Matrix:
    began = time.monotonic()
    with show.progress() as advance:
        async with crash_matrix.Lanes(_directory(), count, advance) as lanes:
            found = await crash_matrix.matrix(lanes, seed, without)
    found.seconds = time.monotonic() - began
    return found


@main.command()
@click.option("--rounds", type=click.IntRange(1), default=30, show_default=True, help="Kills at random times.")
@click.option("--seed", type=int, help="Repeat the draws of an earlier time; printed, and drawn when not given.")
@OUT
def chaos(rounds: int, seed: int | None, out: Path | None) -> None:
    """Several processes, parallel runs, failing services: kill one at a random time, start it again, over and over."""
    with show.progress() as advance:
        found = asyncio.run(chaos_rounds.chaos(_directory(), rounds, _seed(seed), advance))
    show.publish("Chaos: kills at random times", reports.chaos(found), out)
    sys.exit(0 if found.good else 1)


@main.command()
@click.option("--hires", type=click.IntRange(1), default=40, show_default=True, help="Hires at once.")
@click.option("--share", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Calls that fail.")
@OUT
def faults(hires: int, share: float, out: Path | None) -> None:
    """Let a share of all service calls fail, with the settings of a user who sets none."""
    with show.progress() as advance:
        found = asyncio.run(failing_services.faults(_directory(), hires, share, advance))
    show.publish("Faults: services that fail", reports.faults(found), out)
    sys.exit(0 if found.good else 1)


@main.command()
@click.option("--runs", type=click.IntRange(1), default=200, show_default=True, help="Runs in the database.")
@click.option("--seed", type=int, help="Repeat the draws of an earlier time; printed, and drawn when not given.")
@OUT
def dispatch(runs: int, seed: int | None, out: Path | None) -> None:
    """Four processes share the runs of one database; one is killed at a random time."""
    with show.progress() as advance:
        found = asyncio.run(shared_runs.dispatch(_directory(), runs, _seed(seed), advance))
    show.publish("Dispatch: four processes, one database", reports.dispatch(found), out)
    sys.exit(0 if found.good else 1)


@main.command()
@click.option("--examples", type=click.IntRange(1), default=300, show_default=True, help="Plays against the code as it is.")
@click.option("--hunted", type=click.IntRange(1), default=80, show_default=True, help="Plays against each mutant, at most.")
@click.option("--seed", type=int, help="Repeat the draws of an earlier time; printed, and drawn when not given.")
@OUT
def adversary(examples: int, hunted: int, seed: int | None, out: Path | None) -> None:
    """An attacker in the planner's place, judged by I1 to I17 after every step; then each guarantee is taken out."""
    with show.progress() as advance:
        found = attack.adversary(_seed(seed), examples, (*MUTANTS, *FURTHER), hunted, advance)
    show.publish("The adversarial planner", attack_report.adversary(found), out)
    sys.exit(0 if found.good else 1)


@main.command()
@click.option("--seed", "seeds", type=click.IntRange(1), multiple=True, default=(1, 2, 3), help="May be given more than once.")
@click.option("--lanes", type=click.IntRange(1, 6), default=3, show_default=True, help="Runs at a time.")
@click.option("--without", type=click.Choice(sorted(WITHOUT)), help="Take a guarantee out: it must turn red.")
@OUT
def models(seeds: tuple[int, ...], lanes: int, without: str | None, out: Path | None) -> None:
    """A chat model that misbehaves in every way, at every task; the services' records judge what came of it."""
    with show.progress() as advance, applied(WITHOUT[without]) if without else contextlib.nullcontext():
        found = asyncio.run(misbehaving.matrix(_directory(), seeds, advance, lanes=lanes))
    show.publish("Models that misbehave" + (f", WITHOUT: {without}" if without else ""), model_report.models(found), out)
    sys.exit(0 if found.good else 1)


def _directory() -> Path:
    """Where the files of a proof lie; those of what went wrong stay there."""
    return Path(tempfile.mkdtemp(prefix="agent-ops-proof-"))


def _seed(given: int | None) -> int:
    return secrets.randbelow(1_000_000) if given is None else given

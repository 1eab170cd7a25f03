"""What the README says is what happens: its commands and its example are run, its package is built."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def run(command: list[str], cwd: Path) -> str:
    env = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONUTF8": "1", "COLUMNS": "160"}
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_commands_of_the_readme_work(tmp_path: Path) -> None:
    commands = [line for block in blocks("console") for line in block.splitlines() if line.startswith("agent-ops ")]
    assert len(commands) >= 4
    outputs = [run([sys.executable, "-m", "agent_ops", *shlex.split(line)[1:]], tmp_path) for line in commands]
    assert "ana.silva@acme.example" in outputs[1]


def test_the_make_targets_of_the_readme_exist() -> None:
    targets = {line.split()[1] for block in blocks("console") for line in block.splitlines() if line.startswith("make ")}
    assert targets == {"demo", "test"}
    run(["make", "-n", *targets, "PYTHON=" + sys.executable], ROOT)


def test_the_example_of_the_readme_works(tmp_path: Path) -> None:
    (example,) = blocks("python")
    (tmp_path / "example.py").write_text(example, encoding="utf-8")
    said = run([sys.executable, "example.py"], tmp_path)
    assert "zoe.muller@acme.example" in said
    assert "'snowflake': 'completed'" in said


def test_the_wheel_from_the_sdist_holds_what_is_tracked(tmp_path: Path) -> None:
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)], ROOT)
    tracked = subprocess.check_output(
        ["git", "ls-files", "-co", "--exclude-standard", "src/agent_ops"], cwd=ROOT, text=True
    ).split()
    (sdist,), (wheel,) = tmp_path.glob("*.tar.gz"), tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("agent_ops/")}
    assert packed == {name.removeprefix("src/") for name in tracked}
    with tarfile.open(sdist) as archive:
        roots = {name.split("/", 2)[1] for name in archive.getnames() if "/" in name}
    assert roots == {"src", "README.md", "LICENSE", "CHANGELOG.md", "pyproject.toml", "PKG-INFO", ".gitignore"}

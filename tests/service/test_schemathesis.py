"""Schemathesis, which nobody here wrote, finds nothing: a part of it here with a fixed seed, whole by `make fuzz`."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.service.served import Service

EXAMPLES, SEED = 8, 1
_DONE = re.compile(r"(\d+) generated, (\d+) passed")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_schemathesis_finds_nothing(service: Service, key: str) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json", "--checks", "all", "--no-color"]
    options = ["--header", f"Authorization: Bearer {key}", "--max-examples", str(EXAMPLES), "--seed", str(SEED)]
    clean = {"PATH": os.environ["PATH"], "PYTHONUTF8": "1"}
    done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=880, env=clean, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    tested = _DONE.search(done.stdout)
    assert tested and tested[1] == tested[2] and int(tested[1]) > 500, done.stdout[-3000:]

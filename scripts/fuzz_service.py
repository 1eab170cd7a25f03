"""Serves the sandbox and lets Schemathesis loose on every operation, stateful and with all checks: `make fuzz`."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.service.served import key_for, serving


def main() -> int:
    """The exit code of Schemathesis, whose words go to the screen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="for each operation")
    parser.add_argument("--seed", type=int)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory)) as service:
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json", "--checks", "all"]
        command += ["--header", f"Authorization: Bearer {key_for(service.data_dir)}", "--max-examples", str(chosen.examples)]
        command += ["--continue-on-failure", *(["--seed", str(chosen.seed)] if chosen.seed is not None else [])]
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

"""Serves the sandbox and lets Schemathesis loose on every operation, stateful and with all checks: `make fuzz`.

What the service answered is printed for each operation, so that it is seen what was reached and what was only refused.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.service.served import Service, key_for, serving


def answers(service: Service, key: str) -> dict[tuple[str, str], Counter[str]]:
    """How often each operation of the contract was answered with which status, by the service's own metrics."""
    with service.client(key) as client:
        paths, text = client.get("/openapi.json").json()["paths"], client.get("/metrics").text
    found: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for path, operations in paths.items():
        found.update({(path, method.upper()): Counter() for method in operations})
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "agent_ops_request_seconds_count":
                where = sample.labels["route"], sample.labels["method"]
                if where in found:
                    found[where][sample.labels["status"]] += int(sample.value)
    return found


def told(found: dict[tuple[str, str], Counter[str]]) -> list[str]:
    """A line for each operation; then those that were never answered with a success."""
    lines = [
        f"  {method:6} {path}: {', '.join(f'{status} {count:,}' for status, count in sorted(statuses.items()))}"
        for (path, method), statuses in sorted(found.items())
    ]
    unreached = [f"{method} {path}" for (path, method), statuses in found.items() if not any(s < "3" for s in statuses)]
    return ["answers by operation:", *lines, f"never answered with a success: {', '.join(unreached) or 'none'}"]


def main() -> int:
    """The exit code of Schemathesis, whose words go to the screen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=200, help="for each operation")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only", help="only this operation's id")
    parser.add_argument("--phases", help="only these of examples,coverage,fuzzing,stateful")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory)) as service:
        key = key_for(service.data_dir)
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json", "--checks", "all"]
        command += ["--header", f"Authorization: Bearer {key}", "--max-examples", str(chosen.examples)]
        command += ["--continue-on-failure", *(["--seed", str(chosen.seed)] if chosen.seed is not None else [])]
        command += ["--phases", chosen.phases] if chosen.phases else []
        command += ["--include-operation-id", chosen.only] if chosen.only else []
        done = subprocess.run(command, check=False).returncode
        print("\n".join(told(answers(service, key))), flush=True)
        return done


if __name__ == "__main__":
    sys.exit(main())

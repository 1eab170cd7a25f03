"""A policy in which access needs an approval, and a pair of duties is kept apart: for tests of both."""

from __future__ import annotations

from pathlib import Path

from agent_ops.policies import EXAMPLE

RULE = (
    'evidence = { kind = "jira", project = "SEC", approved_status = ["Approved"], max_age_days = 30, '
    'must_name = ["beneficiary", "item"] }'
)
PAIR = '\n[[separation]]\nitems = ["kubernetes", "sonarqube"]\nreason = "who deploys does not audit"\n'


def approving_policy(directory: Path, rule: str = RULE, more: str = "") -> Path:
    """The example, in which the database needs an approval."""
    text = EXAMPLE.read_text(encoding="utf-8").replace("[items.database]\n", f"[items.database]\n{rule}\n")
    path = directory / "approving.toml"
    path.write_text(text + more, encoding="utf-8")
    return path

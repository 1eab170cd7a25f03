"""The figure that the threat cases come to, printed at the end of a session that played them."""

from __future__ import annotations

import pytest

UNDER_ATTACK = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if told := config.stash.get(UNDER_ATTACK, ""):
        terminalreporter.write_line(told)

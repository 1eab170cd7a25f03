"""The command line: `agent-ops`. Asynchronous work is started here and nowhere below."""

from agent_ops.cli.main import main

__all__ = ["main"]

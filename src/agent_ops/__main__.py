"""``python -m agent_ops``: the same as ``agent-ops``."""

from agent_ops.cli.main import main

main()

"""The server process that ``Sandbox`` starts: ``python -m agent_ops.sandbox DIRECTORY POLICY``."""

import asyncio
import sys
from pathlib import Path

from agent_ops.sandbox.server import serve


def main() -> None:
    """Serve until nobody is attached any more; leave at once when another server was quicker."""
    try:
        asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), linger=True))
    except BlockingIOError:
        sys.exit(0)  # whoever started us attaches to that one


if __name__ == "__main__":
    main()

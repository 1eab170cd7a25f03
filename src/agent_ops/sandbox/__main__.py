"""``python -m agent_ops.sandbox DIRECTORY POLICY``: the server process that ``Sandbox`` starts."""

import asyncio
import sys
from pathlib import Path

from agent_ops.sandbox.server import serve

if __name__ == "__main__":
    try:
        asyncio.run(serve(Path(sys.argv[1]), Path(sys.argv[2]), linger=True))
    except BlockingIOError:
        sys.exit(0)  # another server was quicker: whoever started us attaches to that one

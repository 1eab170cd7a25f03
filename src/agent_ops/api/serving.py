"""The service as processes: one that serves, or one that watches over several."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import uvicorn
from uvicorn.supervisors import Multiprocess

from agent_ops.api import patience
from agent_ops.api.app import create_app
from agent_ops.domain.errors import ConfigurationError
from agent_ops.runtime.data_dir import open_store
from agent_ops.runtime.opening import settings_for

HTTP = "agent_ops.api.malformed:Protocol"
GRACE_SECONDS = 10
STARTING_SECONDS = 120
"""A worker that answers its watcher no sooner is replaced; it answers when it has imported everything."""


class Watcher(Multiprocess):
    """Replaces a worker that died, also one that dies while it is asked whether it lives."""

    def keep_subprocess_alive(self) -> None:
        """Look after every worker once.

        uvicorn keeps the worker's end of the pipe open in this process, too: the pipe of a dead worker would never end, and its
        answer would be waited for to the end of the time-out, with no worker replaced and no signal heeded.
        """
        for process in self.processes:
            process.child_conn.close()
        super().keep_subprocess_alive()


def serve_app(
    data_dir: Path,
    policy_file: Path | None,
    in_sandbox: bool,
    workers: int,
    host: str,
    port: int,
    tell: Callable[[str], None],
    with_playground: bool = False,
) -> None:
    """Listen and serve until a signal ends it.

    Args:
        tell: is given the lines for whoever started it.

    Raises:
        ConfigurationError: a setting is wrong, or the address cannot be had.
    """
    app = functools.partial(create_app, data_dir, policy_file, in_sandbox=in_sandbox, with_playground=with_playground)
    app()  # what is wrong with the settings is told here, once, and not by every worker
    config = uvicorn.Config(
        app,
        factory=True,
        host=host,
        port=port,
        http=HTTP,
        workers=workers,
        access_log=False,  # it would hold paths and queries, and so names; the service's own log has a line for each request
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=STARTING_SECONDS,
    )
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listening(host, port))
        asyncio.run(_greet(data_dir, policy_file, in_sandbox, listener, tell))
        if workers == 1:
            server = uvicorn.Server(config)
            server.run([listener])
            if not server.started:
                sys.exit(3)
        else:
            Watcher(config, [listener]).run()


def _listening(host: str, port: int) -> socket.socket:
    """Where clients come in. The system lets go of those who take nothing, too: what is left of an answer in buffers the
    application does not see. Connections have this from their listener."""
    try:
        made = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    except OSError as error:
        raise ConfigurationError(
            f"nothing can listen on {host}:{port}: {error.strerror}", "Choose another --host or --port."
        ) from None
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: https://www.rfc-editor.org/rfc/rfc5482
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(patience.SEND_SECONDS * 1000))
    return made


async def _greet(
    data_dir: Path, policy_file: Path | None, in_sandbox: bool, listener: socket.socket, tell: Callable[[str], None]
) -> None:
    """Say where it serves, and how to get a key when there is none. Every process then finds the database made."""
    async with settings_for(data_dir, policy_file, in_sandbox) as (settings, _), open_store(settings.data_dir) as (store, _):
        keys = await store.read(lambda tx: tx.api_keys.all())
    host, port = listener.getsockname()[:2]
    what = "the sandbox" if in_sandbox else "real services"
    tell(f"serving {what} on http://{host}:{port}; /docs describes it, Ctrl-C ends it")
    if not keys:
        where = f" --data-dir {data_dir}" if str(data_dir) != "agent-ops-data" else ""
        tell(f"there is no API key yet: agent-ops token create NAME --scope onboard --scope status --scope pii{where}")

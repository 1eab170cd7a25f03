"""Which request made a run: kept with it, and named in every line of the log about it, whichever process drives it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import structlog

from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.runs import Run
from agent_ops.runtime.logs import name_run
from agent_ops.storage import Store, Transactions, Tx

log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


def named(request_id: str | None) -> str:
    """The request's id, made when it has none. Raises InvalidRequest: it cannot be one."""
    asked = request_id or str(uuid.uuid4())
    if not (isinstance(asked, str) and _REQUEST_ID.fullmatch(asked)):
        raise InvalidRequest("request_id", "must be 1 to 128 of A-Z a-z 0-9 . _ : / + = -", "It is logged: name nobody.")
    return asked


async def told(store: Transactions, work: Callable[[Tx], Run], request_id: str | None) -> Run:
    """Commit the work, and let the log name the request with every line about its run; a run keeps its first.

    Raises:
        InvalidRequest: the request's id cannot be one; nothing was done.
    """
    asked = named(request_id)

    def naming(tx: Tx) -> tuple[Run, str]:
        run = work(tx)
        return run, tx.runs.request_of(run.id, asked)

    run, first = await store.transaction(naming)
    name_run(run.id, request=first, employee=run.employee_id)
    if isinstance(store, Store):  # a rehearsal admits nothing
        log.info("request_admitted", request=asked, run=run.id, repeat=asked != first)
    return run

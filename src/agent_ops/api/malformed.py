"""What is answered to bytes that are no HTTP. No application sees them: uvicorn would answer in a line of plain text."""

from __future__ import annotations

import uuid

import structlog
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from agent_ops.api.envelope import HEADERS
from agent_ops.api.problems import MEDIA_TYPE, Problem

log = structlog.get_logger(__name__)
_DETAIL = "This is no request that HTTP allows; nothing was done, and the connection is closed."


class Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # whichever parser uvicorn finds
    """uvicorn's protocol, with our problem in our envelope."""

    def send_400_response(self, msg: str) -> None:
        """Answer, and hang up."""
        request_id = str(uuid.uuid4())
        log.info("request_malformed", request=request_id)
        problem = Problem(
            type="/problems/bad-request", title="Bad Request", status=400, detail=_DETAIL, request_id=request_id, errors=[]
        )
        body = problem.model_dump_json()
        headers = {
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(body)),
            "Connection": "close",
            "X-Request-ID": request_id,
            **HEADERS,
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(f"HTTP/1.1 400 Bad Request\r\n{lines}\r\n{body}".encode("ascii"))
        self.transport.close()

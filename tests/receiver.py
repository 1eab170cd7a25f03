"""A receiver of webhooks on loopback, which believes nothing that the Standard Webhooks library does not verify."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook as Judge

from agent_ops.transport.webhooks import Webhook, WebhookConfig

SECRET = "whsec_" + "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0"


class Receiver:
    """Keeps what was posted to it.

    ``answers`` are the statuses of the first posts; the others are answered 204, those of status 0 not before ``let_go`` is set.
    """

    def __init__(self, port: int, answers: list[int]) -> None:
        self.url = f"http://127.0.0.1:{port}/hooks?tenant=acme"
        self.answers = answers
        self.posts: list[tuple[str, dict[str, Any]]] = []
        self.elsewhere: list[str] = []
        self.headers: dict[str, str] = {}
        self.let_go = threading.Event()
        self.retry_after = ""
        self._news = threading.Condition()

    @property
    def config(self) -> WebhookConfig:
        return WebhookConfig((Webhook(self.url, (SECRET,)),))

    def take(self, path: str, headers: dict[str, str], body: bytes) -> int:
        with self._news:
            if path != "/hooks?tenant=acme":
                self.elsewhere.append(path)
                return 204
            told = Judge(SECRET).verify(body, headers)  # raises for what is not ours
            self.posts.append((headers["webhook-id"], told))
            self._news.notify_all()
            return self.answers.pop(0) if self.answers else 204

    def until(self, kind: str, seconds: float = 60) -> list[tuple[str, dict[str, Any]]]:
        """What was posted, once a message of this kind is among it."""
        with self._news:
            assert self._news.wait_for(lambda: any(told["type"] == kind for _, told in self.posts), seconds), self.posts
            return list(self.posts)


@contextlib.contextmanager
def receiving(*answers: int) -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            if not status:
                receiver.let_go.wait(60)
            self.send_response(status or 204)
            self.send_header("Location", "/elsewhere")
            if receiver.retry_after:
                self.send_header("Retry-After", receiver.retry_after)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        receiver = Receiver(server.server_port, list(answers))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.let_go.set()
            server.shutdown()
            thread.join()

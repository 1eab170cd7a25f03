"""A collector of traces on loopback: keeps whatever it is sent, as LangSmith and OpenTelemetry collectors take it."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Collector:
    """``sent`` are the requests: method, path, headers and body, in one text each, decompressed."""

    sent: list[bytes] = field(default_factory=list)
    url: str = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        if request.headers.get("Content-Encoding") == "gzip" and body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        lines = [f"{request.method} {request.path_qs}", *(f"{name}: {value}" for name, value in request.headers.items())]
        self.sent.append("\n".join(lines).encode() + b"\n\n" + body)
        if request.method == "GET":  # https://docs.langchain.com/langsmith: what the service takes
            limits = {"use_multipart_endpoint": False, "size_limit": 100, "size_limit_bytes": 20_000_000}
            limits |= {"scale_up_qsize_trigger": 1000, "scale_up_nthreads_limit": 16, "scale_down_nempty_trigger": 4}
            return web.json_response({"version": "0", "instance_flags": {}, "batch_ingest_config": limits})
        return web.Response(status=202 if "runs" in request.path else 200)

    @property
    def bodies(self) -> bytes:
        """Everything but the headers, in which a key must be shown."""
        return b"\n".join(one.partition(b"\n\n")[2] for one in self.sent)


@contextlib.asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector on a free port."""
    collector = Collector()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", collector.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield collector
    finally:
        await runner.cleanup()

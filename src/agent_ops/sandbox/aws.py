"""The AWS twin: moto's server, with our recorder and faults in front, and the Jenkins parameter in its SSM.

https://docs.getmoto.org/en/latest/docs/server_mode.html
"""

from __future__ import annotations

import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from agent_ops.sandbox.aws_auth import Request, error_body, refusal
from agent_ops.sandbox.faults import FaultBook, FaultKind
from agent_ops.sandbox.records import Call, Records
from agent_ops.sandbox.world import World

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AKIASANDBOXSANDBOX00", "moto/takes/any/key/this/is/the/sandboxes0"


class AwsTwin:
    """Serves AWS's APIs on the loopback from a thread of its own. State is seeded afresh at each start."""

    def __init__(self, world: World, records: Records, faults: FaultBook) -> None:
        self._world, self._records, self._faults = world, records, faults
        self._moto = DomainDispatcherApplication(create_backend_app)
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server: BaseWSGIServer = make_server("127.0.0.1", 0, self._application, threaded=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="aws-twin", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self, jenkins_urls: Mapping[str, str]) -> None:
        """Serve, and store each Jenkins's URL, user and token as a SecureString. Blocks until the parameters are there."""
        self._thread.start()
        for instance, url in jenkins_urls.items():
            self.put_login(instance, url, self._world.jenkins_token(instance))

    def put_login(self, instance: str, url: str, token: str) -> None:
        """Store the URL, user and token of one Jenkins."""
        value = {"url": url, "user": self._world.jenkins_user, "token": token}
        client = boto3.client(
            "ssm",
            endpoint_url=self.url,
            region_name=self._world.region,
            aws_access_key_id=ACCESS_KEY_ID,
            aws_secret_access_key=SECRET_ACCESS_KEY,
            config=Config(proxies={}),
        )
        name = self._world.jenkins_parameter(instance)
        client.put_parameter(Name=name, Value=json.dumps(value), Type="SecureString", Overwrite=True)
        client.close()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _application(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        operation = str(environ.get("HTTP_X_AMZ_TARGET") or environ.get("PATH_INFO", ""))
        method = str(environ.get("REQUEST_METHOD", ""))
        seen: list[int] = []

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seen.append(int(status.split(maxsplit=1)[0]))
            return start_response(status, headers, exc_info)

        faults = {fault.kind: fault for fault in self._faults.draw("aws", method, operation)}
        if FaultKind.LATENCY in faults:
            time.sleep(faults[FaultKind.LATENCY].seconds)
        if FaultKind.STATUS in faults:
            started(f"{faults[FaultKind.STATUS].status} Told To Fail", [("Content-Type", "application/x-amz-json-1.1")])
            token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN", "") if faults[FaultKind.STATUS].echo else ""
            words = faults[FaultKind.STATUS].words or "told to fail"
            told = {"__type": "InternalServerError", "message": f"{words} {token}".strip()}
            body: Iterable[bytes] = [json.dumps(told).encode()]
        elif (refused := refusal(_request(environ), ACCESS_KEY_ID, SECRET_ACCESS_KEY)) is not None:
            started("400 Bad Request", [("Content-Type", "application/x-amz-json-1.1")])
            body = [error_body(refused)]
        else:
            body = self._moto(environ, started)
        self._records.record(Call("aws", method, operation, seen[0] if seen else 0))
        return body


def _request(environ: Environ) -> Request:
    """The call as it was signed; its body is put back for moto."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    headers = {key[5:].replace("_", "-").lower(): str(value) for key, value in environ.items() if key.startswith("HTTP_")}
    if "CONTENT_TYPE" in environ:
        headers["content-type"] = environ["CONTENT_TYPE"]
    query = f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else ""
    url = f"http://{environ.get('HTTP_HOST')}{environ.get('PATH_INFO', '/')}{query}"
    return Request(str(environ["REQUEST_METHOD"]), url, headers, body)

"""The AWS twin: moto's server, with our recorder and faults in front, and the Jenkins parameter in its SSM.

https://docs.getmoto.org/en/latest/docs/server_mode.html
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from agent_ops.sandbox.aws.auth import Refusal, Request, refusal
from agent_ops.sandbox.aws.bucket_list import bucket_list
from agent_ops.sandbox.aws.content import Content
from agent_ops.sandbox.aws.protocols import Answer, Operation, error_answer, operation_of, refused
from agent_ops.sandbox.faults import Fault, FaultBook, FaultKind
from agent_ops.sandbox.left_behind import LeftBehind
from agent_ops.sandbox.records import Call, Records
from agent_ops.sandbox.world import OutcomeSeed, World

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AKIASANDBOXSANDBOX00", "moto/takes/any/key/this/is/the/sandboxes0"
_SEEDED = ("s3", "ec2", "tagging")


class AwsTwin:
    """Serves AWS's APIs on the loopback from a thread of its own.

    State is seeded afresh at each start: the parameters at once, buckets and machines when somebody first asks for them.
    ``revoked`` and ``denied`` are what an administrator did to our key: unknown, or without permissions ('s3:GetObject').
    """

    def __init__(self, world: World, records: Records, faults: FaultBook) -> None:
        self._world, self._records, self._faults = world, records, faults
        self.content = Content(world.region, time.time())
        self.left_behind = LeftBehind(world.outcomes_of("aws_tag"), records, self._tag)
        self.revoked, self.denied = False, frozenset[str]()
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

    def _tag(self, seed: OutcomeSeed, address: str) -> None:
        """What a pipeline tags with its user's address."""
        name = hashlib.sha256(address.encode()).hexdigest()[:16]  # buckets' names are public: no address in them
        self.content.tag_bucket(f"home-{name}", seed.target, address)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _application(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        request = _request(environ)
        operation = operation_of(request)
        seen: list[int] = []

        def started(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            seen.append(int(status.split(maxsplit=1)[0]))
            return start_response(status, headers, exc_info)

        answer = self._struck(request, operation) or self._turned_away(request, operation)
        if answer is None and operation.permission == "s3:ListAllMyBuckets":
            answer = bucket_list(request, self.content.buckets())
        if answer is not None:
            started(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.headers)
            body: Iterable[bytes] = [answer.body]
        else:
            self.content.ensure(request.service)
            if request.service == "tagging":
                self.left_behind.settle()
            body = self._moto(environ, started)
        self._record(request, operation, seen[0] if seen else 0)
        return body

    def _struck(self, request: Request, operation: Operation) -> Answer | None:
        """What a fault answers instead, after its latency."""
        faults = {fault.kind: fault for fault in self._faults.draw("aws", request.method, operation.name)}
        if FaultKind.LATENCY in faults:
            time.sleep(faults[FaultKind.LATENCY].seconds)
        return _failure(request, faults[FaultKind.STATUS]) if FaultKind.STATUS in faults else None

    def _turned_away(self, request: Request, operation: Operation) -> Answer | None:
        """The refusal of a caller who does not hold our key, or may not do this; None when it may."""
        why = Refusal.UNKNOWN_KEY if self.revoked else refusal(request, ACCESS_KEY_ID, SECRET_ACCESS_KEY)
        if why is None and operation.permission in self.denied:
            why = Refusal.NOT_ALLOWED
        return refused(request, why, operation.permission) if why else None

    def _record(self, request: Request, operation: Operation, status: int) -> None:
        """Whatever changed buckets or machines is an effect: nobody onboards by that."""
        changed = request.service in _SEEDED and not operation.reads and status < 300
        self._records.record(Call("aws", request.method, operation.name, status, "aws.change" if changed else ""))


def _failure(request: Request, fault: Fault) -> Answer:
    token = request.headers.get("x-amz-security-token", "") if fault.echo else ""
    words = f"{fault.words or 'told to fail'} {token}".strip()
    code = "InternalServerError"
    if fault.status in (429, 503):
        code = {"s3": "SlowDown", "ec2": "RequestLimitExceeded"}.get(request.service, "ThrottlingException")
    answer = error_answer(request.service, fault.status, code, words)
    waits = [("Retry-After", str(fault.retry_after))] if fault.retry_after is not None else []
    return Answer(answer.status, [*answer.headers, *waits], answer.body)


def _request(environ: Environ) -> Request:
    """The call as it was signed; its body is put back for moto."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    headers = {key[5:].replace("_", "-").lower(): str(value) for key, value in environ.items() if key.startswith("HTTP_")}
    if "CONTENT_TYPE" in environ:
        headers["content-type"] = environ["CONTENT_TYPE"]
    target = str(environ.get("REQUEST_URI") or environ.get("PATH_INFO", "/"))  # as it came: the path is signed undecoded
    url = f"http://{environ.get('HTTP_HOST')}{target}"
    return Request(str(environ["REQUEST_METHOD"]), url, headers, body)

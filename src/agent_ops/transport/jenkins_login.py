"""Jenkins's URL, user and token, kept in AWS Systems Manager Parameter Store as one SecureString of JSON.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from agent_ops.domain.errors import ConfigurationError, ServiceAmbiguous
from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.transport.calls import logged_call
from agent_ops.transport.redaction import redactor
from agent_ops.transport.routes import NO_PROXIES, Proxies, Route
from agent_ops.transport.vendor_errors import boto_errors

_SERVICE = "AWS SSM"
_NOTHING_OF_THIS_MACHINE = {  # name: (key in the config file, environment variable, default, conversion)
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ca_bundle": (None, None, None, None),
}
"""With a fixed endpoint no profile, file or certificate bundle of the user's may have a say."""


@dataclass(frozen=True)
class AwsConfig:
    """Which AWS, as whom. Without keys boto3's own chain is used; with ``endpoint_url`` nothing else is consulted.

    ``jenkins_parameter`` is the default Jenkins's parameter, ``jenkins_instances`` are those of the others, by name.

    ``ca_file`` and ``proxies`` are for AWS and for Jenkins itself.
    """

    region: str
    jenkins_parameter: str
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)
    session_token: str = field(default="", repr=False)
    endpoint_url: str | None = None
    timeout: float = 5.0
    jenkins_instances: Mapping[str, str] = field(default_factory=dict)
    ca_file: str | None = None
    proxies: Proxies = NO_PROXIES

    @property
    def route(self) -> Route:
        """The way to AWS and to Jenkins."""
        return Route(self.ca_file, self.proxies)


@dataclass(frozen=True)
class JenkinsAccount:
    """What the parameter holds."""

    url: str
    user: str
    token: str = field(repr=False)


def jenkins_logins(config: AwsConfig) -> dict[str, JenkinsLogin]:
    """A login for each Jenkins, by the instance's name."""
    parameters = {**config.jenkins_instances, DEFAULT_INSTANCE: config.jenkins_parameter}
    return {name: JenkinsLogin(replace(config, jenkins_parameter=found)) for name, found in parameters.items()}


class JenkinsLogin:
    """Reads the parameter when first needed and keeps it in memory only. Blocking; safe in threads."""

    def __init__(self, config: AwsConfig) -> None:
        self._config = config
        self.route = config.route
        self._lock = threading.Lock()
        self._account: JenkinsAccount | None = None
        self.generation = 0

    def account(self) -> JenkinsAccount:
        """The account.

        Raises:
            ServiceError: when SSM does not give the parameter.
            ConfigurationError: when its value is not the expected JSON.
        """
        with self._lock:
            if self._account is None:
                self._account = self.parsed(self._read())
            return self._account

    def parameter(self) -> dict[str, Any]:
        """SSM's whole answer about the parameter: its value is a secret."""
        with boto_errors(_SERVICE), logged_call(_SERVICE, "GetParameter") as call, contextlib.closing(self._client()) as client:
            answer: dict[str, Any] = client.get_parameter(Name=self._config.jenkins_parameter, WithDecryption=True)
            call.status = int(answer["ResponseMetadata"]["HTTPStatusCode"])
        return answer

    def forget(self, generation: int) -> None:
        """Read the parameter again at the next call, unless that was done since this generation was used."""
        with self._lock:
            if generation == self.generation:
                self.generation += 1
                self._account = None

    def _read(self) -> str:
        answer = self.parameter()
        try:
            return str(answer["Parameter"]["Value"])
        except (KeyError, TypeError):
            raise ServiceAmbiguous(_SERVICE, "gave an answer without the parameter") from None  # the cause may hold its value

    def _client(self) -> Any:
        config = self._config
        core = botocore.session.Session(session_vars=_NOTHING_OF_THIS_MACHINE if config.endpoint_url else None)
        session = boto3.Session(
            aws_access_key_id=config.access_key_id or None,
            aws_secret_access_key=config.secret_access_key or None,
            aws_session_token=config.session_token or None,
            region_name=config.region,
            botocore_session=core,
        )
        proxy = config.proxies.way_to(config.endpoint_url or f"https://ssm.{config.region}.amazonaws.com")
        options = Config(
            connect_timeout=config.timeout,
            read_timeout=config.timeout,
            retries={"total_max_attempts": 2},
            proxies={"http": proxy, "https": proxy} if proxy else {},  # None would take the environment's
        )
        return session.client("ssm", endpoint_url=config.endpoint_url, verify=config.ca_file or True, config=options)

    def parsed(self, value: str) -> JenkinsAccount:
        try:
            fields = json.loads(value)
            account = JenkinsAccount(str(fields["url"]), str(fields["user"]), str(fields["token"]))
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(
                f"the SSM parameter {self._config.jenkins_parameter} is not JSON with url, user and token",
                'Store it as a SecureString like {"url": ..., "user": ..., "token": ...}.',
            ) from None  # the cause would hold the value
        redactor.learn(account.token)
        redactor.learn(base64.b64encode(f"{account.user}:{account.token}".encode()).decode())
        return account

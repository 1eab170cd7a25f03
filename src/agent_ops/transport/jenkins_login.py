"""Jenkins's URL, user and token, kept in AWS Systems Manager Parameter Store as one SecureString of JSON.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from dataclasses import dataclass, field, replace
from typing import Any

from agent_ops.domain.errors import ConfigurationError, ServiceAmbiguous
from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.transport.aws_session import AwsConfig, aws_client
from agent_ops.transport.calls import logged_call
from agent_ops.transport.redaction import redactor
from agent_ops.transport.vendor_errors import boto_errors

_SERVICE = "AWS SSM"


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
        with boto_errors(_SERVICE), logged_call(_SERVICE, "GetParameter") as call, _open(self._config) as client:
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


def _open(config: AwsConfig) -> contextlib.closing[Any]:
    return contextlib.closing(aws_client(config, "ssm"))

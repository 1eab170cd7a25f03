"""The variables by name, from the process's environment and ./.env, each with its check."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Json, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from agent_ops.domain.errors import SettingsWrong
from agent_ops.policies import EXAMPLE
from agent_ops.settings import checks
from agent_ops.settings.certificate import read_certificate
from agent_ops.settings.checks import matching, one_of, optional, required, secure_url, whole_number
from agent_ops.settings.models import ModelVariables
from agent_ops.settings.shared import ENV_FILE, env_variables, said, text
from agent_ops.settings.studio import StudioEnvironment
from agent_ops.settings.tracing import TraceVariables
from agent_ops.settings.values import DATA_DIR, REQUESTS_PER_MINUTE
from agent_ops.settings.webhooks import WebhookVariables
from agent_ops.transport.github_config import GITHUB_URL
from agent_ops.transport.graph_token import EntraConfig
from agent_ops.transport.routes import is_loopback

_OURS = "AGENT_OPS_"
_NONE = SecretStr("")


def _proxy(value: SecretStr) -> SecretStr:
    if value.get_secret_value():
        checks.proxy_url(value.get_secret_value())
    return value


class Environment(ModelVariables, TraceVariables, WebhookVariables):
    """Everything that can be set by name. An empty variable counts as not set; the environment wins over the file."""

    model_config = SettingsConfigDict(
        extra="ignore", env_ignore_empty=True, validate_default=True, hide_input_in_errors=True, str_strip_whitespace=True
    )

    tenant_id: Annotated[str, text(required("the directory (tenant) id of the app registration", checks.tenant))] = ""
    client_id: Annotated[str, text(required("the application (client) id of the app registration", checks.object_id))] = ""
    agent_ops_client_certificate_password: SecretStr = _NONE
    agent_ops_client_certificate_file: str = ""
    client_secret: SecretStr = _NONE
    agent_ops_authority: Annotated[str, text(secure_url)] = EntraConfig.authority
    agent_ops_graph_url: Annotated[str, text(secure_url)] = EntraConfig.graph_url
    agent_ops_marker_attribute: Annotated[
        str, text(matching(r"extensionAttribute([1-9]|1[0-5])", "extensionAttribute1 to extensionAttribute15"))
    ] = EntraConfig.marker_attribute

    aws_region: Annotated[
        str, text(required("such as eu-central-1", matching(r"[a-z]{2,4}(-[a-z]+)+-\d{1,2}", "a region such as eu-central-1")))
    ] = ""
    jenkins_ssm_parameter: Annotated[
        str,
        text(
            required(
                "the name of the SSM parameter with Jenkins's url, user and token",
                matching(r"[\w.:/-]{1,2048}", "a parameter's name such as /agent-ops/jenkins"),
            )
        ),
    ] = ""
    agent_ops_jenkins_instances: Json[dict[str, str]] | None = None
    aws_access_key_id: str = ""
    aws_secret_access_key: SecretStr = _NONE
    aws_session_token: SecretStr = _NONE
    agent_ops_aws_endpoint_url: Annotated[str, text(optional(secure_url))] = ""

    smtp_host: Annotated[str, text(required("the mail server's name", checks.host))] = ""
    smtp_port: Annotated[str, text(whole_number(1, 65535))] = "587"
    smtp_username: str = ""
    smtp_password: SecretStr = _NONE
    smtp_from: Annotated[str, text(required("the address that our mails come from", checks.sender))] = ""
    agent_ops_smtp_security: Annotated[str, text(one_of("starttls", "tls", "none"))] = "starttls"
    agent_ops_first_contact: Annotated[str, text(required("the address that hears of the account", checks.mailbox))] = ""
    agent_ops_second_contact: Annotated[str, text(required("the address that hears of the access", checks.mailbox))] = ""

    ca_file: Annotated[str, text(optional(checks.authorities))] = ""
    https_proxy: Annotated[SecretStr, AfterValidator(_proxy)] = _NONE
    http_proxy: Annotated[SecretStr, AfterValidator(_proxy)] = _NONE
    no_proxy: str = ""

    log_level: Annotated[str, text(one_of("DEBUG", "INFO", "WARNING", "ERROR"))] = "INFO"
    log_file: Annotated[str, text(checks.writable_file)] = "logs/app.log"
    agent_ops_data_dir: Annotated[str, text(checks.directory)] = str(DATA_DIR)
    agent_ops_audit_head: Annotated[str, text(optional(checks.writable_file))] = ""
    agent_ops_policy_file: Annotated[str, text(required("your entitlement policy (docs/policy.md)", checks.readable_file))] = ""
    agent_ops_guard_dir: Annotated[str, text(optional(checks.present_directory))] = ""
    agent_ops_concurrency: Annotated[str, text(whole_number(1, 10_000))] = "64"
    agent_ops_event_days: Annotated[str, text(whole_number(1, 36_500))] = "365"
    agent_ops_audiences: str = ""
    agent_ops_playground: Annotated[str, text(one_of("true", "false"))] = "false"
    agent_ops_requests_per_minute: Annotated[str, text(whole_number(1, 10**6))] = str(REQUESTS_PER_MINUTE)
    onboarding_stage_delay_seconds: Annotated[str, text(checks.seconds)] = "0"

    app_secret_key: Annotated[SecretStr, AfterValidator(checks.strong)] = _NONE
    github_token: SecretStr = _NONE
    github_base_url: Annotated[str, text(secure_url)] = GITHUB_URL
    jira_base_url: Annotated[str, text(optional(secure_url))] = ""
    jira_username: str = ""
    jira_api_token: SecretStr = _NONE
    confluence_base_url: Annotated[str, text(optional(secure_url))] = ""
    confluence_username: str = ""
    confluence_api_token: SecretStr = _NONE

    @classmethod
    def read(cls, **given: str) -> Environment:
        """The variables as they are now; ``given`` ones, by their names in small letters, win over both.

        Raises:
            SettingsWrong: naming every variable that is missing or wrong.
        """
        known = [name.upper() for name in cls.model_fields]
        problems = [f"{name} in {ENV_FILE} is no setting{_meant(name, known)}" for name in cls.misspelt()]
        try:
            environment = cls(**given)  # type: ignore[arg-type]  # names of fields, checked by pydantic
        except ValidationError as error:
            problems += [_told(one) for one in error.errors(include_input=False, include_url=False)]
        if problems:
            raise SettingsWrong(problems)
        return environment

    @classmethod
    def misspelt(cls) -> list[str]:
        """Names in the file that begin as ours do and are none. In the environment others may use our prefix: Kubernetes does,
        for a service of our name."""
        known = {*cls.model_fields, *StudioEnvironment.model_fields}
        return [name for name in env_variables() if name.upper().startswith(_OURS) and name.lower() not in known]

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The file is read without expanding ``${...}``, which pydantic's own source would do inside secrets."""
        lines = {name.lower(): value for name, value in env_variables().items() if value}
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=lines)

    @field_validator("agent_ops_client_certificate_file")
    @classmethod
    def _certificate(cls, value: str, info: ValidationInfo) -> str:
        if value:
            read_certificate(value, said(info, "agent_ops_client_certificate_password"))
        return value

    @field_validator("client_secret")
    @classmethod
    def _secret(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        certificate_given = info.data.get("agent_ops_client_certificate_file", "wrong")
        if not value.get_secret_value() and not certificate_given:
            raise ValueError("is missing: a client secret of the app registration, or AGENT_OPS_CLIENT_CERTIFICATE_FILE instead")
        return value

    @field_validator("aws_secret_access_key")
    @classmethod
    def _key_pair(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if bool(value.get_secret_value()) != bool(said(info, "aws_access_key_id")):
            raise ValueError("and AWS_ACCESS_KEY_ID belong together: set both, or neither for boto3's own chain")
        return value

    @field_validator("aws_session_token")
    @classmethod
    def _session(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if value.get_secret_value() and not said(info, "aws_access_key_id"):
            raise ValueError("belongs to an AWS_ACCESS_KEY_ID: set it, or leave the token out")
        return value

    @field_validator("smtp_password")
    @classmethod
    def _login(cls, value: SecretStr, info: ValidationInfo) -> SecretStr:
        if bool(value.get_secret_value()) != bool(said(info, "smtp_username")):
            raise ValueError("and SMTP_USERNAME belong together: set both, or neither for a server without a login")
        return value

    @field_validator("agent_ops_smtp_security")
    @classmethod
    def _cleartext(cls, value: str, info: ValidationInfo) -> str:
        if value == "none" and not is_loopback(said(info, "smtp_host")):
            raise ValueError("can be 'none' for a server on loopback only: use starttls or tls")
        return value


def _meant(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name.upper(), known, n=1)
    return f": {near[0]} is meant?" if near else ": .env.example lists them all"


def _told(error: Any) -> str:
    name = ".".join(map(str, error["loc"])).upper()
    cause = error.get("ctx", {}).get("error")
    return f"{name} {cause if isinstance(cause, ValueError) else 'is wrong: ' + error['msg']}"


class PolicyEnvironment(BaseSettings):
    """Who may have what, from the environment or ./.env; nothing else has to be set."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    agent_ops_policy_file: Path = EXAMPLE
    agent_ops_guard_dir: Path | None = None

    @classmethod
    def policy_file(cls) -> Path:
        """The configured policy, or the example that the sandbox uses."""
        return cls().agent_ops_policy_file

    @classmethod
    def guard_dir(cls) -> Path | None:
        """The configured directory of guard rules; None when only those that ship count."""
        return cls().agent_ops_guard_dir

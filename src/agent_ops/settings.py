"""The only reader of the environment. Builds the frozen configuration objects that the clients define."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import Field, Json, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from agent_ops.domain.errors import ConfigurationError
from agent_ops.domain.notices import Contacts, is_plain_address
from agent_ops.effectors.mail import MailConfig
from agent_ops.ledger.attempt import Patience
from agent_ops.policies import EXAMPLE
from agent_ops.sandbox.addresses import Addresses
from agent_ops.transport.graph_token import EntraConfig
from agent_ops.transport.jenkins_login import AwsConfig

DATA_DIR = Path("agent-ops-data")


@dataclass(frozen=True)
class Settings:
    """Everything that can be set, as values. Times are in seconds.

    Args:
        stage_delay: a pause before each stage of an onboarding.
        lease: how long a run stays a process's own without a sign of life; longer than any single call.
        concurrency: runs that one process drives at a time; the others queue.
        keep_checkpoints: keep finished runs' LangGraph checkpoints (for Studio and study), which are else pruned.
    """

    entra: EntraConfig
    aws: AwsConfig
    mail: MailConfig
    contacts: Contacts
    data_dir: Path = DATA_DIR
    policy_file: Path = EXAMPLE
    log_file: Path | None = None
    log_level: str = "INFO"
    stage_delay: float = 0.0
    lease: float = 120.0
    concurrency: int = 64
    keep_checkpoints: bool = False
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def for_sandbox(
        cls, addresses: Addresses, data_dir: Path, *, policy_file: Path = EXAMPLE, stage_delay: float = 0.0
    ) -> Settings:
        """Settings for a running sandbox, built from nothing else: no environment, no .env, no profile can leak in."""
        return cls(
            entra=EntraConfig(
                tenant_id=addresses.tenant_id,
                client_id=addresses.client_id,
                client_secret=addresses.client_secret,
                authority=addresses.entra_url,
                graph_url=f"{addresses.entra_url}/v1.0",
                ca_file=addresses.ca_file,
            ),
            aws=AwsConfig(
                region=addresses.region,
                jenkins_parameter=addresses.ssm_parameter,
                jenkins_instances=addresses.ssm_instances,
                access_key_id=addresses.access_key_id,
                secret_access_key=addresses.secret_access_key,
                endpoint_url=addresses.aws_url,
            ),
            mail=MailConfig(
                host=addresses.smtp_host,
                port=addresses.smtp_port,
                sender=f"agent-ops@{addresses.domain}",
                username=addresses.smtp_user,
                password=addresses.smtp_password,
                ca_file=addresses.ca_file,
            ),
            contacts=Contacts(f"it-desk@{addresses.domain}", f"team-lead@{addresses.domain}"),
            data_dir=data_dir,
            policy_file=policy_file,
            log_file=data_dir / "agent-ops.log",
            stage_delay=stage_delay,
        )

    @classmethod
    def from_environment(cls, data_dir: Path | None = None) -> Settings:
        """Settings from environment variables and ./.env (the variables win); .env.example says a word on each.

        Raises:
            ConfigurationError: naming every variable that is missing or wrong.
        """
        try:
            return Environment().settings(data_dir)  # pydantic-settings fills the fields
        except ValidationError as error:
            wrong = [f"{'.'.join(map(str, e['loc'])).upper()} ({e['msg'].lower()})" for e in error.errors()]
            raise ConfigurationError(f"settings are missing or wrong: {', '.join(wrong)}") from None


class StudioEnvironment(BaseSettings):
    """What LangGraph Studio reads: process variables only, so that no .env can let it act unnoticed."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    agent_ops_studio: Literal["sandbox"] | None = None
    agent_ops_data_dir: Path = DATA_DIR

    @classmethod
    def sandbox_data_dir(cls) -> Path | None:
        """The data directory whose sandbox Studio may act in; None when it was started without the word for it.

        Raises:
            ConfigurationError: the word is not one that there is.
        """
        try:
            environment = cls()
        except ValidationError:
            raise ConfigurationError("AGENT_OPS_STUDIO can only be 'sandbox'", "Set it to that, or leave it out.") from None
        return environment.agent_ops_data_dir if environment.agent_ops_studio else None


class Environment(BaseSettings):
    """The variables by name. Secrets are kept from logs and representations."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    tenant_id: str = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    agent_ops_authority: str = EntraConfig.authority
    agent_ops_graph_url: str = EntraConfig.graph_url
    agent_ops_marker_attribute: str = EntraConfig.marker_attribute

    aws_region: str = ""
    jenkins_ssm_parameter: str = ""
    agent_ops_jenkins_instances: Json[dict[str, str]] | None = None
    aws_access_key_id: str = ""
    aws_secret_access_key: SecretStr = SecretStr("")
    aws_session_token: SecretStr = SecretStr("")
    agent_ops_aws_endpoint_url: str | None = None

    smtp_host: str = ""
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_from: str = ""
    agent_ops_smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    agent_ops_first_contact: str = ""
    agent_ops_second_contact: str = ""

    @field_validator("agent_ops_first_contact", "agent_ops_second_contact")
    @classmethod
    def _plain_address(cls, value: str) -> str:
        if value and not is_plain_address(value):
            raise ValueError(f"{value!r} is no plain mail address")
        return value

    ca_file: str | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_file: Path = Path("logs/app.log")
    agent_ops_data_dir: Path = DATA_DIR
    agent_ops_policy_file: Path | None = None
    agent_ops_concurrency: int = Field(64, ge=1)
    onboarding_stage_delay_seconds: float = Field(0.0, ge=0)

    def settings(self, data_dir: Path | None = None) -> Settings:
        """Build the configuration objects."""
        self._complain_about_missing()
        return Settings(
            entra=EntraConfig(
                tenant_id=self.tenant_id,
                client_id=self.client_id,
                client_secret=self.client_secret.get_secret_value(),
                authority=self.agent_ops_authority,
                graph_url=self.agent_ops_graph_url,
                ca_file=self.ca_file,
                marker_attribute=self.agent_ops_marker_attribute,
            ),
            aws=AwsConfig(
                region=self.aws_region,
                jenkins_parameter=self.jenkins_ssm_parameter,
                jenkins_instances=self.agent_ops_jenkins_instances or {},
                access_key_id=self.aws_access_key_id,
                secret_access_key=self.aws_secret_access_key.get_secret_value(),
                session_token=self.aws_session_token.get_secret_value(),
                endpoint_url=self.agent_ops_aws_endpoint_url,
            ),
            mail=MailConfig(
                host=self.smtp_host,
                port=self.smtp_port,
                sender=self.smtp_from,
                username=self.smtp_username,
                password=self.smtp_password.get_secret_value(),
                security=self.agent_ops_smtp_security,
                ca_file=self.ca_file,
            ),
            contacts=Contacts(self.agent_ops_first_contact, self.agent_ops_second_contact),
            data_dir=data_dir or self.agent_ops_data_dir,
            policy_file=self._policy_file(),
            log_file=self.log_file,
            log_level=self.log_level,
            stage_delay=self.onboarding_stage_delay_seconds,
            concurrency=self.agent_ops_concurrency,
        )

    def _complain_about_missing(self) -> None:
        needed = (
            *("tenant_id", "client_id", "client_secret", "aws_region", "jenkins_ssm_parameter", "smtp_host", "smtp_from"),
            *("agent_ops_first_contact", "agent_ops_second_contact", "agent_ops_policy_file"),
        )
        missing = [name.upper() for name in needed if not (v := getattr(self, name)) or (v == SecretStr(""))]
        if missing:
            raise ConfigurationError(f"settings are missing: {', '.join(missing)}")

    def _policy_file(self) -> Path:
        if self.agent_ops_policy_file is None:
            raise ConfigurationError("settings are missing: AGENT_OPS_POLICY_FILE")
        return self.agent_ops_policy_file

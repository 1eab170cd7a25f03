"""Everything that can be set, however it was come by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from agent_ops.domain.notices import Contacts
from agent_ops.effectors.mail import MailConfig
from agent_ops.ledger.attempt import Patience
from agent_ops.policies import EXAMPLE
from agent_ops.readers.confluence import ConfluenceConfig
from agent_ops.readers.jira import JiraConfig
from agent_ops.sandbox.addresses import Addresses
from agent_ops.settings.atlassian import Site, confluence_config, jira_config
from agent_ops.settings.certificate import read_certificate
from agent_ops.settings.environment import Environment
from agent_ops.settings.values import DATA_DIR, REQUESTS_PER_MINUTE, Credentials, proxies
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.github_config import GithubConfig
from agent_ops.transport.graph_token import ClientCertificate, EntraConfig
from agent_ops.transport.model_config import ModelConfig
from agent_ops.transport.routes import Proxies
from agent_ops.transport.trace_config import TraceConfig
from agent_ops.transport.webhooks import WebhookConfig


@dataclass(frozen=True)
class Settings:
    """Everything that can be set, as values. Times are in seconds.

    Args:
        guard_dir: a directory of guard rules (*.cedar) beside those that ship.
        stage_delay: a pause before each stage of an onboarding.
        lease: how long a run stays a process's own without a sign of life; longer than any single call.
        concurrency: runs that one process drives at a time; the others queue.
        event_days: for how many days after a run's end its events are kept; ledger, audit and reports stay.
        audit_head: the file, on another volume perhaps, in which the audit's head is kept; None for the data directory.
        keep_checkpoints: keep finished runs' LangGraph checkpoints (for Studio and study), which are else pruned.
        model: the chat model that plans; None lets the runbook plan, and nothing tries to reach a model.
        jira: where approvals are looked up, and what its agent reads; None: nowhere.
        confluence: what its agent reads; None: nothing.
        github: what its agent reads; None: nothing.
        webhooks: who is told of what runs do; None: nobody.
        tracing: where runs are traced, without secrets and without what names people; None: nowhere.
        requests_per_minute: how many requests a worker of the REST service takes of one caller, and of one address
            that brings no good key.
        audiences: for whom Entra ID's access tokens must be, with which callers may come in beside API keys; empty: none may.
        playground: whether LangServe's playground is served, to browsers that bring an API key as a password.
    """

    entra: EntraConfig
    aws: AwsConfig
    mail: MailConfig
    contacts: Contacts
    data_dir: Path = DATA_DIR
    policy_file: Path = EXAMPLE
    guard_dir: Path | None = None
    log_file: Path | None = None
    log_level: str = "INFO"
    stage_delay: float = 0.0
    lease: float = 120.0
    concurrency: int = 64
    event_days: int = 365
    audit_head: Path | None = None
    keep_checkpoints: bool = False
    tracing: TraceConfig | None = None
    requests_per_minute: int = REQUESTS_PER_MINUTE
    audiences: tuple[str, ...] = ()
    playground: bool = False
    model: ModelConfig | None = None
    credentials: Credentials = field(default_factory=Credentials)
    patience: Patience = field(default_factory=Patience)
    jira: JiraConfig | None = None
    confluence: ConfluenceConfig | None = None
    github: GithubConfig | None = None
    webhooks: WebhookConfig | None = None

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
                ca_file=addresses.ca_file,
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
            jira=JiraConfig(addresses.jira_url, addresses.jira_user, addresses.jira_token, addresses.ca_file),
            confluence=ConfluenceConfig(addresses.confluence_url, addresses.jira_user, addresses.jira_token, addresses.ca_file),
            github=GithubConfig(addresses.github_token, addresses.github_url, addresses.ca_file),
        )

    @classmethod
    def from_environment(cls, data_dir: Path | None = None, policy_file: Path | None = None) -> Settings:
        """Settings from environment variables and ./.env (the variables win); .env.example says a word on each.

        Args:
            data_dir: instead of AGENT_OPS_DATA_DIR.
            policy_file: instead of AGENT_OPS_POLICY_FILE.

        Raises:
            SettingsWrong: naming every variable that is missing or wrong.
        """
        given = {"agent_ops_policy_file": str(policy_file)} if policy_file else {}
        return cls.of(Environment.read(**given), data_dir)

    @classmethod
    def of(cls, variables: Environment, data_dir: Path | None = None) -> Settings:
        """Settings from variables that were read; ``data_dir`` instead of the one that they name."""
        way = proxies(variables.https_proxy.get_secret_value(), variables.http_proxy.get_secret_value(), variables.no_proxy)
        jira = Site(variables.jira_base_url, variables.jira_username, variables.jira_api_token.get_secret_value())
        token = variables.confluence_api_token.get_secret_value()
        confluence = Site(variables.confluence_base_url, variables.confluence_username, token)
        return cls(
            entra=EntraConfig(
                tenant_id=variables.tenant_id,
                client_id=variables.client_id,
                client_secret=variables.client_secret.get_secret_value(),
                authority=variables.agent_ops_authority,
                graph_url=variables.agent_ops_graph_url,
                ca_file=variables.ca_file or None,
                marker_attribute=variables.agent_ops_marker_attribute,
                certificate=_certificate(variables),
                proxies=way,
            ),
            aws=AwsConfig(
                region=variables.aws_region,
                jenkins_parameter=variables.jenkins_ssm_parameter,
                jenkins_instances=variables.agent_ops_jenkins_instances or {},
                access_key_id=variables.aws_access_key_id,
                secret_access_key=variables.aws_secret_access_key.get_secret_value(),
                session_token=variables.aws_session_token.get_secret_value(),
                endpoint_url=variables.agent_ops_aws_endpoint_url or None,
                ca_file=variables.ca_file or None,
                proxies=way,
            ),
            mail=MailConfig(
                host=variables.smtp_host,
                port=int(variables.smtp_port),
                sender=variables.smtp_from,
                username=variables.smtp_username,
                password=variables.smtp_password.get_secret_value(),
                security=variables.agent_ops_smtp_security,
                ca_file=variables.ca_file or None,
            ),
            contacts=Contacts(variables.agent_ops_first_contact, variables.agent_ops_second_contact),
            data_dir=data_dir or Path(variables.agent_ops_data_dir),
            policy_file=Path(variables.agent_ops_policy_file),
            guard_dir=Path(variables.agent_ops_guard_dir) if variables.agent_ops_guard_dir else None,
            log_file=Path(variables.log_file),
            log_level=variables.log_level,
            stage_delay=float(variables.onboarding_stage_delay_seconds),
            concurrency=int(variables.agent_ops_concurrency),
            event_days=int(variables.agent_ops_event_days),
            audit_head=Path(variables.agent_ops_audit_head) if variables.agent_ops_audit_head else None,
            audiences=tuple(variables.agent_ops_audiences.split()),
            playground=variables.agent_ops_playground == "true",
            requests_per_minute=int(variables.agent_ops_requests_per_minute),
            tracing=variables.trace_config(variables.ca_file, way),
            model=variables.chat_model(variables.ca_file, way),
            jira=jira_config(jira, variables.ca_file or None, way),
            confluence=confluence_config(confluence, jira, variables.ca_file or None, way),
            github=_github(variables, way),
            webhooks=variables.webhook_config(variables.ca_file, way),
            credentials=Credentials(**{name: getattr(variables, name) for name in Credentials.__dataclass_fields__}),
        )

    def secrets(self) -> Iterator[str]:
        """Every secret that is set: what logs must never show."""
        certificate, proxies = self.entra.certificate, self.entra.proxies
        yield from (self.entra.client_secret, self.aws.secret_access_key, self.aws.session_token, self.mail.password)
        yield from (site.token for site in (self.jira, self.confluence, self.github) if site)
        if certificate:
            yield from (certificate.private_key, certificate.password)
        yield from (_password_in(url) for url in (proxies.https, proxies.http, self.aws.proxies.https, self.aws.proxies.http))
        yield self.model.api_key.get_secret_value() if self.model else ""  # however the settings were made
        if self.tracing:
            yield from self.tracing.secrets()
        yield from (secret for one in (self.webhooks.receivers if self.webhooks else ()) for secret in one.secrets)
        yield from (value.get_secret_value() for value in vars(self.credentials).values() if isinstance(value, SecretStr))


def _certificate(variables: Environment) -> ClientCertificate | None:
    """The certificate that stands instead of a secret, when there is a file."""
    file, password = variables.agent_ops_client_certificate_file, variables.agent_ops_client_certificate_password
    return read_certificate(file, password.get_secret_value()) if file else None


def _github(variables: Environment, way: Proxies) -> GithubConfig | None:
    """GitHub, when there is a token."""
    token = variables.github_token.get_secret_value()
    return GithubConfig(token, variables.github_base_url, variables.ca_file or None, way) if token else None


def _password_in(url: str) -> str:
    return url.rpartition("@")[0].rpartition(":")[2] if "@" in url else ""

"""What stands in the sandbox before the first call: tenant, domain, people, groups, pipelines, credentials."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Any

from agent_ops.domain.policy import DEFAULT_INSTANCE


@dataclass(frozen=True)
class GroupSeed:
    """An Entra group.

    ``id`` is its object id, a UUID; ``licence`` the skuPartNumber of what its members get. With ``mail`` it is a Microsoft 365
    group, else a security group; ``roles`` (role names) makes it one that roles are assigned to.
    """

    id: str
    name: str
    licence: str = ""
    mail: str = ""
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class LicenceSeed:
    """A subscription. ``sku`` is its skuPartNumber, ``prohibited`` the countries (ISO 3166-1 alpha-2) that may not use it."""

    sku: str
    seats: int
    prohibited: tuple[str, ...] = ()


@dataclass(frozen=True)
class UserSeed:
    """A person who is in the directory before anybody is onboarded.

    ``attributes`` are any of Graph's, read-only ones too: ``userType`` Guest, ``accountEnabled``, ``onPremisesSyncEnabled``, ...
    ``deleted`` puts the person among the deleted users; ``roles`` are names of administrator roles.
    """

    user_principal_name: str
    display_name: str
    attributes: dict[str, Any] = field(default_factory=dict)
    deleted: bool = False
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class ContactSeed:
    """An organizational contact: somebody outside whom the address book lists."""

    display_name: str
    mail: str
    proxy_addresses: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobSeed:
    """A Jenkins job. ``path`` is its full folder path ('provisioning/aws'); only declared ``parameters`` are kept.

    A build takes ``seconds`` on an executor; executors are not scarce.
    """

    path: str
    parameters: tuple[str, ...]
    seconds: float = 0.0
    instance: str = DEFAULT_INSTANCE


@dataclass(frozen=True)
class OutcomeSeed:
    """What a successful build of a job leaves elsewhere, for the person that the build's ``parameter`` names.

    ``kind`` and ``target`` are the policy's words for how it can be seen: ``aws_tag`` leaves a bucket with the tag ``target``.
    """

    kind: str
    job: str
    parameter: str
    target: str


@dataclass(frozen=True)
class ProjectSeed:
    """A Jira project: its key, in capitals, its name, and how many issues it begins with."""

    key: str
    name: str
    issues: int = 0


@dataclass(frozen=True)
class SpaceSeed:
    """A Confluence space: its key, in capitals, its name, and how many pages it begins with."""

    key: str
    name: str
    pages: int = 0


@dataclass(frozen=True)
class Credentials:
    """The secrets that the twins accept; made at random for each sandbox."""

    client_secret: str
    jenkins_token: str
    smtp_password: str
    control_token: str
    jira_token: str = ""
    github_token: str = ""


@dataclass(frozen=True)
class World:
    """The whole starting state. Built from an entitlement policy, so that every catalogue item has its pipeline or group.

    A licence takes effect ``licence_seconds`` after its owner joined the group, a mailbox ``mailbox_seconds`` later.
    ``country`` is where the tenant itself is: users without a usage location are taken to be there. ``client_certificate`` (PEM)
    is the public certificate with which the application may sign in instead of by its secret.
    """

    credentials: Credentials
    domain: str
    users: tuple[UserSeed, ...] = ()
    groups: tuple[GroupSeed, ...] = ()
    contacts: tuple[ContactSeed, ...] = ()
    jobs: tuple[JobSeed, ...] = ()
    projects: tuple[ProjectSeed, ...] = ()
    spaces: tuple[SpaceSeed, ...] = ()
    outcomes: tuple[OutcomeSeed, ...] = ()
    licences: tuple[LicenceSeed, ...] = (LicenceSeed("SPE_E3", 1000),)
    licence_seconds: float = 0.2
    mailbox_seconds: float = 0.2
    country: str = "DE"
    client_certificate: str = ""
    tenant_id: str = "5f0c6f0e-7d64-4bb0-9a51-2a4f4d1f0a11"
    client_id: str = "0f5a3c1e-93c4-4d1c-8b0f-6f4f8f2a7b22"
    jenkins_user: str = "svc-agent-ops"
    smtp_user: str = "agent-ops"
    jira_user: str = "svc-agent-ops@acme.example"
    region: str = "eu-central-1"
    ssm_parameter: str = "/agent-ops/jenkins"

    def outcomes_of(self, kind: str) -> tuple[OutcomeSeed, ...]:
        """Those of one kind."""
        return tuple(seed for seed in self.outcomes if seed.kind == kind)

    @property
    def instances(self) -> tuple[str, ...]:
        """The Jenkins controllers there are, the default one first."""
        return tuple(dict.fromkeys((DEFAULT_INSTANCE, *(job.instance for job in self.jobs))))

    def jenkins_token(self, instance: str) -> str:
        """Each controller has a token of its own, so that a mistaken login is found out."""
        token = self.credentials.jenkins_token
        if instance == DEFAULT_INSTANCE:
            return token
        return hmac.new(token.encode(), instance.encode(), hashlib.sha256).hexdigest()[:34]

    def jenkins_parameter(self, instance: str) -> str:
        """The name of the SSM parameter that has the controller's URL, user and token."""
        return self.ssm_parameter if instance == DEFAULT_INSTANCE else f"{self.ssm_parameter}-{instance}"

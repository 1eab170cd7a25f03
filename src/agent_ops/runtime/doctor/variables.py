"""Every setting by its variable: a word on it, whether it must be there, and how it must look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from agent_ops.policies import EXAMPLE
from agent_ops.runtime.doctor import shapes


@dataclass(frozen=True)
class Variable:
    """One setting.

    Args:
        words: what it is and where it is found; completes 'Set NAME: ...'.
        required: onboarding cannot work without it.
        companion: it must be set when this one is.
        instead: another one that makes this one needless.
        stand_in: fills the gap while the other settings are examined; nothing is done with it.
    """

    name: str
    words: str
    required: bool = False
    secret: bool = False
    companion: str = ""
    instead: str = ""
    shape: Callable[[str], str] = shapes.anything
    stand_in: str = "unset"

    @property
    def remedy(self) -> str:
        return f"Set {self.name}: {self.words}."


@dataclass(frozen=True)
class Section:
    """Settings that are asked for, and tested, together. ``checks`` are the titles of the checks that test them."""

    title: str
    variables: tuple[Variable, ...]
    checks: tuple[str, ...] = ()
    optional: bool = False


_ANY = "unset@unset.invalid"
ENTRA = Section(
    "Microsoft Entra ID",
    (
        Variable(
            "TENANT_ID",
            "the directory (tenant) id of the app registration's overview page",
            True,
            shape=shapes.one_word,
            stand_in="unset.invalid",
        ),
        Variable(
            "CLIENT_ID", "the application (client) id of the same page", True, shape=shapes.one_word, stand_in=str(UUID(int=0))
        ),
        Variable(
            "CLIENT_SECRET",
            "the value of a client secret (not its id), shown once when it is made",
            True,
            secret=True,
            instead="AGENT_OPS_CLIENT_CERTIFICATE_FILE",
        ),
    ),
    ("token", "Graph", "permissions", "credential"),
)
AWS = Section(
    "AWS: where the Jenkins account is kept",
    (
        Variable(
            "AWS_REGION", "the region of the parameter, such as eu-central-1", True, shape=shapes.aws_region, stand_in="un-set-0"
        ),
        Variable("JENKINS_SSM_PARAMETER", "the name of the SecureString with Jenkins's url, user and token", True),
        Variable(
            "AWS_ACCESS_KEY_ID", "the access key's id; leave both empty for boto3's own chain", companion="AWS_SECRET_ACCESS_KEY"
        ),
        Variable("AWS_SECRET_ACCESS_KEY", "the access key's secret", secret=True, companion="AWS_ACCESS_KEY_ID"),
        Variable("AWS_SESSION_TOKEN", "the token of temporary credentials; permanent ones have none", secret=True),
    ),
    ("parameter", "controller"),
)
MAIL = Section(
    "Mail",
    (
        Variable("SMTP_HOST", "the mail server's name", True, shape=shapes.one_word, stand_in="localhost"),
        Variable("SMTP_PORT", "the mail server's port: 587 for starttls, 465 for tls"),
        Variable("AGENT_OPS_SMTP_SECURITY", "starttls, tls (from the first byte) or none (loopback only)"),
        Variable("SMTP_USERNAME", "who logs in at the mail server; empty: nobody", companion="SMTP_PASSWORD"),
        Variable("SMTP_PASSWORD", "the password for it", secret=True, companion="SMTP_USERNAME"),
        Variable("SMTP_FROM", "the sender's address", True, shape=shapes.sender, stand_in=_ANY),
        Variable("AGENT_OPS_FIRST_CONTACT", "who hears of each new account", True, shape=shapes.mail_address, stand_in=_ANY),
        Variable("AGENT_OPS_SECOND_CONTACT", "who hears of the access given", True, shape=shapes.mail_address, stand_in=_ANY),
    ),
    ("mail server",),
)
POLICY = Section(
    "Who gets what",
    (Variable("AGENT_OPS_POLICY_FILE", "the entitlement policy (docs/policy.md)", True, stand_in=str(EXAMPLE)),),
    ("policy", "domain", "groups", "licences", "pipelines"),
)
PLACES = Section(
    "Places",
    (
        Variable("AGENT_OPS_DATA_DIR", "a directory for database and keys", shape=shapes.writable_directory),
        Variable("LOG_FILE", "the log file", shape=shapes.writable_file),
    ),
    ("data directory",),
    optional=True,
)
REST = Section(
    "Only where it differs from the usual",
    (
        Variable("CA_FILE", "a PEM file with the certificate authority that your services use", shape=shapes.certificates),
        Variable("AGENT_OPS_AUTHORITY", "Entra's login host", shape=shapes.https_url),
        Variable("AGENT_OPS_GRAPH_URL", "Graph's root", shape=shapes.https_url),
        Variable("AGENT_OPS_AWS_ENDPOINT_URL", "another AWS endpoint; empty for AWS itself", shape=shapes.web_url),
        Variable("AGENT_OPS_GUARD_DIR", "a directory of Cedar rules beside those that ship (docs/guard.md)"),
        Variable("AGENT_OPS_JENKINS_INSTANCES", "further Jenkins controllers: JSON of a name and its parameter's name each"),
        Variable("AGENT_OPS_MARKER_ATTRIBUTE", "the attribute that bears our marker", shape=shapes.extension_attribute),
    ),
    optional=True,
)
CERTIFICATE = Section(
    "A certificate instead of the client secret",
    (
        Variable("AGENT_OPS_CLIENT_CERTIFICATE_FILE", "a PEM file with private key and certificate, instead of CLIENT_SECRET"),
        Variable("AGENT_OPS_CLIENT_CERTIFICATE_PASSWORD", "the password of an encrypted private key", secret=True),
    ),
    optional=True,
)
"""Known to the doctor, and not asked for: who has a certificate writes its file into .env."""
SECTIONS = (ENTRA, AWS, MAIL, POLICY, PLACES)
VARIABLES = {variable.name: variable for section in (*SECTIONS, REST, CERTIFICATE) for variable in section.variables}

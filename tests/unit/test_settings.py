"""Settings: each variable that is missing or wrong gets one exact line, and no secret is ever shown."""

from __future__ import annotations

import pprint
import stat
from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from dotenv import dotenv_values

from agent_ops import Settings
from agent_ops.domain.errors import ConfigurationError, SettingsWrong
from agent_ops.settings import Environment, write_env_file
from agent_ops.transport.jenkins_login import JenkinsAccount

GOOD = {
    "TENANT_ID": "5f0c6f0e-7d64-4bb0-9a51-2a4f4d1f0a11",
    "CLIENT_ID": "0f5a3c1e-93c4-4d1c-8b0f-6f4f8f2a7b22",
    "CLIENT_SECRET": "canary-client-secret",
    "AWS_REGION": "eu-central-1",
    "JENKINS_SSM_PARAMETER": "/agent-ops/jenkins",
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "canary-aws-key",
    "AWS_SESSION_TOKEN": "canary-session-token",
    "SMTP_HOST": "mail.acme.example",
    "SMTP_USERNAME": "agent-ops",
    "SMTP_PASSWORD": "canary-smtp-password",
    "SMTP_FROM": "Agent Ops <agent-ops@acme.example>",
    "AGENT_OPS_FIRST_CONTACT": "it-desk@acme.example",
    "AGENT_OPS_SECOND_CONTACT": "team-lead@acme.example",
    "AGENT_OPS_POLICY_FILE": "policy.toml",
    "HTTPS_PROXY": "http://user:canary-proxy-password@proxy.acme.example:3128",
    "HTTP_PROXY": "http://user:canary-proxy-password@proxy.acme.example:3128",
    "NO_PROXY": "jenkins.acme.example, 10.0.0.0/8",
    "APP_SECRET_KEY": "canary-0123456789-abcdefghijklmnopqrstuvwxyz",
    "OPENAI_API_KEY": "canary-openai",
    "CURSOR_API_KEY": "canary-cursor",
    "GITHUB_TOKEN": "canary-github",
    "JIRA_BASE_URL": "https://acme.atlassian.example",
    "JIRA_USERNAME": "agent-ops@acme.example",
    "JIRA_API_TOKEN": "canary-jira",
    "CONFLUENCE_BASE_URL": "https://wiki.acme.example",
    "CONFLUENCE_USERNAME": "wiki@acme.example",
    "CONFLUENCE_API_TOKEN": "canary-confluence",
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of the test's own, and none of this machine's variables."""
    monkeypatch.chdir(tmp_path)
    for name in Environment.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "policy.toml").write_text("", encoding="utf-8")
    return tmp_path


def write(values: dict[str, str]) -> None:
    Path(".env").unlink(missing_ok=True)
    write_env_file(Path(".env"), values, "a test's")


def problems(**changed: str | None) -> tuple[str, ...]:
    write({name: value for name, value in {**GOOD, **changed}.items() if value is not None})
    try:
        Settings.from_environment()
    except SettingsWrong as wrong:
        return wrong.problems
    return ()


def pem(key: rsa.RSAPrivateKey, password: str = "") -> str:
    """A private key, and a certificate for it that its test may part from it."""
    lock = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock).decode()


def certificate(key: rsa.RSAPrivateKey, days: int = 30) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "agent-ops")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=90))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_a_whole_file_becomes_settings() -> None:
    write(GOOD)
    settings = Settings.from_environment()
    assert settings.entra.client_secret == "canary-client-secret"
    assert settings.aws.session_token == "canary-session-token"
    assert settings.entra.proxies.exempt == ("jenkins.acme.example", "10.0.0.0/8")
    assert (settings.mail.port, settings.mail.security) == (587, "starttls")
    assert settings.github is not None
    assert (settings.github.token, settings.github.url) == ("canary-github", "https://api.github.com")
    assert str(settings.log_file) == "logs/app.log"
    assert settings.tracing is None
    assert settings.playground is False
    write({**GOOD, "AGENT_OPS_PLAYGROUND": "true"})
    assert Settings.from_environment().playground is True


def test_nothing_that_can_be_printed_shows_a_secret(key: rsa.RSAPrivateKey) -> None:
    Path("client.pem").write_text(pem(key, "canary-pem-password") + certificate(key), encoding="utf-8")
    write(
        {
            **GOOD,
            "AGENT_OPS_CLIENT_CERTIFICATE_FILE": "client.pem",
            "AGENT_OPS_CLIENT_CERTIFICATE_PASSWORD": "canary-pem-password",
        }
    )
    environment = Environment.read()
    settings = Settings.of(environment)
    parts = [getattr(settings, field.name) for field in fields(settings)]
    parts += [getattr(part, field.name) for part in parts if is_dataclass(part) for field in fields(part)]
    objects = [o for o in (environment, settings, *parts, JenkinsAccount("u", "n", "canary-token")) if not isinstance(o, str)]
    shown = "".join(f"{o!r}{o!s}{pprint.pformat(o)}{o:{''}}" for o in objects if o is not None)
    assert "EntraConfig(" in shown
    assert "canary" not in shown
    assert "PRIVATE KEY" not in shown
    secrets = list(settings.secrets())
    assert {value for name, value in GOOD.items() if value.startswith("canary")} <= set(secrets)
    assert {"canary-pem-password", "canary-proxy-password"} <= set(secrets)


@pytest.mark.parametrize(
    "name",
    [
        *("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "AWS_REGION", "JENKINS_SSM_PARAMETER", "SMTP_HOST", "SMTP_FROM"),
        *("AGENT_OPS_FIRST_CONTACT", "AGENT_OPS_SECOND_CONTACT", "AGENT_OPS_POLICY_FILE"),
    ],
)
def test_each_missing_setting_is_one_line(name: str) -> None:
    for nothing in (None, ""):
        (line,) = problems(**{name: nothing})
        assert line.startswith(f"{name} is missing: ")
        assert len(line) < 140


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TENANT_ID", "common", "must be a tenant id (UUID) or one of the tenant's domains, not 'common'"),
        ("CLIENT_ID", "agent-ops", "must be a UUID such as"),
        ("AGENT_OPS_AUTHORITY", "http://login.acme.example", "must be an https URL (http is for loopback only)"),
        ("AGENT_OPS_GRAPH_URL", "https://user:canary@graph.example", "must be a plain URL"),
        ("AGENT_OPS_GRAPH_URL", "graph.example/v1.0", "is no URL"),
        ("AGENT_OPS_GRAPH_URL", "https://graph.example:99999", "is no URL"),
        ("AGENT_OPS_AWS_ENDPOINT_URL", "ftp://127.0.0.1", "must be an https URL"),
        ("AGENT_OPS_MARKER_ATTRIBUTE", "extensionAttribute16", "must be extensionAttribute1 to extensionAttribute15"),
        ("AWS_REGION", "Frankfurt", "must be a region such as eu-central-1, not 'Frankfurt'"),
        ("JENKINS_SSM_PARAMETER", "my parameter", "must be a parameter's name"),
        ("SMTP_HOST", "smtps://mail.acme.example", "must be a host name or address, without scheme and port"),
        ("SMTP_HOST", "mail.acme.example:587", "without scheme and port"),
        ("SMTP_PORT", "0", "must be a whole number from 1 to 65535, not '0'"),
        ("SMTP_PORT", "65536", "must be a whole number from 1 to 65535"),
        ("SMTP_PORT", "٥٨٧", "must be a whole number from 1 to 65535"),
        ("SMTP_FROM", "agent-ops", "must be one e-mail address"),
        ("AGENT_OPS_FIRST_CONTACT", "it-desk", "must be one e-mail address such as"),
        ("AGENT_OPS_SECOND_CONTACT", "a@acme.example, b@acme.example", "must be one e-mail address"),
        ("AGENT_OPS_SMTP_SECURITY", "ssl", "must be one of starttls, tls, none, not 'ssl'"),
        ("AGENT_OPS_SMTP_SECURITY", "none", "can be 'none' for a server on loopback only"),
        ("LOG_LEVEL", "LOUD", "must be one of DEBUG, INFO, WARNING, ERROR, not 'LOUD'"),
        ("LOG_FILE", ".", "names '.', which is a directory"),
        ("CA_FILE", "absent.pem", "names 'absent.pem', which cannot be read: No such file or directory"),
        ("CA_FILE", "policy.toml", "holds no certificate in PEM form"),
        ("AGENT_OPS_POLICY_FILE", "absent.toml", "which cannot be read: No such file or directory"),
        ("AGENT_OPS_POLICY_FILE", ".", "which cannot be read: Is a directory"),
        ("AGENT_OPS_DATA_DIR", "policy.toml", "which is no directory"),
        ("AGENT_OPS_CONCURRENCY", "many", "must be a whole number from 1 to 10000"),
        ("AGENT_OPS_TRACING", "yes", "must be one of true, false"),
        ("AGENT_OPS_PLAYGROUND", "on", "must be one of true, false"),
        ("ONBOARDING_STAGE_DELAY_SECONDS", "-1", "must be a number of seconds from 0 to 86400, not '-1'"),
        ("HTTPS_PROXY", "socks5://canary@proxy.acme.example", "must be the http or https URL of a proxy"),
        ("HTTP_PROXY", "proxy.acme.example", "is no URL"),
        ("AWS_SECRET_ACCESS_KEY", "", "and AWS_ACCESS_KEY_ID belong together"),
        ("SMTP_PASSWORD", "", "and SMTP_USERNAME belong together"),
        ("JIRA_BASE_URL", "http://jira.acme.example", "must be an https URL"),
        ("APP_SECRET_KEY", "canary-too-short", "is too weak: use at least 32 random characters"),
        ("APP_SECRET_KEY", "canary" * 8, "is too weak"),
    ],
)
def test_each_wrong_setting_is_one_line_without_its_secret(name: str, value: str, words: str) -> None:
    (line,) = problems(**{name: value})
    assert line.startswith(f"{name} ")
    assert words in line
    assert "canary" not in line
    assert "\n" not in line


def test_keys_for_aws_may_be_left_to_boto() -> None:
    nothing = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"))
    assert problems(**nothing) == ()
    (line,) = problems(**{**nothing, "AWS_SESSION_TOKEN": "canary"})
    assert line.startswith("AWS_SESSION_TOKEN belongs to an AWS_ACCESS_KEY_ID")


def test_all_that_is_wrong_is_told_at_once_and_advice_once() -> None:
    write({**GOOD, "TENANT_ID": "", "SMTP_PORT": "x", "CLIENT_SECRET": ""})
    with pytest.raises(SettingsWrong) as told:
        Settings.from_environment()
    assert [line.split()[0] for line in told.value.problems] == ["TENANT_ID", "CLIENT_SECRET", "SMTP_PORT"]
    lines = str(told.value).splitlines()
    assert lines[0] == "3 settings are missing or wrong:"
    assert lines[-1].startswith("Set each in the environment or in .env")
    assert isinstance(told.value, ConfigurationError)


def test_a_misspelt_name_in_the_file_is_told_and_others_variables_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems(AGENT_OPS_SMTP_SECURTY="tls") == (
        "AGENT_OPS_SMTP_SECURTY in .env is no setting: AGENT_OPS_SMTP_SECURITY is meant?",
    )
    assert problems(SOMETHING_ELSE="1", AGENT_OPS_STUDIO="sandbox") == ()
    monkeypatch.setenv("AGENT_OPS_SERVICE_HOST", "10.0.0.1")  # Kubernetes sets it for a service of our name
    assert problems() == ()


def test_the_environment_wins_over_the_file_and_an_empty_variable_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    write(GOOD)
    monkeypatch.setenv("SMTP_HOST", "other.acme.example")
    monkeypatch.setenv("TENANT_ID", "")
    settings = Settings.from_environment()
    assert settings.mail.host == "other.acme.example"
    assert settings.entra.tenant_id == GOOD["TENANT_ID"]


@pytest.mark.parametrize("secret", ["${HOME}-and-$HOME", "with 'single' and \"double\"", "back\\slash\\n#hash # more"])
def test_a_secret_is_read_back_as_it_was_written(secret: str) -> None:
    write({**GOOD, "CLIENT_SECRET": secret})
    assert Settings.from_environment().entra.client_secret == secret
    assert dotenv_values(".env", interpolate=False)["CLIENT_SECRET"] == secret


def test_an_environment_file_is_private_and_takes_no_other_files_place() -> None:
    write(GOOD)
    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600
    write_env_file(Path(".env"), {"A": "1"}, "a test's")
    assert Path(".env").read_text(encoding="utf-8") == "# a test's\nA=1\n"
    with pytest.raises(ConfigurationError, match="was not written here"):
        write_env_file(Path(".env"), {"A": "1"}, "another's")
    with pytest.raises(ConfigurationError, match="A has a line break"):
        write_env_file(Path("other.env"), {"A": "1\nB=2"}, "a test's")


def test_a_policy_that_the_command_names_is_needed_in_no_variable() -> None:
    write({**GOOD, "AGENT_OPS_POLICY_FILE": ""})
    assert Settings.from_environment(policy_file=Path("policy.toml")).policy_file == Path("policy.toml")


def test_a_certificate_takes_the_secrets_place(key: rsa.RSAPrivateKey) -> None:
    Path("client.pem").write_text(certificate(key) + pem(key), encoding="utf-8")
    write({**GOOD, "CLIENT_SECRET": "", "AGENT_OPS_CLIENT_CERTIFICATE_FILE": "client.pem"})
    credential = Settings.from_environment().entra.credential
    assert isinstance(credential, dict)
    assert set(credential) == {"private_key", "public_certificate"}
    both = replace(Settings.from_environment().entra, client_secret="a-secret")
    assert both.credential == credential


def test_a_certificate_that_cannot_serve_is_told_why(key: rsa.RSAPrivateKey) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    cases = {
        "holds no private key in PEM form": certificate(key),
        "holds no certificate in PEM form": pem(key),
        "does not belong to its first certificate": pem(key) + certificate(other),
        "whose certificate ended on": pem(key) + certificate(key, days=-1),
        "whose key is encrypted: set AGENT_OPS_CLIENT_CERTIFICATE_PASSWORD": pem(key, "canary") + certificate(key),
        "whose key cannot be opened: it is damaged": pem(key).replace("M", "N", 20) + certificate(key),
        "whose certificate is damaged": pem(key) + certificate(key).replace("M", "N", 20),
    }
    for words, content in cases.items():
        Path("client.pem").write_text(content, encoding="utf-8")
        (line,) = problems(CLIENT_SECRET=None, AGENT_OPS_CLIENT_CERTIFICATE_FILE="client.pem")
        assert line.startswith("AGENT_OPS_CLIENT_CERTIFICATE_FILE names 'client.pem'"), line
        assert words in line
    Path("client.pem").write_text(pem(key, "canary-right") + certificate(key), encoding="utf-8")
    locked = {"AGENT_OPS_CLIENT_CERTIFICATE_FILE": "client.pem", "AGENT_OPS_CLIENT_CERTIFICATE_PASSWORD": "canary-wrong"}
    (line,) = problems(**locked)
    assert "AGENT_OPS_CLIENT_CERTIFICATE_PASSWORD is wrong" in line
    assert "canary" not in line
    assert problems(**{**locked, "AGENT_OPS_CLIENT_CERTIFICATE_PASSWORD": "canary-right"}) == ()

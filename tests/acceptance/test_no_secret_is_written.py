"""Canaries: secrets are planted everywhere, services echo them in their refusals, then every byte written is searched."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote_plus

import pytest

from agent_ops import Sandbox
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.settings import twins_environment, write_env_file
from tests.acceptance.test_command_line import agent_ops
from tests.unit.test_settings import certificate, pem

pytestmark = pytest.mark.slow
PLANTED = {
    "APP_SECRET_KEY": "canary-app-secret-key-0123456789abcdefgh",
    "OPENAI_API_KEY": "canary-openai-api-key",
    "GITHUB_TOKEN": "canary-github-token",
    "HTTPS_PROXY": "http://agent-ops:canary-proxy-password@proxy.invalid:3128",  # twins are on loopback: never used
}
SESSION = {"AWS_SESSION_TOKEN": "canary-session-token/with+odd=signs"}
"""Only where the AWS twin is told to fail: it takes no token from permanent keys."""
SHAPES = (
    re.compile(rb"aA1!\w{8}"),
    re.compile(rb"eyJ[\w-]{10,}\.[\w-]{10,}"),
    re.compile(rb"PRIVATE KEY"),
    re.compile(rb"canary-"),
)
"""An initial password, a token, a key, whatever is planted."""
OWN = ("sandbox.json", "credentials.json", "lock", "client.pem")
"""Where the twins keep the secrets that they check."""


class Place:
    """A directory with a .env full of canaries, and the commands that ran in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.box = Sandbox(path / "twins").start()
        self.said: list[str] = []
        addresses = self.box.addresses
        credentials = json.loads((self.box.directory / "credentials.json").read_text(encoding="utf-8"))
        self.secrets = [*PLANTED.values(), *SESSION.values(), *credentials.values(), addresses.secret_access_key]
        self.write(PLANTED)

    def write(self, more: dict[str, str]) -> None:
        write_env_file(self.path / ".env", {**twins_environment(self.box.addresses, self.box.policy_file), **more}, "a test's")

    def onboard(self, name: str, *faults: Fault) -> subprocess.CompletedProcess[str]:
        """One hire while the twins show these faults, at the most talkative level."""
        for fault in faults:
            asyncio.run(self.box.fault(fault))
        arguments = ("onboard", name, "--team", "Engineering", "--level", "L2", "--external-id", name)
        done = agent_ops(*arguments, cwd=self.path, timeout=100, LOG_LEVEL="DEBUG")
        asyncio.run(self.box.clear_faults())
        self.said += [done.stdout, done.stderr]
        return done

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Everything that was written or said, but for the settings and the twins' own secrets."""
        for path in self.path.rglob("*"):
            if path.is_file() and path.name not in (".env", "client.pem", *OWN) and path.parent.name != "tls":
                yield path.relative_to(self.path).as_posix(), path.read_bytes()
        yield from (("the screen", words.encode()) for words in self.said)

    def leaks(self) -> list[str]:
        """Where a secret was found, in any form that it can be written in."""
        forms = {form for secret in self.secrets for form in _forms(secret)}
        found = []
        for where, content in self.written():
            found += [f"{where}: {form.decode()[:12]}..." for form in forms if form in content]
            found += [f"{where}: {hit[0][:20]!r}" for shape in SHAPES if (hit := shape.search(content))]
        return found


def _forms(secret: str) -> set[bytes]:
    raw = secret.encode()
    return {raw, base64.b64encode(raw), quote_plus(secret).encode(), json.dumps(secret)[1:-1].encode()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(tmp_path_factory.mktemp("canaries"))
    yield found
    found.box.stop()


def refusal(twin: str, method: str, path: str, status: int = 400) -> Fault:
    return Fault(twin, FaultKind.STATUS, method=method, path=path, status=status, echo=True)


def test_a_hire_that_goes_well_leaves_no_secret(place: Place) -> None:
    assert place.onboard("Goes Well").returncode == 0, place.said
    assert place.leaks() == []
    names = {where for where, _ in place.written()}
    assert {"logs/app.log", "agent-ops-data/operations.db", "agent-ops-data/checkpoints.db", "the screen"} <= names
    assert any(name.endswith(".eml") for name in names)


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("Graph Echoes", [refusal("entra", "POST", "/v1.0/users")]),
        ("Jenkins Echoes", [refusal("jenkins", "POST", "/job/.*")]),
        ("Mail Echoes", [refusal("mail", "DATA", ".*", 554)]),
        ("Login Echoes", [refusal("entra", "POST", "/.*/oauth2/v2.0/token")]),
        ("Aws Echoes", [refusal("aws", "POST", ".*")]),
    ],
)
def test_a_service_that_echoes_secrets_writes_none(place: Place, name: str, faults: list[Fault]) -> None:
    place.write({**PLANTED, **(SESSION if name == "Aws Echoes" else {})})
    done = place.onboard(name, *faults)
    place.write(PLANTED)
    # mail holds no run; a login host that answers what no login host answers is waited for, as a gateway's words
    assert done.returncode == {"Mail Echoes": 0, "Login Echoes": 4}.get(name, 1), done.stderr
    told = "rejected as spam" if name == "Mail Echoes" else "told to fail"
    assert any(told.encode() in content for where, content in place.written() if where.endswith("operations.db-wal")) or any(
        told.encode() in content for where, content in place.written() if where.endswith("operations.db")
    ), "the refusal itself is to be told"
    assert place.leaks() == []


def test_a_console_that_shows_the_token_shows_it_no_further(place: Place) -> None:
    token = json.loads((place.box.directory / "credentials.json").read_text(encoding="utf-8"))["jenkins_token"]
    console = ("+ curl -u svc-agent-ops:" + token, f"Authorization: Bearer {token}", "the console's own words")
    match = {"USER_EMAIL": "console.echoes@acme.example"}
    asyncio.run(place.box.pipeline_outcome("provisioning/aws", match=match, result="FAILURE", console=console))
    assert place.onboard("Console Echoes").returncode == 1
    letters = [content for where, content in place.written() if where.endswith(".eml")]
    assert any(b"the console's own words" in letter for letter in letters)
    assert [leak for leak in place.leaks() if not leak.startswith("twins/sandbox/records.db")] == []


def test_a_certificates_key_is_never_written(place: Place) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    (place.path / "client.pem").write_text(pem(key, "canary-pem-password") + certificate(key), encoding="utf-8")
    locked = {"AGENT_OPS_CLIENT_CERTIFICATE_FILE": "client.pem", "AGENT_OPS_CLIENT_CERTIFICATE_PASSWORD": "canary-pem-password"}
    place.write({**PLANTED, **locked})
    assert place.onboard("Certified Hire", refusal("entra", "POST", "/.*/oauth2/v2.0/token")).returncode == 4
    assert [leak for leak in place.leaks() if not leak.startswith("twins/sandbox/records.db")] == []

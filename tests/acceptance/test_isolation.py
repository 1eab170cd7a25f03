"""In the sandbox not one connection and not one look-up leaves the loopback, whatever the user's machine is set to."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.observer import leaves, observe
from tests.unit.test_settings import GOOD

pytestmark = pytest.mark.slow
OUTSIDE = "192.0.2.1"  # RFC 5737: for documentation only
LIVE = {
    **{name: value for name, value in GOOD.items() if name != "AGENT_OPS_POLICY_FILE"},
    **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"), ""),
    **dict.fromkeys(("AWS_PROFILE", "AWS_DEFAULT_PROFILE"), "live"),
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": f"http://{OUTSIDE}",
    "AWS_ENDPOINT_URL_SSM": f"http://{OUTSIDE}",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://{OUTSIDE}/credentials",
    "MSAL_FORCE_REGION": "westeurope",
    "JENKINS_API_EXTRA_HEADERS": "X-Live: yes",
    "PYTHONHTTPSVERIFY": "0",
    "LANGSMITH_TRACING": "true",
    "LANGSMITH_API_KEY": "lsv2_pt_live",
    "LANGCHAIN_TRACING_V2": "true",
    "LANGCHAIN_API_KEY": "lsv2_pt_live",
    "AGENT_OPS_TRACING": "true",
    "OPENAI_API_KEY": "sk-live",
    "OPENAI_BASE_URL": f"http://{OUTSIDE}/v1",
}
PROXIES = dict.fromkeys(
    ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"), f"http://{OUTSIDE}:3128"
)
CERTIFICATES = dict.fromkeys(
    ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"), "/nowhere"
)
"""Apart, because a library that finds no certificates may fail before it tries to leave, and then nobody would see it."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A user's directory and home, full of live-looking settings."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(f"[profile live]\nregion = us-east-1\nendpoint_url = http://{OUTSIDE}\n", "utf-8")
    (tmp_path / ".aws" / "credentials").write_text("[live]\naws_access_key_id = x\naws_secret_access_key = x\n", "utf-8")
    (tmp_path / ".netrc").write_text("default login live password live\n", "utf-8")
    (tmp_path / ".env").write_text("".join(f"{name}='{value}'\n" for name, value in LIVE.items()), "utf-8")
    return tmp_path


@pytest.mark.parametrize("more", [{}, PROXIES, CERTIFICATES], ids=["directly", "proxies", "certificates"])
def test_the_demo_leaves_the_loopback_with_nothing(place: Path, more: dict[str, str]) -> None:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(place), "PYTHONUTF8": "1", "COLUMNS": "200", **LIVE, **more}
    seen = observe([sys.executable, "-m", "agent_ops", "demo"], place, env, timeout=80)
    assert seen.leaks[:3] == []
    assert seen.result.returncode == 0, seen.result.stdout + seen.result.stderr
    assert len(seen.calls) > 20, "the twins on the loopback were to be seen"
    assert len({call.split(maxsplit=1)[0] for call in seen.calls}) > 3, "threads and children were to be watched, too"


_LEAKY = f"""
import socket, contextlib
def said(kind, home, there):
    sock = socket.socket(socket.AF_INET6 if ":" in home else socket.AF_INET, kind)
    with contextlib.suppress(OSError):
        sock.bind((home, 0))  # from a loopback address nothing can be routed outside
        sock.sendto(b"?", there) if kind == socket.SOCK_DGRAM else sock.connect(there)
    sock.close()
said(socket.SOCK_STREAM, "127.0.0.1", ("{OUTSIDE}", 443))
said(socket.SOCK_DGRAM, "127.0.0.1", ("{OUTSIDE}", 53))
said(socket.SOCK_DGRAM, "127.0.0.1", ("127.0.0.1", 53))
said(socket.SOCK_STREAM, "127.0.0.1", ("127.0.0.1", 9))
"""


def test_the_observer_sees_what_leaves(tmp_path: Path) -> None:
    seen = observe([sys.executable, "-c", _LEAKY], tmp_path, {"PATH": "/usr/bin:/bin"}, timeout=30)
    assert seen.result.returncode == 0, seen.result.stderr
    assert len([call for call in seen.calls if "AF_INET" in call]) == 4
    assert [(OUTSIDE in call, "htons(53)" in call) for call in seen.leaks] == [(True, False), (True, True), (False, True)]


@pytest.mark.parametrize(
    ("call", "outside"),
    [
        ('7 connect(3, {sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("127.0.0.1")}, 16) = 0', False),
        ('7 connect(3, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "::1", '
         '&sin6_addr), sin6_scope_id=0}, 28 <unfinished ...>', False),
        ('7 connect(3, {sa_family=AF_INET6, sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, '
         '"2001:db8::1", &sin6_addr), sin6_scope_id=0}, 28) = -1 ENETUNREACH', True),
        ('7 connect(3, {sa_family=AF_INET6, sin6_port=htons(80), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, '
         '"::ffff:10.0.0.1", &sin6_addr), sin6_scope_id=0}, 28) = 0', True),
        ('7 sendto(3, "x", 1, 0, {sa_family=AF_INET, sin_port=htons(9), sin_addr=inet_addr("10.0.0.1")}, 16) = 1', True),
        ('7 connect(3, {sa_family=AF_UNIX, sun_path="/run/systemd/resolve/io.systemd.Resolve"}, 42) = 0', True),
        ('7 connect(3, {sa_family=AF_UNIX, sun_path="/tmp/own.sock"}, 110) = 0', False),
        ('7 connect(3, {sa_family=AF_INET, sa_data="..."}, 16) = 0', True),
    ],
)  # fmt: skip
def test_a_call_is_read_right(call: str, outside: bool) -> None:
    assert leaves(call) is outside

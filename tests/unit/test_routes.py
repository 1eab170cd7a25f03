"""Which proxy a URL takes, and what log lines about calls say of it."""

from __future__ import annotations

import pytest

from agent_ops.transport.calls import operation_of
from agent_ops.transport.routes import Proxies

PROXY = "http://proxy.acme.example:3128"


@pytest.mark.parametrize(
    ("exempt", "url", "direct"),
    [
        ("", "https://graph.microsoft.com/v1.0", False),
        ("", "https://127.0.0.1:8443", True),
        ("", "https://localhost:8443", True),
        ("", "https://[::1]:8443", True),
        ("", "https://127.0.0.1.nip.example", False),
        ("acme.example", "https://jenkins.acme.example", True),
        (".acme.example", "https://acme.example", True),
        ("*.acme.example", "https://a.b.ACME.example", True),
        ("acme.example", "https://notacme.example", False),
        ("acme.example", "https://acme.example.evil.example", False),
        ("jenkins.acme.example:8443", "https://jenkins.acme.example:8443", True),
        ("jenkins.acme.example:8443", "https://jenkins.acme.example", False),
        ("10.0.0.0/8", "https://10.1.2.3", True),
        ("10.0.0.0/8", "https://11.1.2.3", False),
        ("fd00::/8", "https://[fd12::1]", True),
        ("*", "https://graph.microsoft.com", True),
        (",  ,", "https://graph.microsoft.com", False),
    ],
)
def test_what_a_proxy_is_used_for(exempt: str, url: str, direct: bool) -> None:
    from agent_ops.settings.values import proxies

    assert proxies(PROXY, "", exempt).way_to(url) == (None if direct else PROXY)


def test_each_scheme_has_its_own() -> None:
    assert Proxies(http=PROXY).way_to("https://jenkins.acme.example") is None
    assert Proxies(http=PROXY).way_to("http://jenkins.acme.example") == PROXY


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("/users/ana.silva@acme.example?$select=id", "GET /users/{}"),
        ("/users/ana.silva%40acme.example", "GET /users/{}"),
        ("/groups/0f5a3c1e-93c4-4d1c-8b0f-6f4f8f2a7b22/members/$ref", "GET /groups/{}/members/$ref"),
        ("https://login.microsoftonline.com/acme.example/oauth2/v2.0/token", "GET /{}/{}/v2.0/token"),
        ("/users?$filter=displayName eq 'Ana Silva'", "GET /users"),
    ],
)
def test_a_logged_call_names_nobody(url: str, told: str) -> None:
    assert operation_of("GET", url) == told


def test_a_login_of_one_word_is_no_operation() -> None:
    assert operation_of("GET", "https://api.github.com/orgs/acme/memberships/sukarno") == "GET /orgs/acme/memberships/{}"


def test_a_jenkins_job_is_named_and_its_parameters_are_not() -> None:
    url = "http://jenkins/job/provisioning/job/aws-1/buildWithParameters?USER_EMAIL=ana.silva@acme.example"
    assert operation_of("POST", url, names=True) == "POST /job/provisioning/job/aws-1/buildWithParameters"

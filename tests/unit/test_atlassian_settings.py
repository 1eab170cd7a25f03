"""Confluence's settings may be Jira's, at Jira's own site only: a token is never sent anywhere else."""

from __future__ import annotations

import pytest

from agent_ops.readers.confluence import ConfluenceConfig
from agent_ops.settings.atlassian import Site, confluence_config, jira_config
from agent_ops.transport.routes import Proxies

JIRA = Site("https://acme.atlassian.net", "jira@acme.example", "jira-token")
NOTHING = Site("", "", "")


@pytest.mark.parametrize(
    ("given", "whole"),
    [
        (NOTHING, ("https://acme.atlassian.net", "jira@acme.example", "jira-token")),
        (Site("https://acme.atlassian.net/wiki", "", ""), ("https://acme.atlassian.net/wiki", "jira@acme.example", "jira-token")),
        (Site("", "wiki@acme.example", "own"), ("https://acme.atlassian.net", "wiki@acme.example", "own")),
        (Site("https://wiki.acme.example", "w@acme.example", "own"), ("https://wiki.acme.example", "w@acme.example", "own")),
        (Site("https://wiki.acme.example", "", ""), None),
        (Site("https://acme.atlassian.net:8443", "", ""), None),
        (Site("https://acme.atlassian.net.evil.example", "", ""), None),
    ],
)
def test_what_is_empty_is_jiras_at_the_same_site(given: Site, whole: tuple[str, str, str] | None) -> None:
    config = confluence_config(given, JIRA, None, Proxies())
    assert (config and (config.url, config.username, config.token)) == whole


def test_nothing_is_configured_by_halves() -> None:
    assert confluence_config(NOTHING, NOTHING, None, Proxies()) is None
    assert confluence_config(NOTHING, Site("https://acme.atlassian.net", "", "x"), None, Proxies()) is None
    assert jira_config(Site("https://acme.atlassian.net", "", "x"), None, Proxies()) is None


def test_no_token_is_shown() -> None:
    assert "canary" not in repr(ConfluenceConfig("https://acme.atlassian.net", "me", "canary"))

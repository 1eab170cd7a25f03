"""Jira's and Confluence's settings, which may be one account's at one site."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent_ops.readers.confluence import ConfluenceConfig
from agent_ops.readers.jira import JiraConfig
from agent_ops.settings.checks import same_site
from agent_ops.transport.routes import Proxies


@dataclass(frozen=True)
class Site:
    """What is set of a site; empty where nothing is."""

    url: str
    username: str
    token: str

    @property
    def complete(self) -> bool:
        return bool(self.url and self.username and self.token)

    def filled_from(self, other: Site) -> Site:
        """What is empty is the other's, at the same site only: no token goes anywhere else."""
        if self.url and not same_site(self.url, other.url):
            return self
        return replace(self, url=self.url or other.url, username=self.username or other.username, token=self.token or other.token)


def jira_config(site: Site, ca_file: str | None, way: Proxies) -> JiraConfig | None:
    """Jira, when all three of its settings are there."""
    return JiraConfig(site.url, site.username, site.token, ca_file, way) if site.complete else None


def confluence_config(site: Site, jira: Site, ca_file: str | None, way: Proxies) -> ConfluenceConfig | None:
    """Confluence by its own settings, filled up with Jira's."""
    whole = site.filled_from(jira)
    return ConfluenceConfig(whole.url, whole.username, whole.token, ca_file, way) if whole.complete else None

"""How GitHub is reached."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent_ops.transport.routes import Proxies

GITHUB_URL = "https://api.github.com"


@dataclass(frozen=True)
class GithubConfig:
    """A token and where it counts. Times are in seconds.

    Args:
        token: a fine-grained or classic personal access token, or an installation's; it needs no right to write.
        url: the API's root; of GitHub Enterprise Server ``https://HOST/api/v3``.
        timeout: for connecting, and again for each wait for bytes.
        deadline: for one answer in all, with what is tried again.
    """

    token: str = field(repr=False)
    url: str = GITHUB_URL
    ca_file: str | None = None
    proxies: Proxies = field(default_factory=Proxies)
    timeout: float = 10.0
    deadline: float = 30.0

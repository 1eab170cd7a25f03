"""The Confluence Cloud site of the sandbox: REST v2, and search by CQL in v1, on the loopback.

https://developer.atlassian.com/cloud/confluence/rest/v2 and .../v1/api-group-search. Its account and token are Jira's, as in the
cloud, where both lie in one site. Pages come from the sandbox's control server: a client only reads.
"""

# What launches the sandbox imports ``confluence.steering`` without aiohttp, so that this is loaded when it is asked for.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_ops.sandbox.confluence.twin import ConfluenceTwin

__all__ = ["ConfluenceTwin"]


def __getattr__(name: str) -> Any:
    if name != "ConfluenceTwin":
        raise AttributeError(name)
    from agent_ops.sandbox.confluence.twin import ConfluenceTwin as Twin  # noqa: PLC0415

    return Twin

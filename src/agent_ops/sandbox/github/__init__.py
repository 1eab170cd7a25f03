"""GitHub of the sandbox: its REST API on the loopback, which unmodified clients cannot tell from a real one.

https://docs.github.com/rest. What is in it is made by code from a fixed seed, as it is asked for: thousands of pull requests and
commits that look the same in every sandbox, with times that count back from the sandbox's first start.
"""

# What launches the sandbox imports ``github.steering`` without aiohttp, so that this is loaded when it is asked for.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_ops.sandbox.github.twin import GithubTwin

__all__ = ["GithubTwin"]


def __getattr__(name: str) -> Any:
    if name != "GithubTwin":
        raise AttributeError(name)
    from agent_ops.sandbox.github.twin import GithubTwin as Twin  # noqa: PLC0415

    return Twin

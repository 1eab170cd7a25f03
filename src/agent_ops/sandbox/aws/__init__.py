"""AWS in the sandbox: moto's server (SSM, S3, EC2, tags), our signatures, permissions, faults and call log in front of it."""

# What launches the sandbox imports ``aws.steering`` without moto, so that this is loaded when it is asked for.

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent_ops.sandbox.aws.twin import ACCESS_KEY_ID, SECRET_ACCESS_KEY, AwsTwin

__all__ = ["ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "AwsTwin"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(name)
    from agent_ops.sandbox.aws import twin  # noqa: PLC0415

    return getattr(twin, name)

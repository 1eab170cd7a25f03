"""The errors of PyJWT."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from agent_ops.domain.errors import NotAuthenticated


@contextmanager
def jwt_errors() -> Iterator[None]:
    """For whatever is wrong with a token that somebody sent; it never says the token again."""
    import jwt  # noqa: PLC0415 - only where tokens are taken

    try:
        yield
    except jwt.PyJWTError as error:
        raise NotAuthenticated(f"this access token is not good: {error}") from error

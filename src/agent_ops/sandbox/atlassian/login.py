"""Basic authentication with an account's e-mail address and its API token, as Atlassian's cloud takes it (RFC 7617)."""

from __future__ import annotations

import base64
import hmac


def is_let_in(header: str, user: str, token: str) -> bool:
    """Whether an ``Authorization`` header is the account's."""
    expected = base64.b64encode(f"{user}:{token}".encode()).decode()
    return bool(token) and hmac.compare_digest(header.encode(), f"Basic {expected}".encode())

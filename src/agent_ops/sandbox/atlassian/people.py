"""The people who wrote what the seeded sites hold. Their addresses are in the sandbox's domain, as ``jane.doe@``."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime, timezone

JANE, ANA, JOHN, DANA, ALICE, OMAR, MEI, LUKAS = PEOPLE = (
    "Jane Doe",
    "Ana Silva",
    "John Doe",
    "Dana Whitfield",
    "Alice Chen",
    "Omar Haddad",
    "Mei Tanaka",
    "Lukas Novak",
)
DAY = 86_400.0


def address_of(name: str, domain: str) -> str:
    """jane.doe@acme.example"""
    return f"{name.lower().replace(' ', '.')}@{domain}"


def account_id_of(email: str) -> str:
    """An account's id, which is an opaque text and the same in Jira and in Confluence."""
    return f"712020:{uuid.UUID(hashlib.sha256(email.encode()).hexdigest()[:32])}"


def day(at: float) -> str:
    """2026-03-01"""
    return f"{datetime.fromtimestamp(at, timezone.utc):%Y-%m-%d}"

"""The one thing that a reader sends by POST: a GraphQL query whose words never change.

GitHub tells an organisation's single sign-on identities by GraphQL only, and GraphQL takes queries by POST, as it takes
changes. So what may be sent is not a kind of request, but these bytes, in which two values differ.
https://docs.github.com/en/graphql/guides/forming-calls-with-graphql
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

WHO_IS = (
    "query ($organisation: String!, $address: String!) { organization(login: $organisation) { samlIdentityProvider { "
    "externalIdentities(userName: $address, first: 5) { "
    "nodes { user { login } samlIdentity { nameId } scimIdentity { username } } } } } }"
)
"""Whose account at GitHub an address has signed in to: https://docs.github.com/en/graphql/reference/objects#organizationidentityprovider"""
_PATHS = ("/graphql", "/api/graphql")
"""At github.com, and at an Enterprise server."""


def who_is(organisation: str, address: str) -> dict[str, Any]:
    """What asks GitHub who in an organisation has this address."""
    return {"query": WHO_IS, "variables": {"organisation": organisation, "address": address}}


def asks_who_is(method: str | None, url: str, body: object) -> bool:
    """Whether a request is that question: byte for byte as we write it, so that nobody can read anything else in it."""
    if method != "POST" or urlsplit(url).path not in _PATHS or urlsplit(url).query:
        return False
    text = body.decode(errors="replace") if isinstance(body, bytes) else body
    if not isinstance(text, str):
        return False
    try:
        variables = json.loads(text)["variables"]
        return text == json.dumps(who_is(variables["organisation"], variables["address"])) and _are_texts(variables)
    except (ValueError, TypeError, KeyError):
        return False


def _are_texts(variables: dict[str, Any]) -> bool:
    return all(isinstance(value, str) for value in variables.values())

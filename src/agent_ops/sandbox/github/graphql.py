"""GitHub's GraphQL, as much of its schema as tells single sign-on identities: https://docs.github.com/en/graphql.

graphql-core parses, checks and runs what is asked; the descriptions and errors are GitHub's.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from agent_ops.sandbox.github.answers import Refused
from agent_ops.sandbox.github.render import identity, plain_error
from agent_ops.sandbox.github.seeds import ORGANISATION
from agent_ops.sandbox.github.site import GithubSite, SignOn

_SCHEMA = """
type Query { organization(login: String!): Organization  viewer: User! }
type User { login: String! }
type Organization { login: String!  samlIdentityProvider: OrganizationIdentityProvider }
type OrganizationIdentityProvider {
  externalIdentities(first: Int, last: Int, login: String, membersOnly: Boolean, userName: String): ExternalIdentityConnection!
}
type ExternalIdentityConnection { nodes: [ExternalIdentity]  totalCount: Int! }
type ExternalIdentity {
  guid: String!
  user: User
  samlIdentity: ExternalIdentitySamlAttributes
  scimIdentity: ExternalIdentityScimAttributes
}
type ExternalIdentitySamlAttributes { nameId: String  username: String }
type ExternalIdentityScimAttributes { username: String }
"""


@cache
def _schema() -> Any:
    from graphql import build_schema  # noqa: PLC0415 - with the first question only

    return build_schema(_SCHEMA)


class GraphQL:
    """Answers queries. Each of GitHub's errors has a ``type``; the answer is 200 all the same."""

    def __init__(self, site: GithubSite) -> None:
        self._site = site

    def answer(self, text: str) -> dict[str, Any]:
        """The answer to a request's body.

        Raises:
            Refused: the body is no GraphQL request.
        """
        from graphql import graphql_sync  # noqa: PLC0415

        try:
            asked = json.loads(text)
            query, variables = asked["query"], asked.get("variables") or {}
        except (ValueError, TypeError, KeyError):
            raise Refused(400, plain_error("Problems parsing JSON", "graphql")) from None
        found = graphql_sync(_schema(), query, _Root(self._site), variable_values=variables)
        errors = [_written(error) for error in found.errors or ()]
        return {
            **({"data": found.data} if found.data is not None or not errors else {}),
            **({"errors": errors} if errors else {}),
        }


class GraphQLRefusal(Exception):
    """Why a field is null."""

    def __init__(self, kind: str, words: str) -> None:
        self.kind = kind
        super().__init__(words)


class _Root:
    """The fields of ``Query``; each is called with graphql-core's context and the arguments."""

    def __init__(self, site: GithubSite) -> None:
        self._site = site
        self.viewer = {"login": "svc-agent-ops"}

    def organization(self, info: object, login: str) -> _Organisation:
        del info
        if login.lower() != ORGANISATION:
            raise GraphQLRefusal("NOT_FOUND", f"Could not resolve to an Organization with the login of '{login}'.")
        return _Organisation(self._site)


class _Organisation:
    login = ORGANISATION

    def __init__(self, site: GithubSite) -> None:
        self._site = site

    def samlIdentityProvider(self, info: object) -> _Provider | None:  # noqa: N802 - the schema's name
        del info
        if self._site.sign_on is SignOn.HIDDEN:
            raise GraphQLRefusal("FORBIDDEN", "Resource not accessible by personal access token")
        return _Provider(self._site) if self._site.sign_on is SignOn.THERE else None


class _Provider:
    def __init__(self, site: GithubSite) -> None:
        self._site = site

    def externalIdentities(self, info: object, **asked: Any) -> dict[str, Any]:  # noqa: N802
        del info
        if not {"first", "last"} & asked.keys():
            words = "You must provide a `first` or `last` value to properly paginate the `externalIdentities` connection."
            raise GraphQLRefusal("MISSING_PAGINATION_BOUNDARIES", words)
        wanted = str(asked.get("userName", "")).casefold()
        found = [_identity(name, login) for name, login in self._site.identities.items() if wanted in ("", name.casefold())]
        return {"nodes": found[: asked.get("first", 100)], "totalCount": len(found)}


def _identity(name: str, login: str) -> dict[str, Any]:
    """An identity of which nobody has signed in yet has no user."""
    names = {"samlIdentity": {"nameId": name, "username": name}, "scimIdentity": {"username": name}}
    return {"guid": f"{identity('identity', name):08x}", "user": {"login": login} if login else None, **names}


def _written(error: Any) -> dict[str, Any]:
    kind = getattr(error.original_error, "kind", "")
    return {**({"type": kind} if kind else {}), **error.formatted}

"""The refusals of Microsoft Graph, worded as Graph words them, since clients match on code, details and message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ADVANCED_QUERIES = "Refer to https://aka.ms/graph-docs/advanced-queries for more information"


class GraphError(Exception):
    """An answer other than success: https://learn.microsoft.com/graph/errors."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: list[dict[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = dict(headers or {})

    def body(self, *, date: str, request_id: str, client_request_id: str) -> dict[str, Any]:
        """The JSON body, in the order in which Graph writes it."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = self.details
        error["innerError"] = {"date": date, "request-id": request_id, "client-request-id": client_request_id}
        return {"error": error}


def bad_request(message: str) -> GraphError:
    """Refused by Graph's front (URL or JSON could not be read)."""
    return GraphError(400, "BadRequest", message)


def refused(message: str, *, target: str = "", code: str = "InvalidValue") -> GraphError:
    """Refused by the directory behind Graph; ``target`` names the property at fault."""
    details = [{"code": code, "message": message, "target": target}] if target else None
    return GraphError(400, "Request_BadRequest", message, details=details)


def unsupported(message: str) -> GraphError:
    return GraphError(400, "Request_UnsupportedQuery", message)


def needs_advanced(operator: str) -> GraphError:
    """An operator that Graph serves only with ``ConsistencyLevel: eventual`` and ``$count=true``."""
    return unsupported(
        f"Operator '{operator}' is not supported because the 'ConsistencyLevel:eventual' header is missing. {ADVANCED_QUERIES}"
    )


def unsupported_clause(path: str, resource: str) -> GraphError:
    return unsupported(f"Unsupported or invalid query filter clause specified for property '{path}' of resource '{resource}'.")


def invalid_value(name: str, resource: str = "User") -> GraphError:
    return refused(f"Invalid value specified for property '{name}' of resource '{resource}'.", target=name)


def value_required(name: str, resource: str = "User") -> GraphError:
    return refused(f"A value is required for property '{name}' of resource '{resource}'.", target=name)


def conflict(name: str) -> GraphError:
    """Somebody else has this value: 400 with ``ObjectConflict`` in the details."""
    return refused(f"Another object with the same value for property {name} already exists.", target=name, code="ObjectConflict")


def not_found(key: str) -> GraphError:
    message = f"Resource '{key}' does not exist or one of its queried reference-property objects are not present."
    return GraphError(404, "Request_ResourceNotFound", message)


def denied() -> GraphError:
    return GraphError(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


def unauthenticated(message: str, authority: str) -> GraphError:
    graph = "00000003-0000-0000-c000-000000000000"
    challenge = f'Bearer realm="", authorization_uri="{authority}/common/oauth2/authorize", client_id="{graph}"'
    return GraphError(401, "InvalidAuthenticationToken", message, headers={"WWW-Authenticate": challenge})

"""The refusals of the login host, with Microsoft's AADSTS numbers and words.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import time
from typing import Any

_ELSEWHERE = (
    "This can happen if the application has not been installed by the administrator of the tenant or consented to by any user"
    " in the tenant. You {} have sent your authentication request to the wrong tenant."
)


class OAuthError(Exception):
    """A refusal; ``error`` is OAuth's word for it (RFC 6749), ``code`` the number in AADSTS."""

    def __init__(self, status: int, error: str, code: int, text: str) -> None:
        super().__init__(text)
        self.status, self.error, self.code, self.text = status, error, code, text

    def body(self, *, trace: str, correlation: str) -> dict[str, Any]:
        """The JSON body of the answer."""
        at = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
        ids = f"Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}"
        return {
            "error": self.error,
            "error_description": f"AADSTS{self.code}: {self.text} {ids}",
            "error_codes": [self.code],
            "timestamp": at,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }


def unknown_tenant(tenant: str) -> OAuthError:
    text = (
        f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID and are signing into the correct"
        " cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the"
        " tenant."
    )
    return OAuthError(400, "invalid_request", 90002, text)


def malformed_tenant(tenant: str) -> OAuthError:
    text = f"Specified tenant identifier '{tenant}' is neither a valid DNS name, nor a valid external domain."
    return OAuthError(400, "invalid_request", 900023, text)


def shared_tenant() -> OAuthError:
    """Client credentials belong to one tenant; ``common`` is none."""
    text = "No tenant-identifying information found in either the request or implied by any provided credentials."
    return OAuthError(400, "invalid_request", 50059, text)


def missing_parameter(name: str) -> OAuthError:
    return OAuthError(400, "invalid_request", 900144, f"The request body must contain the following parameter: '{name}'.")


def unsupported_grant(grant_type: str) -> OAuthError:
    return OAuthError(400, "unsupported_grant_type", 70003, f"The app requested an unsupported grant type '{grant_type}'.")


def unknown_application(client_id: str, directory: str) -> OAuthError:
    text = f"Application with identifier '{client_id}' was not found in the directory '{directory}'. {_ELSEWHERE.format('may')}"
    return OAuthError(400, "unauthorized_client", 700016, text)


def missing_secret() -> OAuthError:
    text = "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type."
    return OAuthError(401, "invalid_client", 7000216, text)


def wrong_secret(client_id: str) -> OAuthError:
    text = (
        "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client"
        f" secret ID, for a secret added to app '{client_id}'."
    )
    return OAuthError(401, "invalid_client", 7000215, text)


def invalid_scope(scope: str) -> OAuthError:
    text = (
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default"
        " suffixed to the resource identifier (application ID URI)."
    )
    return OAuthError(400, "invalid_scope", 1002012, text)


def unknown_resource(resource: str, directory: str) -> OAuthError:
    text = f"The resource principal named {resource} was not found in the tenant named {directory}. {_ELSEWHERE.format('might')}"
    return OAuthError(400, "invalid_resource", 500011, text)

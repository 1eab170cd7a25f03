"""The refusals of the login host, with Microsoft's AADSTS numbers and words.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes. The words about client assertions are those that
people quote in AzureAD/microsoft-authentication-library-for-js#8339, -for-dotnet#4951 and Azure/azure-sdk-for-net#29007; those
about an expired key are from memory.
"""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

_ELSEWHERE = (
    "This can happen if the application has not been installed by the administrator of the tenant or consented to by any user"
    " in the tenant. You {} have sent your authentication request to the wrong tenant."
)
_REVIEW = "Review the documentation at https://learn.microsoft.com/entra/identity-platform/certificate-credentials ."


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


def expired_secret(client_id: str) -> OAuthError:
    text = (
        f"The provided client secret keys for app '{client_id}' are expired. Visit the Azure portal to create new keys for your"
        " app: https://aka.ms/NewClientSecret, or consider using certificate credentials for added security:"
        " https://aka.ms/certCreds."
    )
    return OAuthError(401, "invalid_client", 7000222, text)


def malformed_assertion(text: str) -> OAuthError:
    return OAuthError(400, "invalid_request", 50027, text)


def unusable_key(reason: str, thumbprint: str, client_id: str, lasts: tuple[float, float] | None = None) -> OAuthError:
    """A key that is unknown, expired, or not the one that signed; ``lasts`` is the registered key's beginning and end."""
    what = "The certificate with identifier used to sign the client assertion is not registered on application."
    if lasts is not None:
        what = "Client assertion contains an invalid signature."
    found = f", Found key 'Start={_american(lasts[0])}, End={_american(lasts[1])}'" if lasts else ""
    where = (
        f"Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{client_id}'"
    )
    text = f"{what} [Reason - {reason}, Thumbprint of key used by client: '{thumbprint}'{found}, {where}]."
    return OAuthError(401, "invalid_client", 700027, text)


def outside_its_time(now: float, begins: float, ends: float) -> OAuthError:
    """A client whose clock is wrong sees this."""
    text = (
        f"Client assertion is not within its valid time range. Current time: {_precise(now)}, assertion valid from"
        f" {_precise(begins)}, expiry time of assertion {_precise(ends)}. {_REVIEW}"
    )
    return OAuthError(401, "invalid_client", 700024, text)


def other_application() -> OAuthError:
    text = f"Client assertion application identifier doesn't match 'client_id' parameter. {_REVIEW}"
    return OAuthError(401, "invalid_client", 700021, text)


def other_audience() -> OAuthError:
    return OAuthError(401, "invalid_client", 700023, f"Client assertion audience claim does not match Realm issuer. {_REVIEW}")


def _precise(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def _american(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%m/%d/%Y %H:%M:%S")


def invalid_scope(scope: str) -> OAuthError:
    text = (
        f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value with /.default"
        " suffixed to the resource identifier (application ID URI)."
    )
    return OAuthError(400, "invalid_scope", 1002012, text)


def unknown_resource(resource: str, directory: str) -> OAuthError:
    text = f"The resource principal named {resource} was not found in the tenant named {directory}. {_ELSEWHERE.format('might')}"
    return OAuthError(400, "invalid_resource", 500011, text)

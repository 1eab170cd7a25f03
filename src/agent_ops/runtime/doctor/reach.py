"""Lines for services that cannot be reached."""

from __future__ import annotations

from agent_ops.domain.errors import ServiceError
from agent_ops.runtime.doctor.lines import Line, wrong


def unreachable(error: ServiceError, variable: str, url: str, *, more: str = "") -> Line:
    """The line for a host that cannot be reached, or that a certificate authority nobody knows has certified."""
    if "mismatch" in error.what and "certificate" in error.what:
        return wrong(f"the certificate of {url} is for another name", f"Set {variable} to the name in the certificate.", variable)
    if "CERTIFICATE_VERIFY_FAILED" in error.what or "certificate is not trusted" in error.what:
        remedy = "Set CA_FILE to a PEM file with the authority that certified it."
        return wrong(f"the certificate of {url} is not trusted", remedy, "CA_FILE")
    return wrong(f"{url} {words(error)}", f"Check {variable}, the network, and any proxy.{more}", variable)


def words(error: ServiceError) -> str:
    """What happened, without the service's name, which the table shows already."""
    return error.what.removeprefix(f"{error.service}: ")

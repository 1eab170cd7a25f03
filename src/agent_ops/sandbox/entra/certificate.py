"""A certificate that an application signs in with, as its registration knows it: the public half."""

from __future__ import annotations

import base64

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


class ClientCertificate:
    """Read from PEM text; ``thumbprint`` is the SHA-1 of the DER encoding in upper-case hex, as Microsoft shows it."""

    def __init__(self, pem: str) -> None:
        certificate = x509.load_pem_x509_certificate(pem.encode())
        key = certificate.public_key()
        if not isinstance(key, RSAPublicKey):
            raise TypeError("a client certificate has an RSA key")
        self.public_key = key
        self.subject = certificate.subject.rfc4514_string()
        self.thumbprint = certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303 - an identifier
        self.thumbprint_256 = certificate.fingerprint(hashes.SHA256()).hex().upper()
        self.begins = certificate.not_valid_before_utc.timestamp()
        self._ends = certificate.not_valid_after_utc.timestamp()

    def ends(self, decided: float | None) -> float:
        """Its end as a Unix time, or the one decided for a test."""
        return self._ends if decided is None else decided


def thumbprint_in(header: dict[str, object]) -> str:
    """The thumbprint, in upper-case hex, that a JWT's header names; empty when it names none that can be read."""
    for name in ("x5t#S256", "x5t"):
        value = header.get(name)
        if isinstance(value, str) and value:
            try:
                return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).hex().upper()
            except ValueError:
                return ""
    return ""

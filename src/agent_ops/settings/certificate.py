"""The certificate by which an app registration may know us, from one PEM file.

https://learn.microsoft.com/entra/identity-platform/certificate-credentials
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from agent_ops.settings.checks import readable_file
from agent_ops.transport.graph_token import ClientCertificate

_KEY = re.compile(r"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def read_certificate(path: str, password: str) -> ClientCertificate:
    """The private key and the certificate that belongs to it.

    Raises:
        ValueError: saying in one line why the file cannot be used.
    """
    text = Path(readable_file(path)).read_text(encoding="utf-8", errors="replace")
    key, certificate = _KEY.search(text), _CERTIFICATE.search(text)
    if key is None or certificate is None:
        missing = "private key" if key is None else "certificate"
        raise ValueError(f"names {path!r}, which holds no {missing} in PEM form: it needs both")
    ends = _checked(path, key[0], certificate[0], password)
    return ClientCertificate(certificate[0], key[0], password if "ENCRYPTED" in key[0] else "", ends)


def _checked(path: str, key: str, certificate: str, password: str) -> datetime:
    """When the certificate ends."""
    encrypted = "ENCRYPTED" in key
    if encrypted and not password:
        raise ValueError(f"names {path!r}, whose key is encrypted: set AGENT_OPS_CLIENT_CERTIFICATE_PASSWORD")
    try:
        private = load_pem_private_key(key.encode(), password.encode() if encrypted else None)
    except (ValueError, TypeError):
        why = "AGENT_OPS_CLIENT_CERTIFICATE_PASSWORD is wrong, or the file is damaged" if encrypted else "it is damaged"
        raise ValueError(f"names {path!r}, whose key cannot be opened: {why}") from None
    try:
        public = x509.load_pem_x509_certificate(certificate.encode())
    except ValueError:
        raise ValueError(f"names {path!r}, whose certificate is damaged") from None
    if private.public_key() != public.public_key():
        raise ValueError(f"names {path!r}, whose key does not belong to its first certificate")
    if public.not_valid_after_utc < datetime.now(timezone.utc):
        raise ValueError(f"names {path!r}, whose certificate ended on {public.not_valid_after_utc:%Y-%m-%d}: renew it")
    return public.not_valid_after_utc

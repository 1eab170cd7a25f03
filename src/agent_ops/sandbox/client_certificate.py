"""The certificate with which an application signs in to the Entra twin instead of by a secret.

Self-signed and RSA, as Microsoft's page makes one: https://learn.microsoft.com/entra/identity-platform/howto-create-self-signed-certificate
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_VALID = timedelta(days=730)
_BEGIN = "-----BEGIN CERTIFICATE-----"


def ensure_client_certificate(path: Path) -> str:
    """The public certificate (PEM text) of the file, which holds the private key, too; made when it is absent."""
    if not path.is_file():
        _make(path)
    text = path.read_text(encoding="ascii")
    return text[text.index(_BEGIN) :]


def _make(path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "agent-ops")]), datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + _VALID)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(secret + certificate.public_bytes(serialization.Encoding.PEM))
    fresh.replace(path)

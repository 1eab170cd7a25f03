"""The way to a service over HTTP: whom to trust and which proxy to take. Settings say it, never the environment."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import certifi
import requests


@dataclass(frozen=True)
class Proxies:
    """Proxies by the scheme of the service's URL. Empty: none. Loopback addresses never go through one.

    Args:
        https: for https URLs; the URL of the proxy, perhaps with a user and a password in it.
        http: for http URLs.
        exempt: hosts, domains, host:port pairs and networks that are reached directly; ``*`` is all.
    """

    https: str = field(default="", repr=False)
    http: str = field(default="", repr=False)
    exempt: tuple[str, ...] = ()

    def way_to(self, url: str) -> str | None:
        """The proxy for a URL; None to reach it directly."""
        parts = urlsplit(url)
        proxy = self.https if parts.scheme == "https" else self.http
        host, port = (parts.hostname or "").lower(), parts.port
        if not proxy or is_loopback(host) or any(_exempts(entry, host, port) for entry in self.exempt):
            return None
        return proxy


NO_PROXIES = Proxies()


@dataclass(frozen=True)
class Route:
    """How this machine reaches HTTP services.

    Args:
        ca_file: PEM file of the authorities that are trusted instead of the public ones; None trusts those.
    """

    ca_file: str | None = None
    proxies: Proxies = NO_PROXIES

    def tls(self) -> ssl.SSLContext:
        """A client's TLS context."""
        return ssl.create_default_context(cafile=self.ca_file or certifi.where())  # not SSL_CERT_FILE

    def prepare(self, session: requests.Session, url: str) -> None:
        """Let a session reach the service at ``url`` by this route only, without what libraries take from the environment."""
        proxy = self.proxies.way_to(url)
        session.trust_env = False
        session.headers = requests.Session().headers  # python-jenkins adds JENKINS_API_EXTRA_HEADERS
        session.verify = self.ca_file or True
        session.proxies = {"http": proxy, "https": proxy} if proxy else {}


def is_loopback(host: str) -> bool:
    """Whether a host name or address is this machine's own (RFC 6761, 6.3; RFC 1122, 3.2.1.3)."""
    address = _address(host)
    return address.is_loopback if address else host.lower().rstrip(".") in ("localhost",)


def _exempts(entry: str, host: str, port: int | None) -> bool:
    """One entry of NO_PROXY, as curl and requests read it: a name covers its subdomains, with or without a leading dot."""
    entry = entry.strip().lower()
    if entry == "*":
        return True
    if (address := _address(host)) and (network := _network(entry)):
        return address in network
    name, _, wanted = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
    if wanted and wanted != str(port):
        return False
    name = name.lstrip("*").lstrip(".")
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None

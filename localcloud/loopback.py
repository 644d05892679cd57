"""Whether an address is this machine's own."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback_host(host: str) -> bool:
    """Tell whether it is a loopback address, ``localhost`` or a name under it (RFC 6761).

    >>> is_loopback_host("127.0.0.1"), is_loopback_host("worker.localhost"), is_loopback_host("a.b")
    (True, True, False)
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_loopback(url: str) -> bool:
    """Tell whether it is an http(s) URL whose host is this machine; what is no URL isn't."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and "\\" not in url and is_loopback_host(host)

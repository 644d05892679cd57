"""Which proxy a call goes by, as every client of the project reads it from the environment."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from infra.settings.values import is_loopback
from ops.stacks.errors import UsageError

_READ = ("http", "https", "all")
"""The schemes whose variables httpx reads whenever a client is made (its ``_utils.py``)."""


def require_usable_proxies() -> None:
    """Refuse a variable that no client could be made with, whatever is called.

    Raises:
        UsageError: with the variable's name. Its value may hold a password.
    """
    proxies = getproxies()
    for scheme in _READ:
        if found := proxies.get(scheme):
            _address(scheme, found)


def proxy_for(url: str) -> str:
    """Return host and port of the proxy for a URL, without credentials; empty where by none.

    Loopback never goes by one.

    Raises:
        UsageError: as `require_usable_proxies`.
    """
    parts = urlsplit(url)
    proxies = getproxies()
    scheme = parts.scheme if proxies.get(parts.scheme) else "all"
    found = proxies.get(scheme)
    if not found or is_loopback(url) or proxy_bypass(parts.hostname or ""):
        return ""
    return _address(scheme, found)


def _address(scheme: str, text: str) -> str:
    try:
        proxy = urlsplit(text if "://" in text else f"http://{text}")
        if proxy.scheme in ("http", "https") and proxy.hostname:
            return f"{proxy.hostname}:{proxy.port}" if proxy.port else proxy.hostname
    except ValueError:
        pass  # A port that is none, or half an IPv6 address.
    raise UsageError(
        f"{scheme.upper()}_PROXY is no address of a proxy that calls can go by. Set it to "
        "http://HOST:PORT or https://HOST:PORT, or unset it."
    )

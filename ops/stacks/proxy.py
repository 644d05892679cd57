"""Which proxy a call goes by, as every client of the project reads it from the environment."""

from __future__ import annotations

from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from infra.settings.values import is_loopback


def proxy_for(url: str) -> str:
    """Return host and port of the proxy for a URL, without credentials; empty where by none.

    Loopback never goes by one.
    """
    parts = urlsplit(url)
    proxies = getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or is_loopback(url) or proxy_bypass(parts.hostname or ""):
        return ""
    proxy = urlsplit(found if "://" in found else f"http://{found}")
    return f"{proxy.hostname}:{proxy.port}" if proxy.port else str(proxy.hostname)

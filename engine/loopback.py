"""The rule that the embedded engine reaches this machine and no other."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from engine.errors import NotLoopback
from localcloud.loopback import is_loopback

#: The environment variables and config keys that move a real provider's endpoint.
_ENVIRONMENT = ("CLOUDFLARE_BASE_URL", "GITHUB_BASE_URL")
_CONFIG = ("cloudflare:baseUrl", "github:baseUrl")


def is_closed_network() -> bool:
    """True where loopback is this process's only network interface, as in a test's namespace."""
    return {name for _, name in socket.if_nameindex()} == {"lo"}


def require_loopback(url: str, *, source: str, closed_network: bool = False) -> str:
    """``url`` itself where it is loopback; raises ``NotLoopback`` naming ``source`` otherwise.

    With ``closed_network``, any URL is accepted where this process can reach nothing but loopback.
    The URL's host is named in the message, never its user information or path.
    """
    if is_loopback(url) or (closed_network and url and is_closed_network()):
        return url
    try:
        host = urlsplit(url).hostname or "no host"
    except ValueError:
        host = "no valid host"
    where = f"points at {host}" if url else "is not set, which means the real service"
    raise NotLoopback(
        f"{source} {where}: the embedded engine and the stand-in providers deploy to this machine "
        "only. Set it to a "
        "loopback address such as http://127.0.0.1:8787/client/v4, or install the pulumi CLI."
    )


def require_loopback_settings(config: Mapping[str, str], environment: Mapping[str, str]) -> None:
    """Refuse before anything runs: every endpoint that config or environment sets is loopback.

    Raises ``NotLoopback``.
    """
    for name in _ENVIRONMENT:
        if environment.get(name):
            require_loopback(environment[name], source=f"The environment variable {name}")
    for key in _CONFIG:
        if config.get(key):
            require_loopback(config[key], source=f"The config value {key}")

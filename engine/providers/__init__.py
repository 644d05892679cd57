"""Stand-ins for Pulumi's Cloudflare and GitHub plugins, for this machine's cloud only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import EngineError, Unsupported
from engine.loopback import require_loopback
from engine.provider import Provider

__all__ = ["stand_in"]

_CLOUDFLARE_URL = "https://api.cloudflare.com/client/v4"
_GITHUB_URL = "https://api.github.com/"
"""What the real providers call where no base URL is set."""


def stand_in(
    package: str,
    inputs: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    folder: Path = Path(),
    closed_network: bool = False,
) -> Provider:
    """The configured stand-in for ``package``; ``inputs`` are the provider resource's.

    ``folder`` is what relative paths begin at: plugins run in the program's folder. With
    ``closed_network``, the real services' addresses are used where nothing but this machine can
    be reached, which tests take for an account.

    Raises ``NotLoopback`` where the endpoint is off this machine, ``Unsupported`` where there is
    no stand-in, ``EngineError`` where there is no token.
    """
    if package == "cloudflare":
        return _cloudflare(inputs, environment, folder, closed_network)
    if package == "github":
        return _github(inputs, environment, closed_network)
    raise Unsupported(f"the package {package!r}, for which it has no stand-in", where="The program")


def _cloudflare(
    inputs: Mapping[str, Any], environment: Mapping[str, str], folder: Path, closed_network: bool
) -> Provider:
    from engine.providers.cloudflare_client import CloudflareClient
    from engine.providers.cloudflare_provider import CloudflareProvider

    base_url = str(inputs.get("baseUrl") or environment.get("CLOUDFLARE_BASE_URL") or "")
    if closed_network:
        base_url = base_url or _CLOUDFLARE_URL
    require_loopback(
        base_url, source="The Cloudflare provider's base URL", closed_network=closed_network
    )
    token = str(inputs.get("apiToken") or environment.get("CLOUDFLARE_API_TOKEN") or "")
    if not token:
        raise EngineError(
            "The Cloudflare provider has no API token: give the local cloud's in the engine's "
            "environment as CLOUDFLARE_API_TOKEN."
        )
    client = CloudflareClient(base_url=base_url, api_token=token, closed_network=closed_network)
    return CloudflareProvider(client, folder=folder)


def _github(
    inputs: Mapping[str, Any], environment: Mapping[str, str], closed_network: bool
) -> Provider:
    from engine.providers.github_client import GithubClient
    from engine.providers.github_provider import GithubProvider

    base_url = str(inputs.get("baseUrl") or environment.get("GITHUB_BASE_URL") or "")
    if closed_network:
        base_url = base_url or _GITHUB_URL
    require_loopback(
        base_url, source="The GitHub provider's base URL", closed_network=closed_network
    )
    token = str(inputs.get("token") or environment.get("GITHUB_TOKEN") or "")
    owner = str(inputs.get("owner") or environment.get("GITHUB_OWNER") or "")
    for what, value in (("token", token), ("owner", owner)):
        if not value:
            raise EngineError(
                f"The GitHub provider has no {what}: give the local cloud's in the engine's "
                f"environment as GITHUB_{what.upper()}."
            )
    return GithubProvider(
        GithubClient(base_url=base_url, owner=owner, token=token, closed_network=closed_network)
    )

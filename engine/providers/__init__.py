"""Stand-ins for Pulumi's Cloudflare and GitHub plugins, for this machine's cloud only."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.errors import EngineError, Unsupported
from engine.loopback import require_loopback
from engine.provider import Provider

__all__ = ["stand_in"]


def stand_in(
    package: str,
    inputs: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    folder: Path = Path(),
) -> Provider:
    """The configured stand-in for ``package``; ``inputs`` are the provider resource's.

    ``folder`` is what relative paths begin at: plugins run in the program's folder.

    Raises ``NotLoopback`` where the endpoint is off this machine, ``Unsupported`` where there is
    no stand-in, ``EngineError`` where there is no token.
    """
    if package == "cloudflare":
        return _cloudflare(inputs, environment, folder)
    if package == "github":
        return _github(inputs, environment)
    raise Unsupported(f"the package {package!r}, for which it has no stand-in", where="The program")


def _cloudflare(
    inputs: Mapping[str, Any], environment: Mapping[str, str], folder: Path
) -> Provider:
    from engine.providers.cloudflare_client import CloudflareClient
    from engine.providers.cloudflare_provider import CloudflareProvider

    base_url = str(inputs.get("baseUrl") or environment.get("CLOUDFLARE_BASE_URL") or "")
    require_loopback(base_url, source="The Cloudflare provider's base URL")
    token = str(inputs.get("apiToken") or environment.get("CLOUDFLARE_API_TOKEN") or "")
    if not token:
        raise EngineError(
            "The Cloudflare provider has no API token: give the local cloud's in the engine's "
            "environment as CLOUDFLARE_API_TOKEN."
        )
    return CloudflareProvider(CloudflareClient(base_url=base_url, api_token=token), folder=folder)


def _github(inputs: Mapping[str, Any], environment: Mapping[str, str]) -> Provider:
    from engine.providers.github_client import GithubClient
    from engine.providers.github_provider import GithubProvider

    base_url = str(inputs.get("baseUrl") or environment.get("GITHUB_BASE_URL") or "")
    require_loopback(base_url, source="The GitHub provider's base URL")
    token = str(inputs.get("token") or environment.get("GITHUB_TOKEN") or "")
    owner = str(inputs.get("owner") or environment.get("GITHUB_OWNER") or "")
    for what, value in (("token", token), ("owner", owner)):
        if not value:
            raise EngineError(
                f"The GitHub provider has no {what}: give the local cloud's in the engine's "
                f"environment as GITHUB_{what.upper()}."
            )
    return GithubProvider(GithubClient(base_url=base_url, owner=owner, token=token))

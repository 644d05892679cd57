"""What the provider of the resource `Smoke` does, as plain functions on plain properties.

Inputs: account_id, base_url, worker, subdomain (or None), service_url, version_id. Outputs: the
inputs and `passed`, the names of the checks that this version has passed.
"""

import os
from collections.abc import Mapping
from typing import Any

import httpx

from infra.migrations.d1 import TOKEN_VARIABLE
from infra.settings.values import is_loopback
from infra.smoke.address import PreviewAddress
from infra.smoke.checks import Smoke, SmokeFailed

Properties = Mapping[str, Any]


def is_changed(old: Properties, new: Properties) -> bool:
    """Whether another version is to be smoked: only that makes it necessary."""
    return old.get("version_id") != new.get("version_id")


def run(properties: Properties) -> dict[str, Any]:
    """Smoke the version and return the outputs; raise SmokeFailed."""
    version_id = str(properties["version_id"])
    subdomain = properties.get("subdomain")
    service_url = str(properties["service_url"])
    if not subdomain and not is_loopback(service_url):
        subdomain = _subdomain(properties)
    address = PreviewAddress.of_version(
        version_id=version_id,
        worker=str(properties["worker"]),
        subdomain=subdomain,
        service_url=service_url,
    )
    return {**properties, "passed": Smoke(version_id, address).run()}


def _subdomain(properties: Properties) -> str:
    """Ask the account for its workers.dev subdomain, where the settings don't name it."""
    url = f"{properties['base_url']}/accounts/{properties['account_id']}/workers/subdomain"
    headers = {"Authorization": f"Bearer {os.environ.get(TOKEN_VARIABLE, '')}"}
    trust = not is_loopback(url)
    try:
        with httpx.Client(timeout=20.0, trust_env=trust) as client:
            answer = client.get(url, headers=headers)
        return str(answer.raise_for_status().json()["result"]["subdomain"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise SmokeFailed(
            "The smoke test needs the account's workers.dev subdomain, and Cloudflare's API didn't "
            f"tell it ({type(error).__name__}). Set workersDevSubdomain in the stack's settings, "
            "or set previewUrls to false, which leaves the smoke test out."
        ) from None

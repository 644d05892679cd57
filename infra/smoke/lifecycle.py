"""What the provider of the resource `Smoke` does, as plain functions on plain properties.

Inputs: account_id, base_url, worker, subdomain (or None), service_url, version_id. Outputs: the
inputs and `passed`, the names of the checks that this version has passed.
"""

from collections.abc import Mapping
from typing import Any

from infra.account_api import AccountApi, CannotAsk, Forbidden
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
    try:
        with AccountApi(properties["base_url"], properties["account_id"]) as api:
            found = api.get("workers/subdomain")
    except (CannotAsk, Forbidden) as error:
        reason = str(error).rstrip(".")
    else:
        if isinstance(found, dict) and found.get("subdomain"):
            return str(found["subdomain"])
        reason = "the account has none"
    raise SmokeFailed(
        f"The smoke test needs the account's workers.dev subdomain, which isn't known: {reason}. "
        "Set workersDevSubdomain in the stack's settings, or set previewUrls to false, which "
        "leaves the smoke test out."
    )

"""The settings of a pull request's stack, derived from another stack's by one rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.stacks.local_stack import NAMESPACE

_OTHERS = (
    *("customDomain", "routePattern", "zoneName", "zoneId", "serviceUrl"),
    *("pin", "traffic", "trafficBase", "keyFingerprints", "keyPrints"),
    *("githubOwner", "githubRepository", "ciTokenExpiresOn", "ciTokenAllowedIps"),
)
_OTHERS_BEGIN = ("adopt", "production")
_OTHERS_END = "SetOn"


def derived_settings(base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a pull request's stack, without secrets.

    They are those of ``base``, but for what belongs to one stack alone (domain, route, pinned
    version, adopted ids, access, dates of keys) and for secrets, which each stack has of its own.
    There is no cron: an account's free plan has few. The stores can be removed.
    """
    derived = {key: value for key, value in base.items() if not _is_others(key, value)}
    derived |= {
        f"{NAMESPACE}:environment": "development",
        f"{NAMESPACE}:crons": [],
        f"{NAMESPACE}:protectStores": False,
        f"{NAMESPACE}:manageAccess": False,
    }
    return derived


def _is_others(key: str, value: object) -> bool:
    if isinstance(value, dict) and "secure" in value:
        return True
    name = key.removeprefix(f"{NAMESPACE}:")
    return name in _OTHERS or name.startswith(_OTHERS_BEGIN) or name.endswith(_OTHERS_END)

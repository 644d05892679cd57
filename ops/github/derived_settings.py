"""The settings of a pull request's stack, derived from another stack's by one rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from infra.settings.derivation import for_another_stack
from ops.stacks.local_stack import NAMESPACE


def derived_settings(base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a pull request's stack, without secrets.

    They are those of ``base`` that hold for another stack. There is no cron: an account's free
    plan has few. The stores can be removed. Without the base's domain it answers at workers.dev.
    """
    return for_another_stack(base) | {
        f"{NAMESPACE}:environment": "development",
        f"{NAMESPACE}:crons": [],
        f"{NAMESPACE}:protectStores": False,
        f"{NAMESPACE}:manageAccess": False,
        f"{NAMESPACE}:workersDev": True,
    }

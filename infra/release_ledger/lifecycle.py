"""What the provider of the resource `ReleaseLedger` does, as plain functions on plain properties.

Inputs: `release`, a manifest, and `serving`, the versions' shares. Outputs: the inputs and
`releases`, the newest first: each manifest that was deployed, with `serving` and `at`, the time.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

Properties = Mapping[str, Any]

KEPT = 100
"""Entries. At several deployments a day that is weeks, and some 60 kB of state."""

_NOT_COMPARED = ("commit", "settings")
"""Another commit of the same release is no other release: it would change the stack each time.
The settings have a digest of their own."""


def is_changed(old: Properties, new: Properties) -> bool:
    """Whether something else is deployed than the newest entry says."""
    entries = old.get("releases") or []
    if not isinstance(new["release"], Mapping) or not isinstance(new["serving"], Sequence):
        return True  # A preview doesn't know yet which version there will be.
    return not entries or _compared(entries[0]) != _compared(_entry(new))


def record(
    old: Properties,
    new: Properties,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> dict[str, Any]:
    """Return the outputs with one more entry."""
    entry = {**_entry(new), "at": now().isoformat(timespec="milliseconds").replace("+00:00", "Z")}
    return {
        "release": new["release"],
        "serving": new["serving"],
        "releases": [entry, *(old.get("releases") or [])][:KEPT],
    }


def _entry(properties: Properties) -> dict[str, Any]:
    return {**properties["release"], "serving": properties["serving"]}


def _compared(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in entry.items() if k not in (*_NOT_COMPARED, "at")}

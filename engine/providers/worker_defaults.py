"""What the real provider fills into a Worker before it sends it."""

from __future__ import annotations

from typing import Any

from engine.providers.resource_type import Properties

_TRACES: dict[str, Any] = {
    "destinations": [],
    "enabled": False,
    "headSamplingRate": 1,
    "persist": True,
}
_LOGS: dict[str, Any] = {
    "destinations": [],
    "enabled": False,
    "headSamplingRate": 1,
    "invocationLogs": True,
    "persist": True,
}


def worker_defaults(inputs: Properties) -> Properties:
    """Inputs with the schema's defaults (internal/services/worker/schema.go).

    Observability without ``logs`` gets none unless it is left out altogether, and the switch of
    preview URLs follows that of the workers.dev address.
    """
    return {
        **inputs,
        "logpush": inputs.get("logpush", False),
        "tags": inputs.get("tags", []),
        "tailConsumers": inputs.get("tailConsumers", []),
        "observability": _observability(inputs.get("observability")),
        "subdomain": _subdomain(inputs.get("subdomain") or {}),
    }


def _observability(given: Any) -> Any:
    if given is None:
        given = {"logs": _LOGS}
    if not isinstance(given, dict):
        return given
    filled = {"enabled": False, "headSamplingRate": 1, **given}
    filled["traces"] = {**_TRACES, **(given.get("traces") or {})}
    if given.get("logs") is not None:
        filled["logs"] = {**_LOGS, **given["logs"]}
    return filled


def _subdomain(given: Any) -> Any:
    if not isinstance(given, dict):
        return given
    enabled = given.get("enabled", False)
    return {"enabled": enabled, "previewsEnabled": given.get("previewsEnabled", enabled)}

"""Faults of the local cloud, put in force and lifted through its own API."""

from __future__ import annotations

from typing import Any

import httpx

from localcloud.home import CloudHome
from ops.stacks.errors import OperationError
from ops.stacks.local_cloud import local_cloud_status
from ops.stacks.project import Project

_SECONDS = 10


def add_fault(project: Project, text: str) -> dict[str, Any]:
    """Put a fault in force, such as ``d1 query 500/7500 for 5m``.

    Raises:
        OperationError: the local cloud doesn't run, or refuses the line.
    """
    return _call(project, "POST", "/local/faults", {"fault": text})


def list_faults(project: Project) -> list[dict[str, Any]]:
    """Return the faults in force. Raises OperationError."""
    found: list[dict[str, Any]] = _call(project, "GET", "/local/faults")["faults"]
    return found


def clear_faults(project: Project, identifier: int | None) -> int:
    """Lift one fault, or all, and return how many. Raises OperationError."""
    path = "/local/faults" if identifier is None else f"/local/faults/{identifier}"
    return int(_call(project, "DELETE", path)["cleared"])


def _call(project: Project, method: str, path: str, body: Any = None) -> dict[str, Any]:
    control_url = local_cloud_status(project).get("control_url")
    if control_url is None:
        raise OperationError("The local cloud doesn't run. Start it: notifyctl local start.")
    try:
        answer = httpx.request(
            method,
            str(control_url).removesuffix("/client/v4") + path,
            json=body,
            headers={"Authorization": f"Bearer {CloudHome(project.home).api_token()}"},
            timeout=_SECONDS,
            trust_env=False,
        )
        document: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError):
        raise OperationError(
            f"The local cloud at {control_url} gave no answer. See: notifyctl local status."
        ) from None
    if answer.status_code >= 400:
        raise OperationError(document["errors"][0]["message"])
    return document

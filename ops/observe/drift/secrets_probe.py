"""The secrets of the version that answers, by the fingerprints that it reports itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.observe.drift.finding import Finding, Repair, Unknown
from ops.stacks.errors import ServiceError
from ops.stacks.service import ServiceClient

_DEPLOYMENT = "deployment"
"""The resource of the program that says which version serves, and so with which secrets."""
_REFUSED_KEY = frozenset({401, 403})
"""Statuses by which the service itself refuses a caller's key."""


class SecretsProbe:
    """Asks the running service, since no API gives secrets back.

    Args:
        outputs: the stack's outputs, secret ones in clear.
    """

    def __init__(self, outputs: Mapping[str, Any]) -> None:
        release = outputs.get("release") or {}
        self._declared: dict[str, Any] = {
            str(name).lower(): shown
            for name, shown in (release.get("secret_fingerprints") or {}).items()
        }
        self._url = str(outputs["service_url"])
        self._key = str(outputs.get("api_secret_key") or "")

    def look(self) -> tuple[list[Finding], list[Unknown]]:
        """Return what differs, and what couldn't be found out.

        A service that refuses the stack's key has another one: that is a difference. One that
        doesn't answer, or an answer of somebody else at its address, tells nothing of secrets.
        """
        try:
            with ServiceClient(self._url, self._key) as service:
                reported = service.secret_fingerprints()
        except ServiceError as error:
            if error.status in _REFUSED_KEY and error.code is not None:
                said = "the fingerprints of the release", f"no report: {error.code}"
                return [Finding("secrets", _DEPLOYMENT, *said, Repair.CALL)], []
            return [], [Unknown("secrets", _DEPLOYMENT, str(error))]
        if reported is None:
            reason = f"{self._url} answered without the secrets' fingerprints."
            return [], [Unknown("secrets", _DEPLOYMENT, reason)]
        return self._differences(reported), []

    def _differences(self, actual: Mapping[str, Any]) -> list[Finding]:
        return [
            Finding("secrets", _DEPLOYMENT, f"the release's {name}", found, Repair.CALL)
            for name in sorted(self._declared.keys() | actual.keys())
            if self._declared.get(name) != actual.get(name)
            for found in ["another value" if actual.get(name) else "none"]
        ]

"""What a version has to do at its preview URL before it may migrate or serve anything."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from infra.settings.values import is_loopback
from infra.smoke.address import PreviewAddress

PATIENCE_S = 45.0
"""Seconds until the preview URL has to answer: a new host takes a while to be known everywhere."""

_PAUSE_S = 1.5
_UNHEALTHY_TRIES = 3
_AFTERWARDS = (
    "Nothing was migrated, and what served before still serves. Correct it and deploy again."
)


class SmokeFailed(Exception):
    """The version isn't fit to serve; the message says which step failed, why, and what to do."""


class Smoke:
    """Boots, health and refusal of an unsigned call, of one version.

    `sleep` takes seconds; `now` gives monotonic ones.
    """

    def __init__(
        self,
        version_id: str,
        address: PreviewAddress,
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._version_id = version_id
        self._sleep = sleep
        self._now = now
        self._client = httpx.Client(
            base_url=address.url,
            headers={"Host": address.host} if address.host else {},
            timeout=httpx.Timeout(20.0, connect=5.0),
            transport=transport,
            # A proxy from the environment can't reach this machine's loopback address.
            trust_env=not is_loopback(address.url),
        )
        self._shown = address.host or address.url.removeprefix("https://")

    def run(self) -> list[str]:
        """Run the checks and return their names; raise SmokeFailed at the first that fails."""
        with self._client:
            health = self._booted()
            self._healthy(health)
            self._refuses_unsigned()
        return ["boot", "health", "unsigned call"]

    def _booted(self) -> dict[str, Any]:
        """Wait until this very version answers, and return what it says of itself."""
        deadline = self._now() + PATIENCE_S
        while True:
            health, problem = self._health()
            if health is not None:
                return health
            if self._now() >= deadline:
                raise self._failed("boot", problem)
            self._sleep(_PAUSE_S)

    def _health(self) -> tuple[dict[str, Any] | None, str]:
        try:
            answer = self._client.get("/api/health")
        except httpx.HTTPError as error:
            return None, f"its preview URL gave no answer ({type(error).__name__})"
        try:
            health = answer.json()
        except ValueError:
            return None, f"its preview URL answered HTTP {answer.status_code} and not the service"
        told = health.get("deployment") if isinstance(health, dict) else None
        found = told if isinstance(told, dict) else {}
        if found.get("version_id") != self._version_id:
            return None, f"its preview URL answers as version {found.get('version_id', 'unknown')}"
        return health, ""

    def _healthy(self, health: dict[str, Any] | None) -> None:
        problem = ""
        for attempt in range(_UNHEALTHY_TRIES):
            if attempt:
                self._sleep(_PAUSE_S)
                health, problem = self._health()
            if health is not None:
                if health.get("status") == "healthy":
                    return
                parts = {name: health.get(name) for name in ("database", "cache", "queues")}
                codes = [str(found.get("code")) for found in health_problems(health)]
                said = [f"{name} {state}" for name, state in parts.items()]
                problem = f"it says {', '.join([*said, *codes])}"
        raise self._failed("health", problem)

    def _refuses_unsigned(self) -> None:
        try:
            answer = self._client.post("/api/send-notification", json={})
        except httpx.HTTPError as error:
            raise self._failed("unsigned call", f"no answer ({type(error).__name__})") from None
        try:
            code = answer.json().get("code")
        except (ValueError, AttributeError):
            code = None
        # Under maintenance nothing but health is answered, and nothing is let in either.
        if answer.status_code != 401 and code != "MAINTENANCE":
            raise self._failed(
                "unsigned call",
                f"a send without a signature was answered with {answer.status_code}, not 401",
            )

    def _failed(self, step: str, why: str) -> SmokeFailed:
        return SmokeFailed(
            f"The uploaded version {self._version_id[:8]} failed the smoke test at {self._shown}, "
            f"step '{step}': {why}. {_AFTERWARDS}"
        )


def health_problems(health: object) -> list[Mapping[str, Any]]:
    """Return the problems in an answer of ``GET /health``; none where it isn't the service's."""
    found = health.get("errors") if isinstance(health, Mapping) else None
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []

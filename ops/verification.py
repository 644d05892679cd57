"""Checks from outside that a deployed service is the one that was meant, and works."""

from __future__ import annotations

import time
from collections.abc import Callable

from ops.console import Reporter
from ops.errors import ServiceError, VerificationFailed
from ops.service import ServiceClient

ATTEMPTS = 3
PAUSE = 10.0
"""Seconds between two attempts of the health check (seed requirement S0-38: 3 attempts, 10 s)."""


class Verification:
    """Verifies one deployed service.

    Args:
        service: a client that signs.
        anonymous: a client of the same service that doesn't.
        version_id: the version that must answer.
        reporter: where the steps are shown.
        sleep: waits the given seconds.
    """

    def __init__(
        self,
        service: ServiceClient,
        anonymous: ServiceClient,
        *,
        version_id: str,
        reporter: Reporter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._anonymous = anonymous
        self._version_id = version_id
        self._reporter = reporter
        self._sleep = sleep

    def run(self) -> None:
        """Run every check.

        Raises:
            VerificationFailed: with the check that failed, what was seen, and what to do next.
        """
        with self._reporter.step("Health: database, cache, queues") as step:
            self._healthy()
            step.detail = f"version {self._version_id[:8]}"
        with self._reporter.step("An unsigned request is refused"):
            self._refuses_unsigned()
        with self._reporter.step("A signed request is answered"):
            self._answers_signed()

    def _healthy(self) -> None:
        problem = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(PAUSE)
            try:
                answer = self._anonymous.call("GET", "/api/health")
                health = answer.json()
            except (ServiceError, ValueError) as error:
                problem = str(error)
                continue
            found = (health.get("deployment") or {}).get("version_id")
            if answer.status_code != 200 or health.get("status") != "healthy":
                parts = {key: health.get(key) for key in ("database", "cache", "queues", "errors")}
                problem = f"GET /api/health answered {answer.status_code} with {parts}."
            elif found != self._version_id:
                problem = f"Version {found} answers where {self._version_id} was deployed."
            else:
                return
        raise VerificationFailed(
            f"The service isn't healthy after {ATTEMPTS} attempts: {problem} "
            "'notifyctl history' shows the updates to go back to."
        )

    def _refuses_unsigned(self) -> None:
        answer = self._anonymous.call("POST", "/api/send-notification", body={})
        if answer.status_code != 401:
            raise VerificationFailed(
                f"An unsigned POST /api/send-notification was answered with {answer.status_code} "
                "instead of 401: the service isn't protected. Go back to the release before."
            )

    def _answers_signed(self) -> None:
        answer = self._service.call("GET", "/api/notification-logs", query={"limit": "1"})
        if answer.status_code == 401:
            raise VerificationFailed(
                "A signed GET /api/notification-logs was answered with 401: the service's "
                "API_SECRET_KEY isn't the stack's. Run 'notifyctl up' again."
            )
        if answer.status_code != 200:
            raise VerificationFailed(
                f"A signed GET /api/notification-logs was answered with {answer.status_code}: "
                f"{answer.text[:200]}. 'notifyctl history' shows the updates to go back to."
            )

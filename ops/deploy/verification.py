"""Checks from outside that a deployed service is the one that was meant, and works."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ops.stacks.console import Reporter
from ops.stacks.errors import ServiceError, VerificationFailed
from ops.stacks.service import ServiceClient

ATTEMPTS = 3
PAUSE = 10.0
"""Seconds between two attempts of the health check: 3 attempts, 10 s apart."""

WAY_BACK = "'notifyctl rollback' goes back to the last good release."


@dataclass(frozen=True)
class CheckResult:
    """What one check found.

    Attributes:
        name: the check, in one word.
        passed: whether it is as it must be; ``None`` where it couldn't be made.
        detail: what was seen, or why it was left out.
    """

    name: str
    passed: bool | None
    detail: str = ""

    def document(self) -> dict[str, Any]:
        """Return the result for ``--json`` and reports."""
        words = {True: "passed", False: "failed", None: "skipped"}
        return {"check": self.name, "result": words[self.passed], "detail": self.detail}


class Verification:
    """Verifies one deployed service.

    Args:
        service: a client that signs.
        anonymous: a client of the same service that doesn't.
        version_id: the version that must answer.
        reporter: where the steps are shown.
        sleep: waits the given seconds.
        pause: seconds between two attempts of the health check.
    """

    def __init__(
        self,
        service: ServiceClient,
        anonymous: ServiceClient,
        *,
        version_id: str,
        reporter: Reporter,
        sleep: Callable[[float], None] = time.sleep,
        pause: float = PAUSE,
    ) -> None:
        self._service = service
        self._anonymous = anonymous
        self._version_id = version_id
        self._reporter = reporter
        self._sleep = sleep
        self._pause = pause

    def run(self) -> list[CheckResult]:
        """Run every check and return what was found.

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
        seen = f"version {self._version_id}"
        names = ("worker", "version", "database", "cache", "queues", "unsigned", "signed")
        return [CheckResult(name, True, seen if name == "version" else "") for name in names]

    def _healthy(self) -> None:
        check, problem = "worker", ""
        for attempt in range(ATTEMPTS):
            if attempt:
                self._sleep(self._pause)
            try:
                answer = self._anonymous.call("GET", "/api/health")
                health = answer.json()
            except (ServiceError, ValueError) as error:
                check, problem = "worker", str(error)
                continue
            if not isinstance(health, dict):
                check, problem = "worker", "GET /api/health answered no JSON object."
                continue
            found = (health.get("deployment") or {}).get("version_id")
            if answer.status_code != 200 or health.get("status") != "healthy":
                check, problem = _sick_part(answer.status_code, health)
            elif found != self._version_id:
                check = "version"
                problem = f"Version {found} answers where {self._version_id} was deployed."
            else:
                return
        raise VerificationFailed(
            f"The check '{check}' failed: the service isn't healthy after {ATTEMPTS} attempts. "
            f"{problem} {WAY_BACK}",
            check=check,
        )

    def _refuses_unsigned(self) -> None:
        answer = self._anonymous.call("POST", "/api/send-notification", body={})
        if answer.status_code != 401:
            raise VerificationFailed(
                "The check 'unsigned' failed: an unsigned POST /api/send-notification was answered "
                f"with {answer.status_code} instead of 401, so the service isn't protected. "
                f"{WAY_BACK}",
                check="unsigned",
            )

    def _answers_signed(self) -> None:
        answer = self._service.call("GET", "/api/notification-logs", query={"limit": "1"})
        if answer.status_code == 401:
            raise VerificationFailed(
                "The check 'signed' failed: a signed GET /api/notification-logs was answered with "
                "401, so the service's API_SECRET_KEY isn't the stack's. Run 'notifyctl up' again.",
                check="signed",
            )
        if answer.status_code != 200:
            raise VerificationFailed(
                "The check 'signed' failed: a signed GET /api/notification-logs was answered with "
                f"{answer.status_code}: {answer.text[:200]}. {WAY_BACK}",
                check="signed",
            )


def _sick_part(status: int, health: dict[str, Any]) -> tuple[str, str]:
    """Return the part that isn't connected, by its check's name, and a sentence about it."""
    for name in ("database", "cache", "queues"):
        state = health.get(name)
        if state != "connected":
            codes = [str(error.get("code")) for error in health.get("errors") or []]
            told = f" ({', '.join(codes)})" if codes else ""
            return name, f"GET /api/health says that the {name} is {state}{told}."
    parts = {key: health.get(key) for key in ("status", "errors")}
    return "worker", f"GET /api/health answered {status} with {parts}."

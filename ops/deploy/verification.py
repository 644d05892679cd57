"""Checks from outside that a deployed service is the one that was meant, and works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from infra.retries import retrying
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
        pause: seconds between two attempts of the health check.
        maintenance: whether the stack declares ``maintenanceMode``, so that everything but health
            has to answer 503.
    """

    def __init__(
        self,
        service: ServiceClient,
        anonymous: ServiceClient,
        *,
        version_id: str,
        reporter: Reporter,
        pause: float = PAUSE,
        maintenance: bool = False,
    ) -> None:
        self._maintenance = maintenance
        self._service = service
        self._anonymous = anonymous
        self._version_id = version_id
        self._reporter = reporter
        self._pause = pause

    def run(self) -> list[CheckResult]:
        """Run every check and return what was found.

        Raises:
            VerificationFailed: with the check that failed, what was seen, and what to do next.
        """
        with self._reporter.step("Health: database, cache, queues") as step:
            self._healthy()
            step.detail = f"version {self._version_id[:8]}"
        if self._maintenance:
            with self._reporter.step("Maintenance: nothing but health is answered"):
                self._is_in_maintenance()
            seen = f"version {self._version_id}"
            parts = ("worker", "version", "database", "cache", "queues", "maintenance")
            return [CheckResult(part, True, seen if part == "version" else "") for part in parts]
        with self._reporter.step("An unsigned request is refused"):
            self._refuses_unsigned()
        with self._reporter.step("A signed request is answered"):
            self._answers_signed()
        seen = f"version {self._version_id}"
        names = ("worker", "version", "database", "cache", "queues", "unsigned", "signed")
        return [CheckResult(name, True, seen if name == "version" else "") for name in names]

    def _healthy(self) -> None:
        attempts = retrying(
            _Unhealthy, attempts=ATTEMPTS, first_wait=self._pause, longest_wait=self._pause
        )
        try:
            attempts(self._check_health)
        except _Unhealthy as found:
            raise VerificationFailed(
                f"The check '{found.check}' failed: the service isn't healthy after {ATTEMPTS} "
                f"attempts. {found} {WAY_BACK}",
                check=found.check,
            ) from None

    def _check_health(self) -> None:
        try:
            answer = self._anonymous.call("GET", "/api/health")
            health = answer.json()
        except (ServiceError, ValueError) as error:
            raise _Unhealthy("worker", str(error)) from None
        if not isinstance(health, dict):
            raise _Unhealthy("worker", "GET /api/health answered no JSON object.")
        if answer.status_code != 200 or health.get("status") != "healthy":
            raise _Unhealthy(*_sick_part(answer.status_code, health))
        found = (health.get("deployment") or {}).get("version_id")
        if found != self._version_id:
            text = f"Version {found} answers where {self._version_id} was deployed."
            raise _Unhealthy("version", text)

    def _is_in_maintenance(self) -> None:
        answer = self._service.call("GET", "/api/notification-logs", query={"limit": "1"})
        if answer.status_code != 503:
            raise VerificationFailed(
                "The check 'maintenance' failed: maintenanceMode is on, and a signed GET "
                f"/api/notification-logs was answered with {answer.status_code} instead of 503. "
                f"{WAY_BACK}",
                check="maintenance",
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


class _Unhealthy(Exception):
    """One look at the service's health; `check` is the part that isn't as it must be."""

    def __init__(self, check: str, problem: str) -> None:
        super().__init__(problem)
        self.check = check


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

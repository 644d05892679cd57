"""Checks from outside that a deployed service is the one that was meant, and works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from infra.retries import retrying
from infra.smoke.checks import health_problems
from ops.stacks.active_deployment import short_version
from ops.stacks.console import Reporter
from ops.stacks.errors import ServiceError, VerificationFailed
from ops.stacks.service import ServiceClient

ATTEMPTS = 3
PAUSE = 10.0
"""Seconds between two attempts of the health check: 3 attempts, 10 s apart."""

WAY_BACK = "'notifyctl rollback' goes back to the last good release."
_LOGS = "/api/notification-logs"
_SIGNED = f"GET {_LOGS}"


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
            step.detail = f"version {short_version(self._version_id)}"
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
            raise check_failed(
                found.check, f"the service isn't healthy after {ATTEMPTS} attempts. {found}"
            ) from None

    def _check_health(self) -> None:
        try:
            answer = self._anonymous.call("GET", "/api/health")
            health = answer.json()
        except ServiceError as error:
            raise _Unhealthy("worker", str(error)) from None
        except ValueError:
            health = None
        if not isinstance(health, dict):
            raise _Unhealthy("worker", "GET /api/health answered no JSON object.")
        if answer.status_code != 200 or health.get("status") != "healthy":
            raise _Unhealthy(*_sick_part(answer.status_code, health))
        deployment = health.get("deployment")
        found = deployment.get("version_id") if isinstance(deployment, dict) else None
        if found != self._version_id:
            text = f"Version {found} answers where {self._version_id} was deployed."
            raise _Unhealthy("version", text)

    def _is_in_maintenance(self) -> None:
        status = self._signed_call("maintenance").status_code
        if status != 503:
            raise check_failed(
                "maintenance",
                f"maintenanceMode is on, and a signed {_SIGNED} was answered with {status} "
                "instead of 503.",
            )

    def _refuses_unsigned(self) -> None:
        with answering("unsigned"):
            answer = self._anonymous.call("POST", "/api/send-notification", body={})
        if answer.status_code != 401:
            raise check_failed(
                "unsigned",
                "an unsigned POST /api/send-notification was answered with "
                f"{answer.status_code} instead of 401, so the service isn't protected.",
            )

    def _answers_signed(self) -> None:
        answer = self._signed_call("signed")
        if answer.status_code == 401:
            raise VerificationFailed(
                f"The check 'signed' failed: a signed {_SIGNED} was answered with 401, so the "
                "service's API_SECRET_KEY isn't the stack's. Run 'notifyctl up' again.",
                check="signed",
            )
        if answer.status_code != 200:
            raise check_failed(
                "signed",
                f"a signed {_SIGNED} was answered with {answer.status_code}: {answer.text[:200]}.",
            )

    def _signed_call(self, check: str) -> httpx.Response:
        with answering(check):
            return self._service.call("GET", _LOGS, query={"limit": "1"})


@contextmanager
def answering(check: str) -> Iterator[None]:
    """Let a call that gets no answer fail the check that makes it, so that a release is taken back.

    Raises:
        VerificationFailed: a call inside the block wasn't answered, or was refused.
    """
    try:
        yield
    except ServiceError as error:
        raise check_failed(check, str(error)) from None


def check_failed(check: str, why: str) -> VerificationFailed:
    """Return the error of a check that failed; ``why`` ends as a sentence does."""
    return VerificationFailed(f"The check '{check}' failed: {why} {WAY_BACK}", check=check)


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
            codes = [str(problem.get("code")) for problem in health_problems(health)]
            told = f" ({', '.join(codes)})" if codes else ""
            return name, f"GET /api/health says that the {name} is {state}{told}."
    parts = {key: health.get(key) for key in ("status", "errors")}
    return "worker", f"GET /api/health answered {status} with {parts}."

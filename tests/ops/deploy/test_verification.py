"""Each check of the verification, broken in turn, is named."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
import stamina

from ops.deploy.verification import Verification
from ops.stacks.console import Reporter
from ops.stacks.errors import ServiceError, VerificationFailed

HEALTHY = {
    "status": "healthy",
    "database": "connected",
    "cache": "connected",
    "queues": "connected",
    "deployment": {"version_id": "v1"},
}


class Service:
    """Answers what it is told to: health from a list, the last of them again and again."""

    def __init__(
        self,
        *healths: Any,
        unsigned: int | Exception = 401,
        signed: int | Exception = 200,
        status: int = 0,
    ) -> None:
        self.healths = list(healths) or [HEALTHY]
        self.unsigned = unsigned
        self.signed = signed
        self.status = status
        self.looks = 0

    def call(self, method: str, path: str, **_: Any) -> httpx.Response:
        if path == "/api/send-notification":
            return _answer(self.unsigned)
        if path == "/api/notification-logs":
            return _answer(self.signed)
        self.looks += 1
        health = self.healths.pop(0) if len(self.healths) > 1 else self.healths[0]
        if isinstance(health, Exception):
            raise health
        is_well = isinstance(health, dict) and health.get("status") == "healthy"
        status = self.status or (200 if is_well else 503)
        if isinstance(health, bytes):
            return httpx.Response(200, content=health)
        return httpx.Response(status, json=health)

    def verify(self, *, maintenance: bool = False) -> list[dict[str, Any]]:
        client: Any = self
        reporter = Reporter(quiet=True)
        verification = Verification(
            client, client, version_id="v1", reporter=reporter, maintenance=maintenance
        )
        return [result.document() for result in verification.run()]


def _answer(status: int | Exception) -> httpx.Response:
    if isinstance(status, Exception):
        raise status
    return httpx.Response(status, text="no")


@pytest.mark.requirement("S0-38")
def test_a_service_that_is_healthy_at_the_third_attempt_passes_after_ten_seconds_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service = Service(ServiceError("down."), {**HEALTHY, "status": "unhealthy"}, HEALTHY)
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)

    with stamina.set_testing(False):
        results = service.verify()

    assert waits == [10.0, 10.0]
    assert {result["result"] for result in results} == {"passed"}


@pytest.mark.requirement("S0-38", "S0-39", "S0-44", "S4-26", "S4-28")
@pytest.mark.parametrize(
    ("service", "check"),
    [
        (Service(ServiceError("down.")), "worker"),
        (Service({**HEALTHY, "status": "unhealthy"}), "worker"),
        (Service({**HEALTHY, "status": "unhealthy", "database": "not_bound"}), "database"),
        (Service({**HEALTHY, "status": "unhealthy", "cache": "disconnected"}), "cache"),
        (Service({**HEALTHY, "status": "unhealthy", "queues": "not_bound"}), "queues"),
        (Service({**HEALTHY, "deployment": {"version_id": "v0"}}), "version"),
        (Service(unsigned=200), "unsigned"),
        (Service(signed=401), "signed"),
        (Service(signed=500), "signed"),
        (Service(signed=ServiceError("no answer in time.", unanswered=True)), "signed"),
        (Service(unsigned=ServiceError("no answer in time.", unanswered=True)), "unsigned"),
        (Service({**HEALTHY, "status": "unhealthy", "database": "x", "errors": [5]}), "database"),
        (Service({**HEALTHY, "deployment": "v1"}), "version"),
        (Service({**HEALTHY, "deployment": None}), "version"),
        (Service(["healthy"]), "worker"),
    ],
)
def test_a_check_that_fails_is_named_and_ends_in_bounded_time(service: Service, check: str) -> None:
    with pytest.raises(VerificationFailed) as caught:
        service.verify()

    assert caught.value.check == check
    assert f"'{check}'" in str(caught.value)
    assert service.looks <= 3


def test_a_page_in_place_of_health_is_said_to_be_none() -> None:
    with pytest.raises(VerificationFailed, match=r"GET /api/health answered no JSON object\."):
        Service(b"<html>sign in</html>").verify()


def test_declared_maintenance_is_verified_as_such_and_never_taken_for_a_fault() -> None:
    found = Service(unsigned=503, signed=503).verify(maintenance=True)
    assert {one["check"]: one["result"] for one in found}["maintenance"] == "passed"
    with pytest.raises(VerificationFailed, match="answered with 200 instead of 503"):
        Service().verify(maintenance=True)
    with pytest.raises(VerificationFailed, match="instead of 401"):
        Service(unsigned=503, signed=503).verify()


def test_a_service_in_maintenance_that_gives_no_answer_fails_the_check_of_maintenance() -> None:
    with pytest.raises(VerificationFailed, match="no answer in time") as caught:
        Service(signed=ServiceError("no answer in time.")).verify(maintenance=True)
    assert caught.value.check == "maintenance"


def test_the_codes_of_what_is_sick_are_told() -> None:
    errors = [{"code": "D1_NOT_BOUND"}, {"code": "X"}]
    sick = {**HEALTHY, "status": "unhealthy", "database": "not_bound", "errors": errors}
    with pytest.raises(VerificationFailed, match=r"the database is not_bound \(D1_NOT_BOUND, X\)"):
        Service(sick).verify()


def test_a_failed_check_names_the_way_back() -> None:
    with pytest.raises(VerificationFailed, match="'notifyctl rollback' goes back"):
        Service(signed=ServiceError("no answer in time.")).verify()


@pytest.mark.parametrize("status", [101, 199, 201, 302, 500])
def test_only_200_is_healthy_whatever_the_answer_says(status: int) -> None:
    with pytest.raises(VerificationFailed, match=f"{status}"):
        Service(HEALTHY, status=status).verify()

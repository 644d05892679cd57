"""What doctor says of a service by its own word, and by what its callers were answered."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.access.checks.outcome import Outcome
from ops.observe.doctor import service_health as module
from ops.observe.doctor.service_health import service_health
from ops.observe.metrics.caller_metrics import CallerAnswer, CallerMetrics
from ops.stacks.account import StackAccount
from tests.ops.answering_service import answering_service

HEALTHY = {"status": "healthy", "errors": []}


def failed_call(code: str, calls: int) -> CallerAnswer:
    return CallerAnswer(
        *("/api/notifications/send", "POST", 503, code, "v1", "slack", "", ""),
        *(calls, "2026-11-29T08:00:00Z", "2026-11-29T08:30:00Z", "r1"),
    )


@pytest.fixture
def callers(monkeypatch: pytest.MonkeyPatch) -> dict[str, CallerMetrics]:
    found = {"read": CallerMetrics(())}
    monkeypatch.setattr(StackAccount, "of", lambda _: None)
    monkeypatch.setattr(CallerMetrics, "read", lambda *_: found["read"])
    return found


def outcomes(status: int, body: bytes, *, is_local: bool = False) -> dict[str, Outcome]:
    context: Any = SimpleNamespace(stack="dev", is_local=is_local, project=None)
    with answering_service() as service:
        service.answers = [(status, body)]
        outputs = {"service_url": service.url, "worker_name": "w"}
        return {one.check: one for one in service_health(context, outputs)}


def test_a_healthy_service_whose_callers_met_no_refusal_is_well(
    callers: dict[str, CallerMetrics],
) -> None:
    found = outcomes(200, json.dumps(HEALTHY).encode())
    assert {name: one.result for name, one in found.items()} == {"health": "ok", "writes": "ok"}
    assert found["health"].found == "GET /health answered 200, no problem"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        *((200, body) for body in (b"[]", b"5", b"{}", b"null", b'{"message": "sign in"}')),
        (502, b'{"message": "no upstream"}'),
        (503, b'{"status": "unhealthy", "errors": []}'),
        (503, b'{"status": "unhealthy", "errors": [5]}'),
    ],
)
def test_an_answer_that_says_nothing_good_is_no_good_health(
    callers: dict[str, CallerMetrics], status: int, body: bytes
) -> None:
    found = outcomes(status, body)["health"]
    assert found.result == "fail"
    assert f"GET /health answered {status}" in found.found
    assert found.advice.endswith("notifyctl diagnose --stack dev")


def test_a_page_in_place_of_an_answer_fails(callers: dict[str, CallerMetrics]) -> None:
    found = outcomes(200, b"<html>sign in</html>")["health"]
    assert found.result == "fail"
    assert found.found == "GET /health answered 200 and not that the service is healthy"


@pytest.mark.parametrize(
    ("code", "check", "advice"),
    [
        ("WRITES_REFUSED", "writes", "notifyctl cleanup --stack dev --days 30"),
        ("REQUESTS_FAILED", "requests", "notifyctl diagnose --stack dev"),
        ("CRON_STOPPED", "cron", "See docs/runbook.md, Cron stopped: notifyctl drift --stack dev"),
        ("WEAK_SECRET", "secret", "See docs/runbook.md, Wrong secret."),
        ("D1_NOT_BOUND", "D1_NOT_BOUND", "See docs/runbook.md, Lost binding."),
        ("NEW", "NEW", "See docs/runbook.md, Errors."),
    ],
)
def test_each_problem_that_health_names_is_a_check_of_its_own(
    callers: dict[str, CallerMetrics], code: str, check: str, advice: str
) -> None:
    health = {"status": "degraded", "errors": [{"code": code, "message": "It is so."}]}
    found = outcomes(200, json.dumps(health).encode())
    assert "health" not in found
    assert (found[check].result, found[check].found) == ("fail", "It is so.")
    assert advice in found[check].advice


def test_what_callers_met_of_the_database_is_added_up(callers: dict[str, CallerMetrics]) -> None:
    answers = [failed_call("DB_ERROR", 4), failed_call("OTHER", 9)]
    callers["read"] = CallerMetrics(answers)
    found = outcomes(200, json.dumps(HEALTHY).encode())["writes"]
    assert found.result == "fail"
    assert found.found.startswith("the database failed 4 calls in the last hour: POST /api/")


def test_callers_that_nobody_can_ask_about_are_skipped(callers: dict[str, CallerMetrics]) -> None:
    callers["read"] = CallerMetrics((), "no token")
    found = outcomes(200, json.dumps(HEALTHY).encode())["writes"]
    assert (found.result, "no token" in found.found) == ("skipped", True)


def test_every_section_that_is_advised_is_one_of_the_runbooks() -> None:
    runbook = (Path(__file__).resolve().parents[3] / "docs" / "runbook.md").read_text()
    assert all(f"\n## {section}\n" in runbook for section, *_ in module.PROBLEM_STEPS.values())

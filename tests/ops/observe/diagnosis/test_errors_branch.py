"""A finding of the errors branch has its time, its count, an example, and when it is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from ops.observe.diagnosis.branch import Branch, Verdict
from ops.observe.diagnosis.errors_branch import _lines
from ops.stacks.account import StackAccount

ACCOUNT = StackAccount("local", "0" * 32, "http://127.0.0.1:1/client/v4", is_local=True, token="t")
WATCH = "notifyctl tail --stack local --level warn"


def event(minutes: int, request: str, message: str = "POST /api/send 500") -> dict[str, Any]:
    at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    line = {"message": message, "level": "error", "requestId": request, "error": "send.py:12"}
    return {"timestamp": at, "level": "error", "message": json.dumps(line)}


def looked_at(monkeypatch: pytest.MonkeyPatch, events: list[dict[str, Any]]) -> Branch:
    def answer(_: object, request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/local/logs"
        return httpx.Response(200, json={"logs": events}, request=request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", answer)
    branch = Branch("errors", "Does the service fail?")
    _lines(branch, ACCOUNT, WATCH)
    return branch


def test_a_fault_that_goes_on_is_told_once_with_its_count_and_an_example(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    branch = looked_at(monkeypatch, [event(9, "req-old"), event(2, "req-new"), event(5, "req-mid")])
    assert branch.verdict is Verdict.ILL
    (found,) = branch.found
    assert found.startswith("POST /api/send 500: send.py:12: 3 times in the last hour, last at 20")
    assert "over after 15 minutes without it" in found
    assert branch.advice == ["See one of them: notifyctl logs --request-id req-new --stack local"]


def test_a_fault_that_has_not_happened_for_a_while_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = looked_at(monkeypatch, [event(28, "req-1")])
    assert branch.verdict is Verdict.WELL
    assert "1 time in the last hour" in branch.found[0]
    assert "over, since it hasn't happened for 15 minutes" in branch.found[0]
    assert branch.advice == []


def test_what_is_older_than_an_hour_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = looked_at(monkeypatch, [event(61, "req-1")])
    assert branch.found == ["log lines: none of level error in the last hour"]
    assert branch.verdict is Verdict.WELL


def test_different_faults_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = looked_at(monkeypatch, [event(1, "a"), event(1, "b", "GET /api/logs 500")])
    assert [found.partition(":")[0] for found in branch.found] == [
        "POST /api/send 500",
        "GET /api/logs 500",
    ]

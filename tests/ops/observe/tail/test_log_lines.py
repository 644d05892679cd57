"""Log lines in every form they come in, and the conditions they are chosen by."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ops.observe.tail.line_filter import LineFilter
from ops.observe.tail.log_line import LogLine, lines_of_trace
from ops.stacks.errors import UsageError
from tests import forked_commands

ROOT = Path(__file__).resolve().parents[4]
RECORDED = Path(__file__).parent / "recorded.ndjson"


def trace(**changes: Any) -> dict[str, Any]:
    """A trace as Cloudflare sends it when a request has ended."""
    return {
        "outcome": "ok",
        "scriptName": "notification-system",
        "scriptVersion": {"id": "v1"},
        "eventTimestamp": 1795316975000,
        "event": {
            "request": {"url": "https://n.example.test/api/x?token=t", "method": "GET"},
            "response": {"status": 200},
        },
        "logs": [],
        "exceptions": [],
        **changes,
    }


def log(*message: object, level: str = "log") -> dict[str, Any]:
    return {"message": list(message), "level": level, "timestamp": 1795316975662}


def test_a_structured_line_keeps_its_own_fields() -> None:
    written = {
        "timestamp": "2026-11-22T03:09:35.576Z",
        "level": "warn",
        "message": "GET /a 404 3ms",
        "path": "/a",
        "statusCode": 404,
        "duration": 3,
        "requestId": "r1",
        "versionId": "v1",
    }
    (line,) = lines_of_trace(trace(logs=[log(json.dumps(written))]))
    assert (line.level, line.path, line.status, line.duration_ms) == ("warn", "/a", 404, 3.0)
    assert (line.moment, line.request_id, line.version) == (written["timestamp"], "r1", "v1")
    assert line.document() == written


def test_a_plain_line_gets_what_its_invocation_was_about_but_no_query() -> None:
    (line,) = lines_of_trace(trace(logs=[log("two", {"parts": 1}, level="warning")]))
    assert (line.message, line.level) == ('two {"parts": 1}', "warn")
    assert (line.path, line.status) == ("/api/x", 200)
    assert line.moment == "2026-11-22T03:09:35.662Z"
    assert "token" not in json.dumps(line.document())


def test_exceptions_and_bad_outcomes_are_errors() -> None:
    raised = {"name": "Error", "message": "no", "timestamp": 1795316975662}
    lines = list(lines_of_trace(trace(outcome="exceededCpu", exceptions=[raised])))
    assert [(line.level, line.message) for line in lines] == [
        ("error", "Error: no"),
        ("error", "The invocation ended with exceededCpu"),
    ]


def test_a_canceled_invocation_without_lines_is_nothing_to_tell() -> None:
    assert list(lines_of_trace(trace(outcome="canceled", event=None))) == []


LINE = LogLine(
    moment="2026-11-22T03:09:35.576Z",
    level="warn",
    message="GET /api/users/ada 404 3ms",
    path="/api/users/ada",
    status=404,
    user="ada",
    request_id="69156790-975d",
)


@pytest.mark.requirement("S0-60")
@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ({}, True),
        ({"level": "info"}, True),
        ({"level": "error"}, False),
        ({"path": "/api/users/ada"}, True),
        ({"path": "/api/*"}, True),
        ({"path": "/api"}, False),
        ({"user": "ada"}, True),
        ({"user": "ad"}, False),
        ({"request_id": "691567"}, True),
        ({"request_id": "975d"}, False),
        ({"status": "404"}, True),
        ({"status": "4xx"}, True),
        ({"status": "5xx"}, False),
        ({"text": "USERS/ADA"}, True),
        ({"text": "bob"}, False),
        ({"level": "warn", "status": "500"}, False),
    ],
)
def test_every_condition_chooses_and_all_have_to_hold(
    condition: dict[str, str], passes: bool
) -> None:
    assert LineFilter(**condition).passes(LINE) is passes


@pytest.mark.parametrize("condition", [{"level": "loud"}, {"status": "4x"}, {"status": "oops"}])
def test_a_condition_that_means_nothing_is_refused(condition: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        LineFilter(**condition)


def test_a_line_without_a_status_passes_no_condition_on_it() -> None:
    assert not LineFilter(status="4xx").passes(LogLine("", "info", "x"))


def tail(*arguments: str) -> subprocess.CompletedProcess[str]:
    return forked_commands.run(["tail", *arguments])


@pytest.mark.requirement("S0-60")
def test_saved_lines_are_chosen_and_shown_like_live_ones() -> None:
    shown = tail("--file", str(RECORDED), "--level", "warn")
    assert shown.returncode == 0, shown.stderr
    assert [line.split("  ")[1].strip() for line in shown.stdout.splitlines()] == ["WARN", "ERROR"]
    assert shown.stderr == "2 lines\n"
    saved = tail("--file", str(RECORDED), "--json", "--limit", "1")
    assert json.loads(saved.stdout)["path"] == "/api/notifications/send"
    assert tail("--file", "nowhere.ndjson").returncode == 2
    assert tail("--file", str(RECORDED), "--level", "loud").returncode == 2


@pytest.mark.requirement("S0-63", "S0-112")
def test_saved_lines_are_counted_averaged_and_searched_for_errors() -> None:
    def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
        return forked_commands.run(["analyze", str(RECORDED), *arguments])

    document = json.loads(analyze("--json").stdout)
    assert document["levels"] == {"info": 2, "warn": 1, "error": 1}
    assert document["durations"] == {
        "count": 3,
        "average_ms": 150.0,
        "median_ms": 100.0,
        "p95_ms": 346.0,
        "max_ms": 346.0,
    }
    assert document["by_path"]["/nothing"]["average_ms"] == 4
    only = analyze("--errors")
    assert only.returncode == 0
    assert [line.split("  ")[1] for line in only.stdout.splitlines()] == ["ERROR"]
    empty = json.loads(analyze("--path", "/none", "--json").stdout)
    assert empty["durations"]["average_ms"] is None

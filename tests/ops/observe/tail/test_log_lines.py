"""Log lines in every form they come in, and the conditions they are chosen by."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ops.observe.tail.line_filter import LineFilter
from ops.observe.tail.log_line import LogLine, lines_of_trace
from ops.observe.tail.recorded_lines import recorded_lines
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


ODD: tuple[Any, ...] = (None, 5, "text", [], [5], [[]], {}, {"request": 5}, {"url": "http://[x"})


@pytest.mark.parametrize("name", ["event", "scriptVersion", "logs", "exceptions", "eventTimestamp"])
@pytest.mark.parametrize("odd", ODD)
def test_a_trace_of_another_form_tells_what_it_can(name: str, odd: Any) -> None:
    changes = {"logs": [log("told")], "outcome": "exception", name: odd}
    lines = list(lines_of_trace(trace(**changes)))
    assert "The invocation ended with exception" in [line.message for line in lines]
    assert ("told" in [line.message for line in lines]) is (name != "logs")


@pytest.mark.parametrize("odd", ["http://[x/y", 5, None])
def test_a_url_that_is_none_leaves_the_path_out(odd: Any) -> None:
    event = {"request": {"url": odd, "method": "GET"}}
    (line,) = lines_of_trace(trace(logs=[log("told")], event=event))
    assert (line.path, line.message) == ("", "told")


@pytest.mark.parametrize("moment", [1e300, -1e300, float("nan"), float("inf"), "x", None, True])
def test_a_time_that_is_none_is_left_out(moment: Any) -> None:
    written = [{"message": ["told"], "level": "log", "timestamp": moment}]
    (line,) = lines_of_trace(trace(logs=written, eventTimestamp=None))
    assert (line.message, line.moment) == ("told", "")


@pytest.mark.parametrize("duration", ["NaN", "Infinity", "1" + "0" * 400, "true", '"3"', "null"])
def test_a_duration_that_is_no_number_is_none(duration: str) -> None:
    text = f'{{"message": "m", "duration": {duration}}}'
    assert LogLine.parse(text, level="info", moment="").duration_ms is None


def test_a_saved_line_of_any_text_is_a_line(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    texts = ['{"logs": [5]}', '{"logs": ["x"], "event": 5}', "[" * 5000, '{"logs": {}}', "plain"]
    file.write_bytes("\n".join([*texts, ""]).encode() + b"\xff\n\n")
    found = [line.message for line in recorded_lines(file)]
    assert found == ["[" * 5000, "", "plain", "\ufffd"]


def test_lines_of_standard_input_need_not_be_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"a\xffb\n"), encoding="utf-8"))
    assert [line.message for line in recorded_lines(Path("-"))] == ["a\ufffdb"]


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for file in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UsageError, match=f"There is no file {file}"):
            list(recorded_lines(file))


@pytest.mark.parametrize(
    ("said", "level"),
    [
        ("debug", "debug"),
        ("DEBUG", "debug"),
        ("log", "info"),
        ("info", "info"),
        ("loud", "info"),
        ("warn", "warn"),
        ("Warning", "warn"),
        ("error", "error"),
    ],
)
def test_each_level_that_anybody_uses_is_one_of_four(said: str, level: str) -> None:
    (line,) = lines_of_trace(trace(logs=[log("x", level=said)]))
    assert line.level == level

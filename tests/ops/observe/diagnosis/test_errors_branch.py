"""A finding of the errors branch has its time, its count, an example, and when it is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from ops.database.stack_database import StackDatabase
from ops.observe.diagnosis.branch import Branch, Verdict
from ops.observe.diagnosis.errors_branch import _callers, _failures, _lines, errors_branch
from ops.observe.metrics.caller_metrics import CallerAnswer, CallerMetrics
from ops.observe.metrics.stack_status import StackStatus
from ops.observe.metrics.thresholds import Level, Metric, Reading
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError

ACCOUNT = StackAccount("local", "0" * 32, "http://127.0.0.1:1/client/v4", is_local=True, token="t")
WATCH = "notifyctl tail --stack local --level warn"


def event(
    minutes: int, request: str, message: str = "Cron failed", kind: str = "scheduled_task"
) -> dict[str, Any]:
    at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")
    line = {"message": message, "level": "error", "requestId": request, "error": "send.py:12"}
    line["type"] = kind
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
    (finding,) = branch.findings
    assert finding.what == "3 times Cron failed: send.py:12"
    assert finding.first < finding.last
    assert finding.when.startswith("the last hour; 20")
    assert finding.when.endswith("; such as request req-new; over after 15 minutes without another")
    assert (finding.step, finding.section) == ((WATCH,), "Errors")


def test_a_fault_that_has_not_happened_for_a_while_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = looked_at(monkeypatch, [event(28, "req-1")])
    assert (branch.verdict, branch.findings) == (Verdict.WELL, [])
    assert branch.found[0].startswith("1 time Cron failed: send.py:12; over: last at 20")


def test_what_is_older_than_an_hour_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = looked_at(monkeypatch, [event(61, "req-1")])
    assert branch.found == ["log lines: none of level error in the last hour"]
    assert branch.verdict is Verdict.WELL


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b"null"])
def test_lines_of_another_form_are_unknown_in_words(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    monkeypatch.setattr(
        httpx.HTTPTransport,
        "handle_request",
        lambda _, request: httpx.Response(200, content=body, request=request),
    )
    branch = Branch("errors", "Does the service fail?")
    _lines(branch, ACCOUNT, WATCH)
    assert branch.found == ["log lines: the local cloud's answer has an unexpected form"]
    assert branch.verdict is Verdict.UNKNOWN


def test_different_faults_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    branch = looked_at(monkeypatch, [event(1, "a"), event(1, "b", "Sweep failed")])
    assert [finding.what.partition(":")[0] for finding in branch.findings] == [
        "1 time Cron failed",
        "1 time Sweep failed",
    ]


def test_a_line_of_an_answered_request_is_told_by_the_callers_count_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert looked_at(monkeypatch, [event(1, "a", kind="api_request")]).findings == []


def answered(minutes: int, status: int = 500, **changes: Any) -> CallerAnswer:
    at = (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat(timespec="seconds")
    at = at.replace("+00:00", "Z")
    texts = {"method": "POST", "code": "INTERNAL_ERROR", "version": "0a1b2c3d", "place": ""}
    return CallerAnswer(
        **{
            "route": "/api/notifications/send",
            "status": status,
            "channels": "slack",
            "undelivered": "",
            "calls": 40,
            "first": at,
            "last": at,
            "example": "req-1",
            **texts,
            **changes,
        }
    )


def of_callers(*answers: CallerAnswer) -> Branch:
    metrics = SimpleNamespace(callers=CallerMetrics(answers), versions={})
    status: Any = SimpleNamespace(stack="production", metrics=metrics, shares={})
    branch = Branch("errors", "Does the service fail?")
    _callers(branch, status, WATCH)
    return branch


def test_an_unexpected_error_leads_to_the_release_that_brought_it() -> None:
    (finding,) = of_callers(answered(2, place="KeyError (f, line 1 of a.py)")).findings
    assert finding.what == (
        "40 times POST /api/notifications/send over slack: 500 INTERNAL_ERROR"
        " at KeyError (f, line 1 of a.py)"
    )
    assert finding.section == "Bad deployment"
    assert finding.step[0] == "notifyctl rollback --stack production --plan-only"
    assert "such as request req-1; over after 15 minutes without another" in finding.when


def test_what_callers_met_28_minutes_ago_is_over() -> None:
    branch = of_callers(answered(28))
    assert (branch.verdict, branch.findings) == (Verdict.WELL, [])
    assert "over: last at" in branch.found[0]


@pytest.mark.parametrize(
    ("code", "section"),
    [("INVALID_SIGNATURE", "Wrong secret"), ("TEMPLATE_NOT_FOUND", "Data is wrong")],
)
def test_one_refusal_of_many_calls_names_the_key_or_the_row_that_is_lost(
    code: str, section: str
) -> None:
    well = answered(1, 200, code="")
    (finding,) = of_callers(well, answered(1, 401, code=code)).findings
    assert finding.section == section
    # A fifth of all calls is what tells.
    assert of_callers(well, answered(1, 401, code=code, calls=9)).findings == []
    assert len(of_callers(well, answered(1, 401, code=code, calls=10)).findings) == 1
    for status, mistake in ((400, "INVALID_USER_ID"), (401, "MISSING_SIGNATURE")):
        assert of_callers(answered(1, status, code=mistake)).findings == []


@pytest.mark.parametrize(
    ("problem", "told"),
    [("", ["CRON_STOPPED"]), ("may not be read", ["REQUESTS_FAILED", "CRON_STOPPED"])],
)
def test_failures_that_the_data_set_tells_are_no_second_problem(
    problem: str, told: list[str]
) -> None:
    health = {"errors": [{"code": "REQUESTS_FAILED"}, {"code": "CRON_STOPPED"}]}
    metrics: Any = SimpleNamespace(callers=CallerMetrics((), problem))
    status = StackStatus("dev", "", health, 200, {}, metrics, (), (), None, {})
    assert [one["code"] for one in status.problems] == told


def test_at_most_three_failures_are_told_and_the_rest_is_counted() -> None:
    branch = of_callers(*(answered(1, code=f"E{n}") for n in range(5)))
    assert len(branch.findings) == 3
    assert any(line.startswith("2 other failures that callers met") for line in branch.found)
    branch = of_callers(*(answered(1, code=f"E{n}") for n in range(3)))
    assert len(branch.findings) == 3
    assert not any("that callers met" in line for line in branch.found)


class Rows:
    """A database with these groups of failures."""

    stack = "dev"

    def __init__(self, *rows: dict[str, Any], error: OperationError | None = None) -> None:
        self._rows, self._error = rows, error

    def query(self, _: str) -> list[dict[str, Any]]:
        if self._error is not None:
            raise self._error
        return list(self._rows)


def failures(*rows: dict[str, Any], error: OperationError | None = None) -> Branch:
    branch = Branch("errors", "Does the service fail?")
    _failures(branch, "dev", [cast(StackDatabase, Rows(*rows, error=error))])
    return branch


def of_several(*databases: tuple[dict[str, Any], ...]) -> Branch:
    branch = Branch("errors", "Does the service fail?")
    _failures(branch, "dev", [cast(StackDatabase, Rows(*rows)) for rows in databases])
    return branch


def group(**changes: Any) -> dict[str, Any]:
    return {
        "code": "TIMEOUT_ERROR",
        "channel": "slack",
        "failed": 3,
        "retrying": 2,
        "users": 4,
        "user_id": "ada",
        "first": "2026-11-29T08:00:00Z",
        "last": "2026-11-29T08:30:00Z",
        "message_id": "ntf_1",
        "error": "no answer",
        "lately": 5,
        **changes,
    }


def test_failures_of_a_channel_are_told_with_what_lists_them() -> None:
    branch = failures(group())
    (finding,) = branch.findings
    assert finding.what == (
        "slack: 3 sends failed and 2 in retry for 4 users: TIMEOUT_ERROR no answer"
    )
    assert (finding.section, finding.example) == ("One channel", "ntf_1")
    assert finding.step == (
        "notifyctl channels list --stack dev",
        (
            "notifyctl logs --status failed --channel slack --code TIMEOUT_ERROR --since 1h "
            "--stack dev"
        ),
    )
    assert (finding.first, finding.last) == ("2026-11-29T08:00:00Z", "2026-11-29T08:30:00Z")


def test_failures_of_one_user_lead_to_the_user() -> None:
    (finding,) = failures(group(users=1, failed=1, code="")).findings
    assert finding.what.startswith("slack: 1 send failed and 2 in retry for user ada: no code")
    assert finding.section == "One user"
    assert finding.step == (
        "notifyctl explain ada --stack dev",
        "notifyctl logs --status failed --channel slack --since 1h --stack dev",
    )


def test_what_is_only_tried_again_is_listed_as_such() -> None:
    (finding,) = failures(group(failed=0)).findings
    assert finding.what.startswith("slack: 0 sends failed and 2 in retry for 4 users: ")
    (none,) = failures(group(retrying=0, lately=0)).found
    assert none.startswith("slack: 3 sends failed and 0 in retry for 4 users: ")
    assert finding.step[1] == "notifyctl logs --status retry --channel slack --stack dev"
    (throttled,) = failures(group(code="THROTTLED")).findings
    assert throttled.step[0] == "notifyctl status --stack dev"


def test_failures_of_before_the_last_hour_are_over() -> None:
    branch = failures(group(lately=0))
    assert (branch.verdict, branch.findings) == (Verdict.WELL, [])
    assert branch.found[0].endswith("TIMEOUT_ERROR no answer; over: none in the last hour")


def test_no_failures_and_no_answer_are_told_apart() -> None:
    assert failures().found == ["failed notifications of the last day: none"]
    unknown = failures(error=OperationError("it is away."))
    assert (unknown.verdict, unknown.found) == (
        Verdict.UNKNOWN,
        ["failed notifications: it is away."],
    )


def test_an_endpoints_words_are_cut_and_no_shell_obeys_a_callers() -> None:
    odd = group(user_id="x; rm -rf ~", users=1, channel="$(id)", code="`id`", error="e" * 500)
    (finding,) = failures(odd).findings
    assert finding.what.endswith("e" * 120)
    assert "e" * 121 not in finding.what
    assert finding.step == (
        "notifyctl explain 'x; rm -rf ~' --stack dev",
        "notifyctl logs --status failed --channel '$(id)' --code '`id`' --since 1h --stack dev",
    )


class Answers:
    """An account that isn't on this machine."""

    is_local = False


def reading(value: float, level: Level, unit: str = "%") -> Reading:
    return Reading(Metric("failed requests", value, unit, "analytics"), 1.0, level)


def whole(*answers: CallerAnswer, readings: tuple[Reading, ...] = (), **changes: Any) -> Branch:
    metrics = SimpleNamespace(callers=CallerMetrics(answers), versions={"0123456789": (1, 0)})
    told: dict[str, Any] = {
        "stack": "dev", "disk": "", "problems": [], "metrics": metrics, "readings": readings,
        "shares": {"0123456789": 100.0}, "unknown_lines": [],
    }  # fmt: skip
    status: Any = SimpleNamespace(**{**told, **changes})
    account: Any = Answers()
    return errors_branch(status, account, [cast(StackDatabase, Rows())])


def test_nothing_that_failed_is_well_and_says_what_was_looked_at() -> None:
    branch = whole(readings=(reading(0.5, Level.OK), reading(9.0, Level.WARNING, "ms")))
    assert (branch.verdict, branch.findings) == (Verdict.WELL, [])
    assert branch.found == [
        "version 01234567 serves everything",
        "failed requests: 0.50 % (analytics)",
        "failed notifications of the last day: none",
        "log lines: Cloudflare shows them live only: notifyctl tail --stack dev --level warn",
    ]


def test_a_rate_above_its_threshold_is_ill_where_nothing_else_tells_why() -> None:
    high = reading(2.0, Level.WARNING)
    (finding,) = whole(readings=(high, high)).findings
    assert finding.what == "failed requests: 2.00 % (analytics)"
    assert finding.over == "below 1 %"
    assert finding.step == ("notifyctl tail --stack dev --level warn",)
    # What callers met tells it better, and what is over is no finding.
    assert len(whole(answered(1), readings=(high,)).findings) == 1
    assert whole(answered(28), readings=(high,)).findings == []


def test_a_full_disk_and_what_the_service_says_come_first() -> None:
    problems = [{"code": "NOBODY_KNOWS", "message": "odd"}, {}]
    branch = whole(
        answered(1), disk="The disk is full", problems=problems, unknown_lines=["unknown: x"]
    )
    disk, odd, bare, failed = branch.findings
    assert (disk.what, disk.section) == ("The disk is full", "Database refuses")
    assert disk.step == ("notifyctl doctor --stack dev", "df -h")
    assert (odd.what, odd.section) == ("odd (NOBODY_KNOWS)", "Errors")
    assert odd.step == ("notifyctl doctor --stack dev",)
    assert odd.over == "when GET /health is healthy"
    assert bare.what == " ()"
    assert failed.what.startswith("40 times")
    assert "unknown: x" in branch.found


def test_several_versions_serve_nothing_alone() -> None:
    shares = {"0123456789": 90.0, "9876543210": 10.0}
    assert not any("serves everything" in line for line in whole(shares=shares).found)


def test_one_failure_in_several_databases_is_one_finding() -> None:
    earlier = group(first="2026-11-29T07:00:00Z", last="2026-11-29T08:10:00Z", users=1, lately=1)
    other = group(code="THROTTLED", lately=9)
    worst, both = of_several((earlier,), (group(), other)).findings
    assert worst.what.startswith("slack: 3 sends failed and 2 in retry for 4 users: THROTTLED")
    assert both.what.startswith("slack: 6 sends failed and 4 in retry for 5 users: TIMEOUT_ERROR")
    assert (both.first, both.last) == ("2026-11-29T07:00:00Z", "2026-11-29T08:30:00Z")


def test_no_more_than_ten_groups_of_several_databases_are_told() -> None:
    rows = [group(code=f"E{number}", lately=number + 2) for number in range(12)]
    found = of_several(tuple(rows[:5]), tuple(rows[5:]))
    told = " ".join([*(f.what for f in found.findings), *found.found])
    assert [n for n in range(12) if f": E{n};" in told or f": E{n} " in f"{told} "] == [
        *range(2, 12)
    ]

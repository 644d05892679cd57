"""What a report says, for people and for programs."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from ops.database.stack_database import StackDatabase
from ops.observe.reports import operation_report
from ops.observe.reports.capacity import capacity
from ops.observe.reports.operation_report import OperationReport, Period
from ops.observe.reports.section import Section
from ops.observe.reports.slow_statements import slow_statements
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError
from ops.stacks.service import ServiceClient
from tests.ops.answering_service import AnsweringService, answering_service


class Database:
    """A stack's database of a given size."""

    database_id = "d" * 36
    stack = "production"

    def __init__(self, *, size: int = 0, rows: int = 0, base_url: str = "") -> None:
        self.account = StackAccount("production", "a" * 32, base_url, True, "t" * 40)
        self._size, self._rows = size, rows

    def described(self) -> dict[str, Any]:
        return {"file_size": self._size}

    def query(self, statement: str, *_: str) -> list[dict[str, Any]]:
        if self._rows < 0:
            raise OperationError("the database is away")
        return [{"n": self._rows}]


def projected(counts: list[float], *, size: int, rows: int) -> Section:
    points = [{"value": value} for value in counts]
    body = json.dumps({"success": True, "data": {"points": points}}).encode()
    with answering_service() as service, ServiceClient(service.url, "k" * 64) as client:
        service.answers = [(200, body)]
        return capacity(client, [cast(StackDatabase, Database(size=size, rows=rows))])


def asked(api: AnsweringService, document: Any, *, days: int = 7) -> Section:
    api.answers = [(200, json.dumps(document).encode())]
    return slow_statements([cast(StackDatabase, Database(base_url=api.url))], days=days)


@pytest.mark.parametrize(("name", "days"), [("daily", 1), ("weekly", 7), ("monthly", 30)])
def test_a_period_is_so_many_days(name: str, days: int) -> None:
    assert Period(name).days == days


def test_a_report_is_a_document_for_people_and_one_for_programs() -> None:
    report = OperationReport(
        "production",
        Period.WEEKLY,
        "2026-11-29T08:00:00+00:00",
        (Section("Errors", ["3 failed"], {"failed": 3}), Section("Capacity", ["enough"])),
    )
    assert report.document() == {
        "stack": "production",
        "period": "weekly",
        "at": "2026-11-29T08:00:00+00:00",
        "sections": {
            "Errors": {"lines": ["3 failed"], "failed": 3},
            "Capacity": {"lines": ["enough"]},
        },
    }
    assert report.markdown() == (
        "# Weekly report of production\n\n2026-11-29T08:00:00+00:00\n\n"
        "## Errors\n\n- 3 failed\n\n## Capacity\n\n- enough\n"
    )


def test_capacity_leaves_out_the_day_that_is_not_over() -> None:
    section = projected([100.0] * 10 + [7.0], size=5_000_000, rows=1_000)
    assert "100.0 notifications a day, mean of 10 days" in section.lines
    assert section.lines[0] == "database: 5.0 MB, 0.05% of D1's 10 GB; 1000 rows"
    assert section.metrics["database_bytes"] == 5_000_000
    assert section.metrics["rows"] == 1_000
    # 100 a day, 30 days kept, 5,000 bytes a row.
    assert section.metrics["database_bytes_in_a_year"] == 15_000_000
    assert section.lines[-1].startswith("database in a year: 15.0 MB, with 30 days")


def test_capacity_draws_growth_on_to_a_year() -> None:
    section = projected([float(day) for day in range(10, 20)] + [0.0], size=0, rows=0)
    assert section.lines[2:] == [
        "in 1 month: 49 a day",
        "in 3 months: 109 a day",
        "in 12 months: 379 a day",
    ]
    assert "database_bytes_in_a_year" not in section.metrics


def test_capacity_says_what_growth_takes() -> None:
    section = projected([1.0] * 5, size=10, rows=1)
    assert section.metrics["growth"] is None
    assert section.lines[-1] == "growth isn't known: that needs seven days of notifications"


def test_capacity_without_an_answer_says_why() -> None:
    section = projected([1.0] * 10, size=1, rows=-1)
    assert section.lines == ["not known: the database is away"]
    assert section.metrics == {}


def test_slow_statements_are_one_line_each() -> None:
    group = {
        "dimensions": {"query": "SELECT *\n   FROM logs" + " x" * 200},
        "count": 12,
        "avg": {"queryDurationMs": 3.26, "rowsRead": 1041.6},
    }
    found = {"data": {"viewer": {"accounts": [{"d1QueriesAdaptiveGroups": [group]}]}}}
    with answering_service() as api:
        section = asked(api, found, days=30)
    (line,) = section.lines
    assert line.startswith("3.3 ms, 1042 rows read, 12 times: SELECT * FROM logs x x")
    assert len(line.partition(": ")[2]) == 120
    assert section.metrics["statements"] == [group]
    (wanted,) = json.loads(api.seen[0]["body"])["variables"]["filter"]["AND"]
    assert wanted["databaseId"] == Database.database_id
    assert wanted["datetimeHour_geq"] < wanted["datetimeHour_leq"]
    assert api.seen[0]["target"] == "/graphql"


def test_no_slow_statement_is_said() -> None:
    found: Any = {"data": {"viewer": {"accounts": [{"d1QueriesAdaptiveGroups": []}]}}}
    with answering_service() as api:
        assert asked(api, found).lines == ["no statements were counted"]


UNKNOWN_FORM = (
    "{api} answered in an unknown form when asked to show its analytics. Check what is in between, "
    "such as a proxy, and try again."
)
OTHER_FORMS: tuple[dict[str, Any], ...] = (
    {"data": {"viewer": {"accounts": []}}},
    {"data": {"viewer": {"accounts": [{"d1QueriesAdaptiveGroups": [5]}]}}},
    {"data": {"viewer": {"accounts": [{"d1QueriesAdaptiveGroups": [{"count": 1}]}]}}},
    {"errors": ["x"]},
)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"errors": [{"message": "no access"}]}, "no access"),
        ({"errors": [{}]}, "refused"),
        (
            ["not", "an", "object"],
            (
                "{api} answered with no document of Cloudflare's API when asked to show its "
                "analytics. Check what is in between, such as a proxy, and try again."
            ),
        ),
        *((document, UNKNOWN_FORM) for document in OTHER_FORMS),
    ],
)
def test_analytics_that_tell_nothing_are_quoted(document: Any, reason: str) -> None:
    with answering_service() as api:
        section = asked(api, document)
    told = reason.format(api=api.url)
    assert section.lines == [f"slow statements aren't known: Cloudflare's analytics say '{told}'"]
    assert section.metrics == {"statements": None}


def test_statements_that_nobody_made_are_said_to_be_none() -> None:
    groups: list[Any] = []
    found = {"data": {"viewer": {"accounts": [{"d1QueriesAdaptiveGroups": groups}]}}}
    with answering_service() as api:
        section = asked(api, found)
        asked_for = json.loads(api.seen[0]["body"])["variables"]
    assert section.lines == ["no statements were counted"]
    (condition,) = asked_for["filter"]["AND"]
    assert condition["databaseId"] == "d" * 36
    span = datetime.fromisoformat(condition["datetimeHour_leq"]) - datetime.fromisoformat(
        condition["datetimeHour_geq"]
    )
    assert span == timedelta(days=7)


def test_old_notifications_are_counted_or_not_known() -> None:
    def told(rows: int) -> Section:
        with answering_service() as service, ServiceClient(service.url, "k" * 64) as client:
            database = cast(StackDatabase, Database(rows=rows))
            return operation_report._cleaning(client, [database], str, clean=False)

    assert told(-1).lines == ["not known: the database is away"]
    assert told(3).metrics == {"old": 3}
    assert told(3).lines[0].startswith("3 are older than 30 days; 'notifyctl cleanup")


def test_a_clean_up_that_was_asked_for_is_made_and_counted() -> None:
    body = json.dumps({"data": {"deleted_count": 7, "more": False}}).encode()
    with answering_service() as service, ServiceClient(service.url, "k" * 64) as client:
        service.answers = [(200, body)]
        database = cast(StackDatabase, Database(rows=3))
        section = operation_report._cleaning(client, [database], str, clean=True)
        assert json.loads(service.seen[0]["body"]) == {"days": 30}
    assert (section.metrics, section.lines) == ({"removed": 7}, ["7 older than 30 days removed"])


def test_failures_are_told_by_code_and_channel() -> None:
    body = json.dumps({"totalSent": 9, "totalFailed": 2, "totalRetries": 3}).encode()

    class Failing(Database):
        def query(self, statement: str, *parameters: str) -> list[dict[str, Any]]:
            assert parameters == ("7",)
            return [{"code": "TIMEOUT_ERROR", "channel": "slack", "n": 2}]

    with answering_service() as service, ServiceClient(service.url, "k" * 64) as client:
        service.answers = [(200, body)]
        section = operation_report._errors(client, [cast(StackDatabase, Failing())], Period.WEEKLY)
        assert service.seen[0]["target"] == "/api/metrics?days=7"
    assert section.lines == [
        "2 failed and 9 sent in 7 days, 3 retries",
        "2 over slack: TIMEOUT_ERROR",
    ]
    assert {k: section.metrics[k] for k in ("sent", "failed", "retries")} == {
        "sent": 9,
        "failed": 2,
        "retries": 3,
    }


def test_the_fullest_of_several_databases_bounds_them() -> None:
    body = json.dumps({"success": True, "data": {"points": []}}).encode()
    several = [
        cast(StackDatabase, Database(size=2_000_000_000, rows=100)),
        cast(StackDatabase, Database(size=5_000_000_000, rows=50)),
    ]
    with answering_service() as service, ServiceClient(service.url, "k" * 64) as client:
        service.answers = [(200, body)]
        section = capacity(client, several)
    assert section.lines[0] == (
        "2 databases: 7000.0 MB; 150 rows; the largest has 5000.0 MB, 50.00% of D1's 10 GB"
    )
    assert (section.metrics["database_bytes"], section.metrics["rows"]) == (7_000_000_000, 150)


def test_what_one_of_several_databases_does_not_tell_is_not_known() -> None:
    body = json.dumps({"success": True, "data": {"points": []}}).encode()
    several = [
        cast(StackDatabase, Database(size=1, rows=100)),
        cast(StackDatabase, Database(size=1, rows=-1)),
    ]
    with answering_service() as service, ServiceClient(service.url, "k" * 64) as client:
        service.answers = [(200, body)]
        assert capacity(client, several).lines == ["not known: the database is away"]


def test_codes_of_several_databases_are_summed() -> None:
    rows = [
        {"code": "A", "channel": "slack", "n": 2},
        {"code": "B", "channel": "slack", "n": 4},
        {"code": "A", "channel": "slack", "n": 3},
        {"code": "A", "channel": "lark", "n": 1},
    ]
    assert operation_report._merged(rows) == [
        {"code": "A", "channel": "slack", "n": 5},
        {"code": "B", "channel": "slack", "n": 4},
        {"code": "A", "channel": "lark", "n": 1},
    ]


def test_the_twenty_most_frequent_codes_are_told() -> None:
    rows: list[dict[str, Any]] = [
        {"code": f"E{n}", "channel": "slack", "n": n} for n in range(1, 23)
    ]
    merged = operation_report._merged(rows)
    assert [row["n"] for row in merged] == list(range(22, 2, -1))

"""The analytics' queries: GraphQL over statements of D1, and SQL over points, without a server."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.analytics import d1_queries, engine_sql
from localcloud.analytics.d1_queries import QueryCounts
from localcloud.analytics.engine_sql import SqlError, answer
from localcloud.analytics.query_document import Field, QueryError, milliseconds, parse_query

HOUR = 3_600_000
START = 1_795_312_800_000  # 2026-11-22T02:00:00Z


def counted() -> QueryCounts:
    counts = QueryCounts()
    meta = {"duration": 2.5, "rows_read": 7, "rows_written": 1}
    rows = {"columns": ["a"], "rows": [[1], [2]]}
    counts.add("d1", "SELECT 1", {"meta": meta, "results": rows}, START)
    counts.add("d1", "SELECT 1", {"meta": meta, "results": [{"a": 1}]}, START + HOUR - 1)
    counts.add("d1", "select 2", {}, START + HOUR)
    counts.add("d2", "DELETE FROM t", {"meta": {"duration": 9}}, START)
    return counts


def groups(counts: QueryCounts, name: str, rest: str, **variables: Any) -> list[dict[str, Any]]:
    return counts.groups(parse_query(f"{{ {name}{rest} }}", variables).below[0])


QUERIES, HOURS = d1_queries.QUERIES, d1_queries.BY_HOUR


def test_statements_are_summed_and_averaged_by_their_text() -> None:
    found = groups(
        counted(),
        QUERIES,
        """(filter: {databaseId: "d1"}, orderBy: [count_DESC]) { count dimensions { query }
        sum { queryDurationMs rowsRead rowsWritten rowsReturned readQueries writeQueries }
        avg { queryDurationMs rowsReturned } }""",
    )
    first, second = found
    assert first["dimensions"] == {"query": "SELECT 1"}
    assert first["count"] == 2
    assert first["sum"] == {
        "queryDurationMs": 5.0,
        "rowsRead": 14.0,
        "rowsWritten": 2.0,
        "rowsReturned": 3.0,
        "readQueries": 2.0,
        "writeQueries": 0.0,
    }
    assert first["avg"] == {"queryDurationMs": 2.5, "rowsReturned": 1.5}
    assert (second["count"], second["sum"]["queryDurationMs"]) == (1, 0.0)


def test_all_databases_are_counted_by_hour() -> None:
    found = groups(
        counted(),
        HOURS,
        "{ dimensions { datetimeHour } count sum { readQueries writeQueries } }",
    )
    assert found == [
        {
            "dimensions": {"datetimeHour": "2026-11-22T02:00:00Z"},
            "count": 3,
            "sum": {"readQueries": 2.0, "writeQueries": 1.0},
        },
        {
            "dimensions": {"datetimeHour": "2026-11-22T03:00:00Z"},
            "count": 1,
            "sum": {"readQueries": 1.0, "writeQueries": 0.0},
        },
    ]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-22T02:59:59Z", None, ["02", "03"]),
        ("2026-11-22T03:00:00Z", None, ["03"]),
        (None, "2026-11-22T02:59:59Z", ["02"]),
        (None, "2026-11-22T03:00:00Z", ["02", "03"]),
        (None, "2026-11-22T01:59:59Z", []),
        ("2026-11-22T04:00:00Z", None, []),
    ],
)
def test_a_window_takes_the_hours_that_it_touches(
    start: str | None, end: str | None, hours: list[str]
) -> None:
    rest = "(filter: {AND: [{datetimeHour_geq: $s}, {datetimeHour_leq: $e}]})"
    found = groups(counted(), HOURS, f"{rest} {{ dimensions {{ datetimeHour }} }}", s=start, e=end)
    assert [each["dimensions"]["datetimeHour"][11:13] for each in found] == hours


@pytest.mark.parametrize(
    ("order", "names"),
    [
        ('"count_ASC"', ["select 2", "DELETE FROM t", "SELECT 1"]),
        ("[count_DESC, sum_queryDurationMs_DESC]", ["SELECT 1", "DELETE FROM t", "select 2"]),
        ("avg_queryDurationMs_DESC", ["DELETE FROM t", "SELECT 1", "select 2"]),
        ("[sum_rowsRead_ASC, avg_queryDurationMs_DESC]", ["DELETE FROM t", "select 2", "SELECT 1"]),
    ],
)
def test_statements_come_in_the_order_asked_for(order: str, names: list[str]) -> None:
    found = groups(counted(), QUERIES, f"(orderBy: {order}) {{ dimensions {{ query }} }}")
    assert [each["dimensions"]["query"] for each in found] == names
    one = groups(counted(), QUERIES, f"(orderBy: {order}, limit: 1) {{ dimensions {{ query }} }}")
    assert one == found[:1]


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("(orderBy: [count]) { count }", 'unknown order "count"'),
        ("(orderBy: [max_rowsRead_ASC]) { count }", 'unknown field "max_rowsRead"'),
        ("(orderBy: [sum_rows_ASC]) { count }", 'unknown field "sum_rows"'),
        ("{ dimensions { datetimeHour } }", 'unknown field "datetimeHour"'),
        ("{ max { rowsRead } }", 'unknown field "max_rowsRead"'),
        ("(filter: {database: 1}) { count }", 'unknown filter "database"'),
        ('(filter: {datetimeHour_geq: "now"}) { count }', '"now" is no time'),
        ('(filter: "x") { count }', "a filter must be an object"),
        ("(limit: 0) { count }", "limit must be a positive number"),
        ("(limit: true) { count }", "limit must be a positive number"),
    ],
)
def test_what_is_not_there_is_refused_by_name(rest: str, why: str) -> None:
    with pytest.raises(QueryError, match=f"^{why}$"):
        groups(counted(), QUERIES, rest)


def test_the_oldest_of_a_thousand_statements_goes() -> None:
    counts = QueryCounts()
    for number in range(d1_queries.MAX_KINDS + 1):
        counts.add("d", f"SELECT {number}", {}, START)
    found = groups(counts, QUERIES, "{ dimensions { query } }")
    names = [each["dimensions"]["query"] for each in found]
    assert (len(names), names[0], names[-1]) == (1000, "SELECT 1", "SELECT 1000")


def test_a_query_is_read_with_its_values() -> None:
    text = """query Q($x: Int) { # a comment
      a(n: -1, f: 1.5, s: "t", l: [1, [2]], o: {k: true, m: null}, e: DESC,
      v: $x) { b { c } }, d }"""
    read = parse_query(text, {"x": [3]})
    first, second = read.below
    assert first.arguments == {
        "n": -1,
        "f": 1.5,
        "s": "t",
        "l": [1, [2]],
        "o": {"k": True, "m": None},
        "e": "DESC",
        "v": [3],
    }
    assert first.child("b") == Field("b", {}, (Field("c", {}, ()),))
    assert (first.child("c"), second.name, second.limit()) == (None, "d", 10_000)


@pytest.mark.parametrize("depth", [12, 13])
@pytest.mark.parametrize("kind", ["fields", "lists", "objects"])
def test_a_query_has_twelve_levels(kind: str, depth: int) -> None:
    text = {
        "fields": "{ a " * (depth + 1) + "}" * (depth + 1),
        "lists": f"{{ a(l: {'[' * depth}1{']' * depth}) }}",
        "objects": f"{{ a(l: {'{k: ' * depth}1{'}' * depth}) }}",
    }[kind]
    if depth == 12:
        assert parse_query(text, {}).below
        return
    with pytest.raises(QueryError, match="the query is too deep"):
        parse_query(text, {})


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "ends too early"),
        ("{ a", "ends too early"),
        ("{ a } { b }", "there is more than one query: '{'"),
        ("{ 1 }", "a name is missing before '1'"),
        ("{ a(b 1) }", "':' is missing before '1'"),
        ("{ a(b: $c) }", r"the variable \\$c has no value"),
        ("mutation { a }", "'{' is missing before 'mutation'"),
    ],
)
def test_what_is_no_query_is_told_with_its_place(text: str, why: str) -> None:
    with pytest.raises(QueryError, match=why.replace("\\\\", "\\")):
        parse_query(text, {})


def test_a_time_without_a_zone_is_utc() -> None:
    assert milliseconds("2026-11-22T02:00:00") == START
    assert milliseconds("2026-11-22T03:00:00+01:00") == START
    assert milliseconds("2026-11-22T02:00:00.250Z") == START + 250


def point(at_s: int, *, blob: str = "", double: float = 0.0, dataset: str = "calls") -> Any:
    return {
        "dataset": dataset,
        "at": at_s * 1000 + 999,
        "index": "i",
        "blobs": [blob],
        "doubles": [double],
    }


POINTS = [
    *(point(100, blob="a", double=1.0), point(160, blob="b", double=3.0)),
    *(point(161, blob="a", double=2.0), point(200, dataset="other")),
]


def rows(sql: str, now: float = 220.9) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = answer(sql, POINTS, now)["data"]
    return found


@pytest.mark.parametrize(
    ("window", "count"),
    [
        ("NOW() - INTERVAL '60' SECOND", 2),
        ("now() - interval '59' seconds", 1),
        ("NOW() - INTERVAL '1' MINUTE", 2),
        ("NOW() - INTERVAL '1' HOUR", 3),
        ("NOW() - INTERVAL '1' DAY", 3),
        ("NOW()", 0),
        ("toDateTime('1970-01-01 00:02:41')", 1),
        ("toDateTime(160)", 2),
    ],
)
def test_a_window_ends_where_it_says(window: str, count: int) -> None:
    [row] = rows(f"SELECT COUNT() AS n FROM calls WHERE timestamp >= {window}")  # noqa: S608
    assert row == {"n": count}


def test_columns_are_filled_up_and_nothing_is_sampled() -> None:
    found = answer("SELECT * FROM calls WHERE double1 = 3 FORMAT JSON;", POINTS, 220)
    [row] = found["data"]
    assert list(row) == [
        *("timestamp", "dataset", "index1", "_sample_interval"),
        *(f"blob{number}" for number in range(1, 21)),
        *(f"double{number}" for number in range(1, 21)),
    ]
    assert (row["timestamp"], row["_sample_interval"]) == ("1970-01-01 00:02:40", 1)
    assert (row["blob1"], row["blob20"], row["double20"]) == ("b", "", 0.0)
    kinds = {each["name"]: each["type"] for each in found["meta"]}
    assert (kinds["timestamp"], kinds["blob2"], kinds["double1"]) == (
        *("DateTime", "String", "Float64"),
    )
    assert (found["rows"], found["rows_before_limit_at_least"]) == (1, 1)


def test_clickhouses_aggregates_are_there() -> None:
    assert rows("SELECT argMax(blob1, timestamp) AS last, IF(1, 2, 3) AS i FROM calls") == [
        {"last": "a", "i": 2}
    ]
    assert rows("SELECT argMax(blob1, double3) AS tied, IF(0, 2, 3) AS i FROM calls") == [
        {"tied": "a", "i": 3}
    ]
    levels = ", ".join(
        f"quantileExactWeighted({level})(double1, _sample_interval) AS q{at}"
        for at, level in enumerate(("0.0", "0.33", "0.34", "0.99"))
    )
    assert rows(f"SELECT {levels} FROM calls") == [  # noqa: S608 - a test's own text
        {"q0": 1.0, "q1": 1.0, "q2": 2.0, "q3": 3.0}
    ]
    assert rows(
        "SELECT argMax(blob1, 1) AS a, quantileExactWeighted(0.5)(double1, 1) AS q,"
        " MAX(timestamp) AS newest FROM calls WHERE 1 = 2"
    ) == [{"a": None, "q": None, "newest": None}]


def test_a_number_that_is_no_time_or_not_finite_is_told_as_json_can() -> None:
    [row] = rows("SELECT MAX(timestamp) AS t, 9e999 AS i, 4294967296 AS timestamp FROM calls")
    assert row == {"t": "1970-01-01 00:02:41", "i": None, "timestamp": 4_294_967_296}
    [edge] = rows("SELECT 4294967295 AS timestamp, -1 AS other FROM calls LIMIT 1")
    assert edge == {"timestamp": "2106-02-07 06:28:15", "other": -1}


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        ("SELECT 1", "a query reads one data set"),
        ("SELECT * FROM calls JOIN other ON 1 UNION SELECT * FROM other", "reads one data set"),
        ("SELECT 1 FROM calls FORMAT CSV", "format CSV isn't offered here, only JSON"),
        ("DELETE FROM calls", "can't be run: not authorized"),
        ("SELECT x'00' AS b FROM calls", "neither a text nor a number"),
        ("SELECT missing FROM calls", "can't be run: no such column: missing"),
        ("SELECT 1 FROM calls WHERE '" + "x" * 10_000 + "'", "at most 10000 characters"),
    ],
)
def test_what_is_no_query_over_one_data_set_is_refused(sql: str, why: str) -> None:
    with pytest.raises(SqlError, match=why):
        rows(sql)


def test_a_query_of_ten_thousand_characters_is_run_and_ends_after_so_many_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sql = "SELECT COUNT() AS n FROM calls"
    assert rows(sql + " " * (10_000 - len(sql))) == [{"n": 3}]
    monkeypatch.setattr(engine_sql, "_MAX_STEPS", 200_000)
    long = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"
    with pytest.raises(SqlError):
        rows(f"SELECT ({long}) AS x FROM calls")  # noqa: S608 - a test's own text

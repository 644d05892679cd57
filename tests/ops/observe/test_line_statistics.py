"""What a pile of log lines adds up to."""

from __future__ import annotations

import pytest

from ops.observe.tail.line_statistics import LineStatistics, duration_metrics
from ops.observe.tail.log_line import LogLine


def line(level: str = "info", **values: object) -> LogLine:
    return LogLine("2026-11-29T08:00:00Z", level, "text", **values)  # type: ignore[arg-type]


def test_lines_are_counted_by_level() -> None:
    found = LineStatistics.of([line("info"), line("error"), line("info"), line("warn")])
    assert found.document()["levels"] == {"info": 2, "error": 1, "warn": 1}
    assert found.document()["lines"] == 4


def test_a_duration_counts_for_its_path_else_for_its_kind_else_as_other() -> None:
    found = LineStatistics.of(
        [
            line(path="/health", duration_ms=3.0, fields={"type": "http"}),
            line(duration_ms=0.0, fields={"type": "attempt"}),
            line(duration_ms=7.0),
            line(path="/health"),
        ]
    )
    assert found.durations == {"/health": [3.0], "attempt": [0.0], "other": [7.0]}
    assert found.all_durations == [3.0, 0.0, 7.0]


def test_the_path_that_once_took_longest_stands_first() -> None:
    found = LineStatistics.of(
        [
            line(path="/quick", duration_ms=2.0),
            line(path="/slow", duration_ms=1.0),
            line(path="/slow", duration_ms=90.0),
        ]
    )
    assert list(found.document()["by_path"]) == ["/slow", "/quick"]


def test_the_newest_twenty_errors_are_kept_in_order() -> None:
    found = LineStatistics.of(
        LogLine("2026-11-29T08:00:00Z", "error", f"error {number}") for number in range(25)
    )
    assert [kept.message for kept in found.errors] == [f"error {n}" for n in range(5, 25)]
    assert len(found.document()["errors"]) == 20


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], (0, None, None, None, None), id="nothing"),
        pytest.param([4.0], (1, 4.0, 4.0, 4.0, 4.0), id="one"),
        pytest.param([9.0, 1.0], (2, 5.0, 1.0, 9.0, 9.0), id="two, unsorted"),
        pytest.param([float(n) for n in range(1, 101)], (100, 50.5, 50.0, 95.0, 100.0), id="100"),
        pytest.param([1.0, 1.0, 2.0], (3, 1.333, 1.0, 2.0, 2.0), id="a rounded mean"),
    ],
)
def test_durations_have_mean_median_95th_percentile_and_maximum(
    values: list[float], expected: tuple[float | None, ...]
) -> None:
    names = ("count", "average_ms", "median_ms", "p95_ms", "max_ms")
    assert duration_metrics(values) == dict(zip(names, expected, strict=True))

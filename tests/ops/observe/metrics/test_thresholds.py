"""Metrics held against the thresholds of operation."""

from __future__ import annotations

import pytest

from ops.observe.metrics.thresholds import Level, Metric, Reading, Thresholds, worst


def read(kind: str, value: float | None) -> Reading:
    return Thresholds().read(Metric(kind, value, "", "a test"), kind)


@pytest.mark.requirement("S0-87", "S0-88", "S0-89", "S0-90", "S0-91")
@pytest.mark.parametrize(
    ("kind", "at", "above", "level"),
    [
        ("error_rate", 1.0, 1.01, Level.WARNING),
        ("response_ms", 1000, 1001, Level.WARNING),
        ("backlog", 1000, 1001, Level.CRITICAL),
        ("memory_mb", 100, 100.1, Level.WARNING),
        ("cpu_ms", 50, 50.5, Level.INFORMATION),
    ],
)
def test_a_figure_is_bad_above_its_threshold_and_not_at_it(
    kind: str, at: float, above: float, level: Level
) -> None:
    assert read(kind, at).level is Level.OK
    assert read(kind, above).level is level
    assert read(kind, above).threshold == at


def test_what_isnt_known_is_neither_well_nor_bad() -> None:
    unknown = read("memory_mb", None)
    assert (unknown.level, unknown.shown) == (Level.UNKNOWN, "unknown")
    assert worst([read("cpu_ms", 1), unknown]) is Level.UNKNOWN
    assert worst([unknown, read("cpu_ms", 99), read("error_rate", 2)]) is Level.WARNING
    assert worst([read("error_rate", 2), read("backlog", 5000)]) is Level.CRITICAL
    assert worst([]) is Level.UNKNOWN


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0.00 ms"), (99.994, "99.99 ms"), (100, "100 ms"), (1234.5, "1,234 ms")],
)
def test_a_large_figure_has_no_decimals(value: float, shown: str) -> None:
    assert Reading(Metric("m", value, "ms", "a test"), 1.0, Level.OK).shown == shown

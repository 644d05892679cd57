"""The table that a run of the long counts ends with: each test, how long it took, what it counted.

A test adds a count with pytest's ``record_property(name, value)``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest


def rows_of(reports: Iterable[pytest.TestReport]) -> list[tuple[str, str, str]]:
    """Return a row for each test: its result, its seconds and name, and its counts."""
    return [
        (
            report.outcome,
            f"{report.duration:7.1f} s  {report.nodeid.removeprefix('tests/')}",
            ", ".join(f"{name}: {value}" for name, value in report.user_properties),
        )
        for report in reports
    ]


def print_table(terminal: pytest.TerminalReporter, rows: Sequence[tuple[str, str, str]]) -> None:
    """Print the rows in columns; a test without a count has two."""
    width = max((len(row[1]) for row in rows), default=0)
    terminal.section("long counts")
    for outcome, test, counts in rows:
        terminal.write_line(f"{outcome:7} {test:{width}}  {counts}".rstrip())

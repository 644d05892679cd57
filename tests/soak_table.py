"""The table that a run of the long counts ends with: each test, how long it took, what it counted.

A test adds a count with pytest's ``record_property(name, value)``. With ``SOAK_RESULTS`` each
result goes into that file as soon as it is there, after the names of all tests that the run chose.
So a run that is cut has a table too, in which the rest is ``not run``. The nightly workflow runs
the tests in parts, and makes one table of their files::

    python3 -m tests.soak_table FOLDER PARTS [--red FILE]

It needs no package. Its exit code is 1 unless each part left a file and each of its tests passed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).resolve().parents[1]
RESULTS = "SOAK_RESULTS"
RED = ("failed", "error", "not run")
"""Results after which something has to be done. A skipped test is shown with its reason."""
_LONGEST = 120
"""Characters of a reason."""


@dataclass(frozen=True)
class Row:
    """One test's line.

    Attributes:
        result: `passed`, `failed`, `error` (in its setup or teardown), `skipped` or `not run`.
        test: its id, without `tests/`.
        seconds: how long it took, with its setup.
        note: what it counted, or why it isn't green.
    """

    result: str
    test: str
    seconds: float = 0
    note: str = ""

    @property
    def columns(self) -> tuple[str, str, str]:
        """Return the row's three columns."""
        return self.result, f"{self.seconds:7.1f} s  {self.test}", self.note


def rows_of(reports: Iterable[pytest.TestReport]) -> list[Row]:
    """Return a row for each test: the worst of its phases, and its counts."""
    rows: dict[str, Row] = {}
    for report in reports:
        test = report.nodeid.removeprefix("tests/")
        row = rows.get(test, Row("passed", test))
        result, note = row.result, row.note
        if not report.passed and result not in RED:
            result = "error" if report.failed and report.when != "call" else report.outcome
            note = _reason(report)
        if report.when == "call" and report.user_properties:
            counts = ", ".join(f"{name}: {value}" for name, value in report.user_properties)
            note = f"{counts}; {note}" if note else counts
        rows[test] = Row(result, test, row.seconds + report.duration, note)
    return list(rows.values())


def print_table(terminal: pytest.TerminalReporter, rows: Sequence[Row]) -> None:
    """Print the rows in columns; a test without a count has two."""
    terminal.section("long counts")
    for line in lines_of(rows):
        terminal.write_line(line)


def lines_of(rows: Sequence[Row]) -> list[str]:
    """Return the rows in columns."""
    width = max((len(row.columns[1]) for row in rows), default=0)
    return [
        f"{result:7} {test:{width}}  {note}".rstrip()
        for result, test, note in (row.columns for row in rows)
    ]


class Results:
    """The file that a run's results go into, one JSON document a line.

    Args:
        path: the file; its folder is made.
        tests: the ids of all tests that the run chose.
    """

    def __init__(self, path: Path, tests: Sequence[str]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([test.removeprefix("tests/") for test in tests]) + "\n")
        self._path = path
        self._phases: list[pytest.TestReport] = []

    @classmethod
    def asked_for(cls, tests: Sequence[str]) -> Results | None:
        """Return the file that ``SOAK_RESULTS`` names, if it names one.

        It is taken out of the environment: tests start runs of their own.
        """
        return cls(Path(path), tests) if (path := os.environ.pop(RESULTS, "")) else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a phase of a test; after its last one, write its row."""
        self._phases.append(report)
        if report.when != "teardown":
            return
        [row] = rows_of(self._phases)
        self._phases = []
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([row.result, row.test, row.seconds, row.note]) + "\n")


def merged(folder: Path, parts: int) -> list[Row]:
    """Return the rows of all parts: what is red first, then what was skipped."""
    rows: list[Row] = []
    files = sorted(folder.rglob("*.jsonl"))
    for file in files:
        names, *lines = file.read_text(encoding="utf-8").splitlines() or ["[]"]
        # A part that was killed while it wrote leaves half a line.
        ended = [Row(*json.loads(line)) for line in lines if line.endswith("]")]
        seen = {row.test for row in ended}
        left = [Row("not run", test) for test in json.loads(names) if test not in seen]
        if left:
            left[0] = Row("not run", left[0].test, 0, "the run was cut here or after the test")
        rows += [*ended, *left]
    if len(files) != parts:
        rows.append(Row("error", "the run", 0, f"{len(files)} of {parts} parts left a result"))
    return sorted(rows, key=lambda row: (row.result not in RED, row.result != "skipped"))


def main(arguments: Sequence[str]) -> int:
    """Print the one table of all parts."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.soak_table", allow_abbrev=False)
    parser.add_argument("folder", type=Path)
    parser.add_argument("parts", type=int)
    parser.add_argument("--red", type=Path, help="a file for the rows that aren't green alone")
    asked = parser.parse_args(arguments)
    rows = merged(asked.folder, asked.parts)
    counts = Counter(row.result for row in rows)
    told = ", ".join(f"{count} {result}" for result, count in counts.most_common())
    hours = sum(row.seconds for row in rows) / 3600
    print(f"{told or 'no test'}; {hours:.1f} hours in {asked.parts} parts\n")  # noqa: T201
    print("\n".join(lines_of(rows)))  # noqa: T201
    red = [row for row in rows if row.result in RED]
    if asked.red:
        asked.red.write_text("".join(f"{line}\n" for line in lines_of(red)), encoding="utf-8")
    return 1 if red or not rows else 0


def _reason(report: pytest.TestReport) -> str:
    """Return in one line why a phase of a test isn't green."""
    crash = getattr(report.longrepr, "reprcrash", None)
    if isinstance(report.longrepr, tuple):  # Of a skipped test: path, line, reason.
        text = report.longrepr[2]
    else:
        text = str(crash.message if crash else report.longrepr)
    return " ".join(text.split())[:_LONGEST]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

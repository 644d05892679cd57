"""A run of the long counts ends with a table of them, and leaves its results in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.soak_table import RESULTS, ROOT, Results, Row, lines_of, merged

_PROGRAM = """
import os
import pytest

@pytest.fixture
def broken():
    raise LookupError("no cloud")

@pytest.fixture
def unclean():
    yield
    raise LookupError("left over")

@pytest.mark.soak
def test_kills(record_property):
    assert "SOAK_RESULTS" not in os.environ
    record_property("kills", 200)

@pytest.mark.soak
def test_wrong(record_property):
    record_property("kills", 7)
    assert 2 == 3

@pytest.mark.soak
def test_before(broken): ...

@pytest.mark.soak
def test_after(unclean): ...

@pytest.mark.soak
def test_elsewhere():
    pytest.skip("the clone is shallow")

def test_short(): ...
"""
WANTED = {
    "test_kills": ("passed", "kills: 200"),
    "test_wrong": ("failed", "kills: 7; assert 2 == 3"),
    "test_before": ("error", "LookupError: no cloud"),
    "test_after": ("error", "LookupError: left over"),
    "test_elsewhere": ("skipped", "Skipped: the clone is shallow"),
}


def ran(folder: Path, results: Path) -> str:
    """Run the long counts of the program above; returns what is printed."""
    (folder / "test_long.py").write_text(_PROGRAM)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = soak: long\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-m", "soak"),
            *("-p", "tests.conftest", "-c", str(folder / "pytest.ini"), str(folder)),
        ],
        cwd=ROOT,
        env={**os.environ, RESULTS: str(results)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_a_soak_prints_each_test_with_its_result_and_its_counts_and_keeps_them(
    tmp_path: Path,
) -> None:
    results = tmp_path / "build" / "all.jsonl"
    # Below the table pytest names those that are red once more.
    table = ran(tmp_path, results).split("long counts", 1)[1].partition("short test summary")[0]
    printed = table.splitlines()
    for test, (result, note) in WANTED.items():
        [line] = [line for line in printed if f"::{test} " in line]
        assert (line.split(" ")[0], line.endswith(note)) == (result, True), line

    rows = merged(results.parent, 1)
    assert {row.test.partition("::")[2]: (row.result, row.note) for row in rows} == WANTED
    assert [row.result for row in rows[-2:]] == ["skipped", "passed"], "the red ones come first"


def test_a_run_that_is_cut_has_told_what_had_ended(tmp_path: Path) -> None:
    report = pytest.TestReport(
        "tests/test_a.py::test_1", ("", 0, ""), {}, "passed", None, "setup", duration=1.5
    )
    results = Results(tmp_path / "1.jsonl", [f"tests/test_a.py::test_{n}" for n in (1, 2, 3)])
    for when in ("setup", "call", "teardown"):
        assert [row.result for row in merged(tmp_path, 1)] == ["not run"] * 3
        report.when = when
        results.pytest_runtest_logreport(report)
    cut, last, ended = merged(tmp_path, 1)
    assert (cut.result, cut.test, cut.note.startswith("the run was cut")) == (
        *("not run", "test_a.py::test_2"),
        True,
    )
    assert last == Row("not run", "test_a.py::test_3")
    assert ended == Row("passed", "test_a.py::test_1", 4.5)


def test_half_a_line_of_a_part_that_was_killed_is_a_test_that_did_not_run(tmp_path: Path) -> None:
    lines = [json.dumps(["test_1", "test_2"]), json.dumps(["passed", "test_1", 1, ""]), '["pas']
    (tmp_path / "1.jsonl").write_text("\n".join(lines))
    assert [row.result for row in merged(tmp_path, 1)] == ["not run", "passed"]


def test_columns_are_as_wide_as_the_longest_test() -> None:
    rows = [Row("passed", "test_a", 1), Row("not run", "test_longer", 0, "why")]
    assert lines_of(rows) == [
        "passed      1.0 s  test_a",
        "not run     0.0 s  test_longer  why",
    ]
    assert lines_of([]) == []

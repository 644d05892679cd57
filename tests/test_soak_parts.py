"""The long counts are dealt out to parts: each test to one, and none of them too long for a job."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.long_tests import long_files
from tests.pipelines.workflow import Workflow
from tests.soak_parts import ROOT, VARIABLE, Part, dealt, seconds, seconds_of, unit

SOAK = Workflow.read("nightly").jobs["soak"]
PARTS = SOAK["strategy"]["matrix"]["part"]


FAULTS = (
    "tests/mutation/test_mutation_sample.py::test_nine_of_ten_faults_in_a_folder_turn_its_tests_red"
)


def test_every_row_of_the_table_is_a_file_or_a_test() -> None:
    for file, _, test in (row.partition("::") for row in seconds()):
        assert (ROOT / file).exists(), file
        assert f"def {test}" in (ROOT / file).read_text(encoding="utf-8"), test


def test_the_night_has_twice_the_time_that_each_part_takes() -> None:
    lasting = {file: seconds_of([file]) for file in {*seconds(), *long_files()} - {FAULTS}}
    lasting |= {f"{FAULTS}[{folder}]": seconds_of([f"{FAULTS}[{folder}]"]) for folder in range(8)}
    longest = max(sum(map(lasting.__getitem__, part)) for part in dealt(lasting, len(PARTS)))
    [step] = [step for step in SOAK["steps"] if "make soak" in step.get("run", "")]
    assert longest * 2 < step["timeout-minutes"] * 60, "deal the night out to more parts"
    assert step["timeout-minutes"] < SOAK["timeout-minutes"], "the results are uploaded after it"


def test_the_night_runs_each_part_once() -> None:
    assert [f"{number}/{len(PARTS)}" for number in range(1, len(PARTS) + 1)] == PARTS


def test_parts_take_about_as_long_as_each_other_and_leave_nothing_out() -> None:
    lasting = {"a": 60.0, "b": 50, "c": 30, "d": 20, "e": 20}
    parts = dealt(lasting, 3)
    assert parts == [["a"], ["b", "e"], ["c", "d"]]
    assert [sum(lasting[name] for name in part) for part in parts] == [60, 70, 50]
    assert dealt(lasting, 1) == [["a", "b", "c", "d", "e"]]
    assert dealt({}, 2) == [[], []]


def test_what_shares_an_installation_stays_together_and_independent_tests_do_not() -> None:
    assert unit("tests/readiness/test_doctor.py::test_a") == "the installation on the real clock"
    assert unit("tests/worker/test_linear_work.py::test_a[x]") == "tests/worker/test_linear_work.py"
    assert unit(f"{FAULTS}[ops]") == f"{FAULTS}[ops]"
    assert seconds_of([f"{FAULTS}[ops]"]) == 3600
    other = f"{FAULTS.partition('::')[0]}::test_other"
    assert unit(other) == FAULTS.partition("::")[0]
    assert seconds_of([other]) < 3600
    known, long = "tests/promise/test_kills.py", "tests/console/test_send.py"
    assert seconds_of([f"{known}::test_a", f"{known}::test_b"]) == 2000
    assert seconds_of([f"{long}::test_a"]) == long_files()[long].seconds
    assert seconds_of(["tests/new/test_new.py::test_a"]) == 120


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "1/0", "a/b", "1/2/3", "-1/2", "1/100"])
def test_what_is_no_part_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(pytest.UsageError, match="such as 2/8"):
        Part.asked_for()


def test_a_part_is_asked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "8/8")
    assert Part.asked_for() == Part(8, 8)
    assert Part.asked_for() == Part(1, 1)


_PROGRAM = """
import pytest

@pytest.mark.soak
def test_long(): ...

@pytest.mark.judge
def test_judge(): ...

def test_short(): ...
"""


def test_the_parts_of_a_run_have_each_long_test_once_and_no_other(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"test_{number}.py").write_text(_PROGRAM)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = soak: long\n")
    taken: Counter[str] = Counter()
    for part in ("1/3", "2/3", "3/3"):
        listed = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "--collect-only", "-m", "soak or judge"),
                *("-p", "tests.conftest", "-c", str(tmp_path / "pytest.ini"), str(tmp_path)),
            ],
            cwd=ROOT,
            env={**os.environ, VARIABLE: part},
            capture_output=True,
            text=True,
            check=True,
        )
        found = [line for line in listed.stdout.splitlines() if "::" in line]
        assert 2 <= len(found) <= 4, listed.stdout
        taken.update(found)
    assert set(taken.values()) == {1}
    assert len(taken) == 10
    assert not any("short" in test for test in taken)

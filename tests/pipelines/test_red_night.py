"""A night of the long counts shows one table, and a red one says so in an issue."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.pipelines.runner import Ran, Runner
from tests.pipelines.workflow import ROOT, Workflow

NIGHTLY = Workflow.read("nightly")
PARTS = len(NIGHTLY.jobs["soak"]["strategy"]["matrix"]["part"])
VALUES = {"github": {"token": "the run's own", "repository": "local/notification-system"}}

GH = """#!/usr/bin/env python3
# Stands for GitHub's command: notes what it is given, and lists one issue if $OPEN names one.
import json, os, sys
with open(os.environ["RECORDED"], "a") as record:
    print(json.dumps(sys.argv[1:]), file=record)
if sys.argv[1:3] == ["issue", "list"]:
    print(os.environ["OPEN"])
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the results of each part: a test that passed."""
    folder = tmp_path / "checkout"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "gh").write_text(GH)
    (folder / "bin" / "gh").chmod(0o755)
    (folder / "tests").symlink_to(ROOT / "tests")
    for part in range(PARTS):
        result(folder, part, ["passed", f"test_{part}.py::test_it", 2.0, "kills: 20"])
    return folder


def result(checkout: Path, part: int, *rows: list[object], chosen: int = 1) -> None:
    """Write what one part leaves; `chosen` is how many tests it had to run."""
    folder = checkout / "soak" / f"soak-{part}"
    folder.mkdir(parents=True, exist_ok=True)
    names = [row[1] for row in rows] + [f"test_{part}.py::test_more"] * (chosen - len(rows))
    lines = (json.dumps(line) for line in (names, *rows))
    (folder / f"{part}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def shown(checkout: Path) -> Ran:
    runner = Runner(checkout, {}, checkout.parent, first_on_path=checkout / "bin")
    return runner.run(NIGHTLY, "soak-table", "Show one table", VALUES)


def told(checkout: Path, *, already: str = "") -> list[list[str]]:
    """Return what GitHub's command is given by the step after a red table."""
    record = checkout / "recorded"
    surroundings = {"RECORDED": str(record), "OPEN": already}
    runner = Runner(checkout, surroundings, checkout.parent, first_on_path=checkout / "bin")
    step = "Open an issue, or add to the open one"
    ran = runner.run(NIGHTLY, "soak-table", step, VALUES)
    assert ran.code == 0, ran.text
    return [json.loads(line) for line in record.read_text().splitlines()]


def test_a_green_night_shows_the_tests_of_all_parts(checkout: Path) -> None:
    ran = shown(checkout)
    assert ran.code == 0, ran.text
    assert ran.summary.startswith(f"```text\n{PARTS} passed; ")
    assert ran.summary.endswith("\n```\n")
    assert ran.summary.count("kills: 20") == PARTS


def test_a_red_test_fails_the_night_and_is_named_first_and_in_an_issue(checkout: Path) -> None:
    result(checkout, 3, ["failed", "test_3.py::test_it", 1.0, "AssertionError: 2 is not 3"])
    ran = shown(checkout)
    assert ran.code == 1
    assert ran.summary.endswith("\n```\n")
    [first] = [line for line in ran.summary.splitlines() if "test_3.py" in line]
    assert first.startswith("failed")
    assert first.endswith("AssertionError: 2 is not 3")
    assert ran.summary.splitlines()[3] == first

    listed, made = told(checkout)
    assert listed[:4] == ["issue", "list", "--state", "open"]
    assert made == [
        *("issue", "create", "--title", "The long counts are red", "--body-file", "body.md")
    ]
    body = (checkout / "body.md").read_text()
    assert "https://github.example/local/notification-system/actions/runs/4711" in body
    assert "test_3.py::test_it" in body
    assert "test_4.py::test_it" not in body


def test_the_next_red_night_adds_to_the_open_issue(checkout: Path) -> None:
    (checkout / "red.txt").write_text("failed  test_3.py\n" * 10_000)
    _, added = told(checkout, already="12")
    assert added == ["issue", "comment", "12", "--body-file", "body.md"]
    assert 60_000 < os.stat(checkout / "body.md").st_size < 65_536


def test_a_table_that_could_not_be_made_is_told_too(checkout: Path) -> None:
    _, made = told(checkout)
    assert made[1] == "create"
    assert "There is no table." in (checkout / "body.md").read_text()


def test_what_a_part_that_was_cut_did_not_run_is_red(checkout: Path) -> None:
    result(checkout, 5, ["passed", "test_5.py::test_it", 1.0, ""], chosen=2)
    ran = shown(checkout)
    assert ran.code == 1
    assert ran.summary.splitlines()[3].startswith("not run")
    assert "test_5.py::test_more" in ran.summary.splitlines()[3]


def test_a_part_that_left_nothing_is_red(checkout: Path) -> None:
    (checkout / "soak" / "soak-0" / "0.jsonl").unlink()
    ran = shown(checkout)
    assert (ran.code, f"{PARTS - 1} of {PARTS} parts left a result" in ran.summary) == (1, True)

"""`make test` takes the long tests that a change concerns, and others, while there is time."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tests.distribution import in_order
from tests.long_tests import (
    ALL,
    BASE,
    BUDGET,
    ROOT,
    UNKNOWN,
    VARIABLE,
    changed_paths,
    chosen,
    concerned,
    leave_out,
    long_files,
    note_the_change,
    told,
)

LONG = "tests/releases/test_rollback.py"


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@a", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit(folder: Path, *paths: str) -> str:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(f"{git(folder, 'rev-list', '--all')} {path}")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "another")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(BASE, raising=False)
    folder = tmp_path / "repository"
    subprocess.run(["git", "init", "-qb", "main", str(folder)], check=True)
    return folder


def test_every_long_file_and_every_place_that_one_judges_exists() -> None:
    table = long_files()
    assert len(table) > 50
    judged = [place for file in table.values() for place in file.judges]
    assert all(file.judges for file in table.values()), "no change would ever need it"
    assert [path for path in (*table, *judged) if not (ROOT / path).exists()] == []


def test_a_long_file_takes_three_seconds_at_least_and_fits_into_a_run() -> None:
    assert {path for path, file in long_files().items() if not 3 <= file.seconds <= BUDGET} == set()


@pytest.mark.parametrize(
    ("path", "runs"),
    [
        (LONG, True),
        ("ops/deploy/rollback/plan.py", True),
        ("ops/deploy/rollback", True),
        ("ops/deploy/rollback_notes.py", False),
        ("ops/deploy/release/ledger.py", False),
        ("requirements.lock", True),
        (UNKNOWN, True),
        ("docs/requirements.lock", False),
        ("tests/installation.py", True),
        ("tests/releases/stage.py", True),
        ("tests/console/page.py", False),
        ("tests/releases/test_rollout.py", False),
        ("tests/requirements.yaml", False),
        ("README.md", False),
    ],
)
def test_a_change_concerns_what_judges_it_and_what_depends_on_it(path: str, runs: bool) -> None:
    assert concerned(LONG, ["ops/deploy/rollback"], ["a", path]) is runs


def test_nothing_that_changed_concerns_nothing() -> None:
    assert not concerned(LONG, ["ops"], [])


def test_a_change_is_the_last_commit_and_what_is_not_committed(repository: Path) -> None:
    commit(repository, "a", "b")
    assert changed_paths(repository) is None, "there is no commit before it"
    commit(repository, "b", "ü")
    assert changed_paths(repository) == ["b", "ü"]
    (repository / "a").write_text("changed")
    (repository / "c").write_text("new")
    assert changed_paths(repository) == ["a", "b", "c", "ü"]


def test_on_a_branch_a_change_is_all_since_the_upstream(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = commit(repository, "a")
    commit(repository, "b")
    git(repository, "checkout", "-qb", "topic", "--track")
    assert changed_paths(repository) == ["b"]
    commit(repository, "c")
    commit(repository, "d")
    assert changed_paths(repository) == ["c", "d"]
    monkeypatch.setenv(BASE, first)
    assert changed_paths(repository) == ["b", "c", "d"]
    monkeypatch.setenv(BASE, "0" * 40)
    assert changed_paths(repository) is None


def test_a_folder_without_git_tells_no_change(tmp_path: Path) -> None:
    assert changed_paths(tmp_path) is None


def test_a_run_says_which_long_tests_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_SEED", "1")
    assert told(ALL) == "all long tests"
    changed = "README.md\nops/database/copies.py"
    taken = len(chosen(changed.splitlines()))
    assert told(changed) == (
        f"{taken} of {len(long_files())} files of long tests, with 4 of the 4 that the change "
        "concerns (TEST_LONG=all takes all)"
    )
    taken = len(chosen(["CHANGELOG.md"]))
    assert told("CHANGELOG.md") == (
        f"{taken} of {len(long_files())} files of long tests, none of which the change concerns "
        "(TEST_LONG=all takes all)"
    )
    about = len(long_files())
    assert f"with {len(chosen([UNKNOWN]))} of the {about} that" in told(UNKNOWN)


class Item:
    """A test of a run, which keeps the marks that it is given."""

    def __init__(self, file: str, number: int) -> None:
        self.nodeid = f"{file}::test_it[{number}]"
        self.marks: list[str] = []

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.marks.append(mark.name)


def taken(
    monkeypatch: pytest.MonkeyPatch, changed: str, seed: str = "1", *, soak: bool = False
) -> set[str]:
    """Return the files of a run: every long one, each with three tests, and one that isn't long."""
    monkeypatch.setenv(VARIABLE, changed)
    monkeypatch.setenv("TEST_SEED", seed)
    files = [*long_files(), "tests/test_long_tests.py"]
    items = [Item(file, number) for file in files for number in range(3)]
    leave_out(cast("list[pytest.Item]", items), all_of_them=soak)
    assert {mark for item in items for mark in item.marks} <= {"soak"}
    by_file: dict[str, set[bool]] = {}
    for item in items:
        by_file.setdefault(item.nodeid.partition("::")[0], set()).add(not item.marks)
    assert {len(found) for found in by_file.values()} == {1}, "a file runs whole, or not at all"
    return {file for file, found in by_file.items() if True in found}


def seconds(files: set[str]) -> int:
    return sum(file.seconds for path, file in long_files().items() if path in files)


def test_each_day_has_other_long_files_of_its_time_and_over_the_days_all_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    days = [taken(monkeypatch, "README.md", str(day)) for day in range(200)]
    assert all("tests/test_long_tests.py" in day for day in days)
    assert set.union(*days) == taken(monkeypatch, ALL)
    # The cheapest takes three seconds: what is left over at the end is less.
    assert {seconds(day) for day in days} <= {BUDGET - 2, BUDGET - 1, BUDGET}
    assert len({frozenset(day) for day in days}) == len(days)


def test_what_a_change_concerns_comes_first_and_a_soak_takes_what_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    commands = ("backups", "db_generate", "db_lint")
    about = {f"tests/ops/database/test_{name}.py" for name in commands}
    about.add("tests/integration/test_database_commands.py")
    for day in range(20):
        changed = taken(monkeypatch, "README.md\nops/database/copies.py", str(day))
        assert about < changed
        assert seconds(changed) <= BUDGET
    assert taken(monkeypatch, "README.md", soak=True) == {"tests/test_long_tests.py"}


def test_a_change_of_everything_takes_what_there_is_time_for_and_each_day_something_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    days = [taken(monkeypatch, UNKNOWN, str(day)) for day in range(200)]
    assert {seconds(day) <= BUDGET for day in days} == {True}
    assert set.union(*days) == taken(monkeypatch, ALL)


def test_a_long_file_that_changed_itself_runs_whatever_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = [path for path, file in long_files().items() if file.seconds > 20]
    assert sum(long_files()[path].seconds for path in changed) > BUDGET
    assert taken(monkeypatch, "\n".join(changed)) == {*changed, "tests/test_long_tests.py"}


def test_what_takes_the_longest_is_handed_out_first_with_what_it_shares_a_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dear, cheap = "tests/integration/test_interchange.py", "tests/cron/test_expression.py"
    shared = ["tests/console/test_send.py", "tests/console/test_narrow.py"]
    files = [cheap, shared[0], dear, shared[1], LONG, cheap]
    items = [Item(file, number) for number, file in enumerate(files)]
    ordered = in_order(cast("list[pytest.Item]", items))
    found = [item.nodeid.partition("::")[0] for item in ordered]
    assert found == [dear, *shared, LONG, cheap, cheap]
    assert [item.nodeid for item in ordered if cheap in item.nodeid] == [
        f"{cheap}::test_it[0]",
        f"{cheap}::test_it[5]",
    ]


def test_what_was_taken_over_is_looked_at_before_it_is_edited() -> None:
    first = "tests/integration/test_taken_over_account.py"
    then = "tests/integration/test_edits_past_pulumi.py"
    items = [Item(file, 0) for file in (then, "tests/d1/test_rules.py", first)]
    ordered = in_order(cast("list[pytest.Item]", items))
    assert [item.nodeid.partition("::")[0] for item in ordered][:2] == [first, then]


@pytest.mark.parametrize("named", [True, False])
def test_tests_that_are_named_all_run_and_else_a_change_is_noted_once(
    named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = pytest.Config.ArgsSource
    config = SimpleNamespace(args_source=source.ARGS if named else source.TESTPATHS)
    monkeypatch.setenv(VARIABLE, "README.md")
    note_the_change(cast("pytest.Config", config))
    assert os.environ[VARIABLE] == (ALL if named else "README.md")


@pytest.mark.parametrize(
    ("paths", "noted"),
    [(None, UNKNOWN), (["a"] * 1001, UNKNOWN), (["a"] * 1000, "a\n" * 999 + "a"), ([], "")],
)
def test_a_change_that_is_unknown_or_too_large_is_everything(
    paths: list[str] | None, noted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "to be put back")
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr("tests.long_tests.changed_paths", lambda _root: paths)
    config = SimpleNamespace(args_source=pytest.Config.ArgsSource.TESTPATHS)
    note_the_change(cast("pytest.Config", config))
    assert os.environ[VARIABLE] == noted


_CLOCK = re.compile(r"(?m)^\w+(?:: [^=\n]+)? = .*(?:\btime\.time\(|\b(?:utc)?now\(|\btoday\()")


def test_no_test_counts_from_when_it_was_imported() -> None:
    """In a run of an hour that is an hour ago, and what is left of two is one."""
    assert _CLOCK.search("NOW = datetime.now(UTC)\n")
    assert _CLOCK.search("SOON: float = 5 + time.time()\n")
    files = (ROOT / "tests").rglob("*.py")
    assert [path.name for path in files if _CLOCK.search(path.read_text(encoding="utf-8"))] == []

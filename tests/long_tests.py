"""Which long tests `make test` runs: what a change concerns first, and as many as time allows.

`tests/long_tests.yaml` lists the files whose tests take seconds of processor time, with these
seconds and the places of the product that each judges. A change is what differs from the commit
before it: from the upstream branch's, or on that branch from its last commit but one. A run takes
files of at most `BUDGET` seconds: those that changed themselves, whatever they take; then those
that the change concerns; then the others. The day's seed orders each group, so that all have run
after some days; `make soak` runs those that a day left out. Where tests are named on the command
line, all of them run. CI sets ``TEST_LONG=all``, which does the same.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

import pytest
import yaml

from tests.day_sample import chance

VARIABLE = "TEST_LONG"
BASE = "TEST_BASE"
ALL = "all"
UNKNOWN = "."
"""What has changed where git can't tell, as in a checkout without history: anything."""
BUDGET = 90
"""Seconds of processor time. With the other tests, two cores then take about five minutes."""
ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "tests" / "long_tests.yaml"
EVERYTHING = frozenset({UNKNOWN, "pyproject.toml", "requirements.lock", "package-lock.json"})
"""What each test depends on; so it does on the modules of `tests` itself."""
_MOST = 1000
"""Changed paths; more than that are everything. One variable holds at most 128 KiB (execve(2))."""


@dataclass(frozen=True)
class LongFile:
    """A file whose tests are long.

    Attributes:
        seconds: processor time of its tests with their daemons, about.
        judges: files and folders of the product.
    """

    seconds: int
    judges: tuple[str, ...]


@cache
def long_files() -> dict[str, LongFile]:
    """Return the long files by their paths below the project's folder."""
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return {
        f"tests/{file}": LongFile(row["seconds"], tuple(row["judges"].split()))
        for file, row in table.items()
    }


def note_the_change(config: pytest.Config) -> None:
    """Put what has changed into the environment, so that every process of a run has the same."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        os.environ[VARIABLE] = ALL
    elif VARIABLE not in os.environ:
        paths = changed_paths(ROOT)
        known = paths is not None and len(paths) <= _MOST
        os.environ[VARIABLE] = "\n".join(paths or ()) if known else UNKNOWN


def changed_paths(root: Path) -> list[str] | None:
    """Return what differs from the base commit, with files that git doesn't know; None: unknown."""
    base = os.environ.get(BASE) or _base(root)
    if not base:
        return None
    changed = _git(root, "diff", "--name-only", "--no-renames", "-z", base, "--")
    added = _git(root, "ls-files", "--others", "--exclude-standard", "-z")
    if changed is None or added is None:
        return None
    return sorted({path for path in f"{changed}\0{added}".split("\0") if path})


def leave_out(items: Iterable[pytest.Item], *, all_of_them: bool) -> None:
    """Mark with ``soak`` what a run leaves out of the long tests, or all of them."""
    if (noted := os.environ.get(VARIABLE, ALL)) == ALL:
        return
    # By file, since the tests of some are the steps of one story.
    left = set(long_files()) - (set() if all_of_them else chosen(noted.splitlines()))
    for item in items:
        if item.nodeid.partition("::")[0] in left:
            item.add_marker(pytest.mark.soak)


def chosen(changed: Sequence[str]) -> set[str]:
    """Return the long files that a run takes after a change of some paths."""
    files = long_files()

    def turn(path: str) -> tuple[bool, bool, float]:
        about = concerned(path, files[path].judges, changed)
        return path not in changed, not about, chance(f"long {path}").random()

    taken: set[str] = set()
    left = BUDGET
    for path in sorted(files, key=turn):
        if path in changed or files[path].seconds <= left:
            taken.add(path)
            left -= files[path].seconds
    return taken


def concerned(file: str, judged: Sequence[str], changed: Iterable[str]) -> bool:
    """Tell whether one of the changed paths is what a test file judges, or what it depends on."""
    own = PurePosixPath(file)
    for path in changed:
        folder = PurePosixPath(path).parent
        shared = path.startswith("tests/") and not PurePosixPath(path).name.startswith("test_")
        if path == file or path in EVERYTHING:
            return True
        if shared and path.endswith(".py") and folder in own.parents:
            return True
        if any(path == place or path.startswith(f"{place}/") for place in judged):
            return True
    return False


def told(noted: str) -> str:
    """Return in words which long tests a run takes.

    Args:
        noted: what `VARIABLE` says.
    """
    if noted == ALL:
        return "all long tests"
    changed, files = noted.splitlines(), long_files()
    taken = chosen(changed)
    about = {path for path, file in files.items() if concerned(path, file.judges, changed)}
    concerning = (
        f"with {len(taken & about)} of the {len(about)} that the change concerns"
        if about
        else "none of which the change concerns"
    )
    return (
        f"{len(taken)} of {len(files)} files of long tests, {concerning} "
        f"({VARIABLE}={ALL} takes all)"
    )


def _base(root: Path) -> str | None:
    head = _git(root, "rev-parse", "HEAD")
    upstream = _git(root, "merge-base", "HEAD", "@{upstream}")
    base = upstream if upstream not in {None, head} else _git(root, "rev-parse", "HEAD^")
    return base.strip() if base else None


def _git(root: Path, *arguments: str) -> str | None:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode == 0 else None

"""Which long tests `make test` runs: those that concern a change, and an eighth of the others.

`tests/long_tests.yaml` lists the files whose tests take seconds of processor time, each with the
places of the product that it judges. A change is what differs from the commit before it: from the
upstream branch's, or on that branch from its last commit but one. The day's seed chooses which;
`make soak` runs all of them. Where git can't tell (a checkout without history), and where tests
are named on the command line, all of them run. CI sets ``TEST_LONG=all``, which does the same.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pytest
import yaml

from tests.day_sample import chance

VARIABLE = "TEST_LONG"
BASE = "TEST_BASE"
ALL = "all"
SHARE = 8
"""One of so many runs each day."""
ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "tests" / "long_tests.yaml"
EVERYTHING = frozenset({"pyproject.toml", "requirements.lock", "package-lock.json"})
"""What each test depends on; so it does on the modules of `tests` itself."""
_MOST = 1000
"""Changed paths; more than that are everything. One variable holds at most 128 KiB (execve(2))."""


def places() -> dict[str, list[str]]:
    """Return the long files below `tests`, each with the files and folders that it judges."""
    table: dict[str, str] = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return {file: judged.split() for file, judged in table.items()}


def note_the_change(config: pytest.Config) -> None:
    """Put what has changed into the environment, so that every process of a run has the same."""
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        os.environ[VARIABLE] = ALL
    elif VARIABLE not in os.environ:
        paths = changed_paths(ROOT)
        known = paths is not None and len(paths) <= _MOST
        os.environ[VARIABLE] = "\n".join(paths or ()) if known else ALL


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
    changed = [] if all_of_them else noted.splitlines()
    judged = {f"tests/{file}": found for file, found in places().items()}
    left = {file for file, found in judged.items() if not concerned(file, found, changed)}
    if not all_of_them:
        # By file, since the tests of some are the steps of one story.
        left = {file for file in left if chance(f"long {file}").randrange(SHARE)}
    for item in items:
        if item.nodeid.partition("::")[0] in left:
            item.add_marker(pytest.mark.soak)


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


def told(environment: Mapping[str, str]) -> str:
    """Return in words which long tests a run took."""
    noted = environment.get(VARIABLE, ALL)
    if noted == ALL:
        return "all long tests"
    count = len(noted.splitlines())
    files = "1 changed file" if count == 1 else f"{count} changed files"
    return f"the long tests of {files}, and an eighth of the others"


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

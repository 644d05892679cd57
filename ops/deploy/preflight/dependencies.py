"""Whether what is installed is what the locks say."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ops.access.checks.outcome import Outcome

CHECK = "dependencies"
COMPLETE = "complete"
"""The file beside the environment that an installation ends with: the sum of what it installed."""
_STAMPED = (
    "requirements.lock",
    "package-lock.json",
    "worker/requirements.txt",
    "scripts/bootstrap",
    "pyproject.toml",
    "sdk/pyproject.toml",
)
"""The files that scripts/bootstrap sums up, in its order."""

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)\s*(;[^\\]*)?", re.MULTILINE)
_SHOWN = 5
_ADVICE = "Install the locked versions: make install"


def look_at_dependencies(root: Path) -> Outcome:
    """Compare installation and locks: each package's version, then the sum over the locks."""
    different = [*_python(root), *_node(root)]
    if different:
        more = f" and {len(different) - _SHOWN} more" if len(different) > _SHOWN else ""
        return Outcome.fail(CHECK, f"{'; '.join(different[:_SHOWN])}{more}", _ADVICE)
    complete = (root / ".venv").resolve().parent / COMPLETE
    if not complete.is_file():
        return Outcome.fail(CHECK, f"{complete} isn't there: no installation was finished", _ADVICE)
    if complete.read_text(encoding="utf-8").split()[:2] != _sum(root):
        return Outcome.fail(CHECK, "the locks have changed since the installation", _ADVICE)
    return Outcome.ok(CHECK, "every package has its locked version")


def _python(root: Path) -> Iterator[str]:
    """Yield what differs in the environment that runs this command."""
    lock = root / "requirements.lock"
    if not lock.is_file():
        yield "requirements.lock isn't there"
        return
    for name, wanted, marker in _PIN.findall(lock.read_text(encoding="utf-8")):
        try:
            found = version(name)
        except PackageNotFoundError:
            if not marker:  # A marker may leave it to another platform.
                yield f"{name} {wanted} isn't installed"
            continue
        if found != wanted:
            yield f"{name} is {found}, not {wanted}"


def _node(root: Path) -> Iterator[str]:
    lock = root / "package-lock.json"
    if not lock.is_file():
        yield "package-lock.json isn't there"
        return
    for path, locked in json.loads(lock.read_text(encoding="utf-8"))["packages"].items():
        if not path:
            continue
        name = path.rpartition("node_modules/")[2]
        try:
            found = json.loads((root / path / "package.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # One that an interrupted installation left half written isn't installed either.
            if not locked.get("optional"):
                yield f"{name} {locked['version']} isn't installed"
            continue
        if found.get("version") != locked["version"]:
            yield f"{name} is {found.get('version')}, not {locked['version']}"


def _sum(root: Path) -> list[str]:
    """Return POSIX cksum's sum and length of the stamped files, as scripts/bootstrap has them."""
    try:
        content = b"".join((root / name).read_bytes() for name in _STAMPED)
        done = subprocess.run(["cksum"], input=content, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    return done.stdout.decode().split()[:2]

"""The type checker and the quick part of the unit tests, run on the checked-out code."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from ops.access.checks.outcome import Outcome

TYPES = "types"
TESTS = "unit tests"
TYPED = ("__main__.py", "infra", "engine", "ops", "worker/src")
QUICK_TESTS = (
    "tests/worker/http",
    "tests/worker/sending",
    "tests/infra/test_stack_settings.py",
    "tests/infra/test_migrator.py",
    "tests/infra/test_program_rules.py",
)
"""What the gate runs: signatures, sending, settings, migrations, the stack's rules. `make test`
runs everything."""

_PATIENCE_S = 900
_SUMMARY = re.compile(r"^=* ?(.*\b(?:passed|failed|error).*?) ?=*$", re.MULTILINE)


def look_at_types(root: Path, paths: Sequence[str] = TYPED) -> Outcome:
    """Run mypy as `make check` does."""
    code, said = _run(root, "mypy", *paths)
    last = said.strip().splitlines()[-1] if said.strip() else "mypy said nothing"
    if code == 0:
        return Outcome.ok(TYPES, last)
    first = next((line for line in said.splitlines() if ": error:" in line), "")
    return Outcome.fail(TYPES, f"{last}: {first}" if first else last, "Correct it: make check")


def look_at_tests(root: Path, paths: Sequence[str] = QUICK_TESTS) -> Outcome:
    """Run the quick tests; none that needs the edge runtime."""
    options = ("-q", "--no-header", "-p", "no:cacheprovider", "-m", "not workerd and not soak")
    code, said = _run(root, "pytest", *options, *paths)
    found = _SUMMARY.findall(said)
    last = found[-1] if found else "pytest said nothing"
    if code == 0:
        return Outcome.ok(TESTS, last)
    failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
    named = f": {', '.join(failed[:3])}" if failed else ""
    return Outcome.fail(TESTS, f"{last}{named}", "Correct it: make test")


def _run(root: Path, module: str, *arguments: str) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    # A test must not see the stack that is about to be deployed.
    for name in ("NOTIFYCTL_CONFIG_FILE", "NOTIFYCTL_STACK"):
        environment.pop(name, None)
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=root,
            env={**environment, "COLUMNS": "200"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_PATIENCE_S,
        )
    except subprocess.TimeoutExpired:
        return 124, f"{module} didn't end within {_PATIENCE_S} s"
    return done.returncode, done.stdout + done.stderr

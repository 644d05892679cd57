"""The night's audits of packages: what they read; one that cannot be made is no clean one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipelines.runner import Ran, Runner
from tests.pipelines.workflow import ROOT, Workflow

pytestmark = pytest.mark.requirement("S0-101", "S0-93")

PYTHON = """#!/bin/sh
# Stands for the machine's Python and, once it has "made" a virtual environment, for that one's.
python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' "$@" >>"$RECORDED"
if [ "$2" = venv ]; then mkdir -p "$3/bin" && cp "$0" "$3/bin/python"; fi
if [ "$2" = "$FAILS" ]; then exit 1; fi
"""


def audited(folder: Path, *, fails: str) -> tuple[Ran, list[list[str]]]:
    """Run the step for Python; returns what it did, and what each start of Python was given."""
    first = folder / "first"
    first.mkdir()
    (first / "python").write_text(PYTHON)
    (first / "python").chmod(0o755)
    record = folder / "recorded"
    surroundings = {"RECORDED": str(record), "FAILS": fails, "RUNNER_TEMP": str(folder / "temp")}
    runner = Runner(ROOT, surroundings, folder, first_on_path=first)
    ran = runner.run(Workflow.read("nightly"), "scan", "Audit the Python packages", {})
    return ran, [json.loads(line) for line in record.read_text().splitlines()]


def test_every_package_of_the_lock_is_audited_by_a_tool_that_is_itself_locked(
    tmp_path: Path,
) -> None:
    ran, (_, install, audit) = audited(tmp_path, fails="nothing")

    assert ran.code == 0, ran.text
    assert install[:3] == ["-m", "pip", "install"]
    assert {"--require-hashes", "--no-deps", ".github/audit-requirements.txt"} <= set(install)
    assert audit[:2] == ["-m", "pip_audit"]
    assert {"--strict", "--require-hashes", "requirements.lock"} <= set(audit)


@pytest.mark.parametrize("part", ["venv", "pip", "pip_audit"])
def test_a_part_that_fails_fails_the_step(tmp_path: Path, part: str) -> None:
    ran, started = audited(tmp_path, fails=part)

    assert ran.code != 0
    assert started[-1][1] == part


def test_node_packages_that_nobody_can_judge_fail_the_step(tmp_path: Path) -> None:
    surroundings = {"npm_config_registry": "http://127.0.0.1:9/", "HOME": str(tmp_path)}
    runner = Runner(ROOT, surroundings, tmp_path)

    ran = runner.run(Workflow.read("nightly"), "scan", "Audit the Node packages", {})

    assert ran.code != 0
    assert "audit endpoint returned an error" in ran.text

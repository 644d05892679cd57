"""A run of the long counts ends with a table of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_PROGRAM = """
import pytest

@pytest.mark.soak
def test_kills(record_property):
    record_property("kills", 200)

@pytest.mark.soak
def test_without_a_count():
    raise AssertionError
"""


def test_a_soak_prints_each_test_with_its_result_and_its_counts(tmp_path: Path) -> None:
    (tmp_path / "test_long.py").write_text(_PROGRAM)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = soak: long\n")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-m", "soak"),
            *("-p", "tests.conftest", "-c", str(tmp_path / "pytest.ini"), str(tmp_path)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    table = done.stdout.split("long counts", 1)[1].splitlines()
    assert any(
        line.startswith("passed") and "test_kills" in line and line.endswith("kills: 200")
        for line in table
    )
    assert any(line.startswith("failed") and "test_without_a_count" in line for line in table)

"""A sampled test runs some of its members before a commit, and all of them in a soak."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PROGRAM = """
import pytest

@pytest.mark.sample(3)
@pytest.mark.parametrize("number", range(40))
def test_long(number):
    pass

def test_short():
    pass
"""


def members(folder: Path, wanted: str, seed: str) -> list[str]:
    (folder / "test_sampled.py").write_text(_PROGRAM)
    markers = "[pytest]\nmarkers =\n  soak: long\n  sample(count): some\n"
    (folder / "pytest.ini").write_text(markers)
    command = [
        *(sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", wanted),
        *("-p", "tests.conftest", "-c", str(folder / "pytest.ini"), str(folder)),
    ]
    done = subprocess.run(
        ["env", f"TEST_SEED={seed}", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    told = f"day's sample: TEST_SEED={seed}" in done.stdout
    assert told is (wanted == "not soak"), done.stdout + done.stderr
    return re.findall(r"::(\S+)", done.stdout)


def test_a_day_has_its_sample_and_a_soak_takes_all(tmp_path: Path) -> None:
    one = members(tmp_path, "not soak", "20261129")
    assert len(one) == 4
    assert "test_short" in one
    assert members(tmp_path, "not soak", "20261129") == one
    assert members(tmp_path, "not soak", "20261130") != one
    assert len(members(tmp_path, "soak", "20261129")) == 40

"""The promise on the real runtime while its processes are killed.

`-s` shows the report: what was killed, which stage each notification was in, what came of it.
"""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from tests.installation import Installation
from tests.promise.kill_report import KillReport
from tests.promise.kill_run import BATCH, BATCHES, SENDS, KillRun
from tests.promise.real_installation import RealInstallation

pytestmark = pytest.mark.workerd

SEED = int(os.environ.get("PROMISE_SEED", "20260101"))
SOAK = int(os.environ.get("PROMISE_KILLS", "200"))
BUILD = Path(__file__).resolve().parents[2] / "build"


def kinds(count: int) -> list[str]:
    """Each kind once; then mostly the version's process, sometimes the store or everything."""
    chance = random.Random(SEED)  # noqa: S311 - a run must be repeatable
    each = ["version", "store", "cloud"]
    return each + chance.choices(each, weights=[6, 2, 2], k=count - len(each))


def show(report: KillReport) -> None:
    """Print the report and keep it in build/."""
    print(report.text())  # noqa: T201 - the run's result
    BUILD.mkdir(exist_ok=True)
    (BUILD / "kills.json").write_text(json.dumps(report.document(), indent=2) + "\n")


def kill(real: RealInstallation, chosen: list[str]) -> None:
    """One run with everything that must be true of it."""
    report = KillRun(real, SEED + len(chosen)).run(chosen)
    show(report)
    assert sum(report.kills.values()) == len(chosen)
    assert not report.refused_afterwards
    assert report.accepted >= SENDS + BATCHES * BATCH
    assert report.in_batches >= BATCHES * BATCH
    assert not report.lost
    assert not report.open
    assert not report.outside


@pytest.mark.soak
def test_no_kill_loses_a_notification_that_was_accepted(real: RealInstallation) -> None:
    kill(real, kinds(SOAK))


@pytest.mark.soak
def test_no_kill_loses_a_notification_of_several_databases(tmp_path: Path) -> None:
    settings = {"testClock": True, "shards": 3}
    with Installation.deployed(tmp_path / "three", settings=settings) as installation:
        kill(RealInstallation(installation), kinds(SOAK))

"""Half an hour at 70 % of what the service can do, with failing and slow endpoints.

PROMISE_LOAD_SECONDS shortens it. `-s` shows the figures; build/load.json keeps them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.promise.load_run import FAILING, USERS, LoadRun
from tests.promise.real_installation import RealInstallation

pytestmark = [pytest.mark.workerd, pytest.mark.soak]

SECONDS = float(os.environ.get("PROMISE_LOAD_SECONDS", "1800"))
MEASURE_S = 60.0
"""Long enough that the retries of what failed are a part of the load."""
BUILD = Path(__file__).resolve().parents[2] / "build"
RETRYING_S = 60
"""How long a notification to a failing endpoint waits, both waits and the queue's batching."""
MOST_GROWTH = 1.15


def test_under_long_load_nothing_is_lost_and_neither_backlog_nor_memory_grows(
    real: RealInstallation,
) -> None:
    report = LoadRun(real).run(measure_s=MEASURE_S, load_s=SECONDS)
    print(report.text())  # noqa: T201 - the run's result
    BUILD.mkdir(exist_ok=True)
    (BUILD / "load.json").write_text(json.dumps(report.document(), indent=2) + "\n")
    assert set(report.statuses) == {200}
    assert not report.lost
    assert report.repeated == 0
    failing_per_second = report.most_per_second * len(FAILING) / USERS
    for sample in report.samples:
        assert sample.waiting < 2 * RETRYING_S * failing_per_second
    before, after = report.memory()
    assert after < before * MOST_GROWTH

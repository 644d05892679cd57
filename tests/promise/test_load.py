"""Half an hour at 70 % of what the service can do, with failing and slow endpoints.

PROMISE_LOAD_SECONDS shortens it. `-s` prints the measurements; build/load.json keeps them.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.altered_project import AlteredProject
from tests.installation import Installation
from tests.promise.load_run import FAILING, USERS, LoadRun
from tests.promise.process_memory import TRACED
from tests.promise.real_installation import RealInstallation

pytestmark = [pytest.mark.workerd, pytest.mark.soak]

SECONDS = float(os.environ.get("PROMISE_LOAD_SECONDS", "1800"))
MEASURE_S = 60.0
"""Long enough that the retries of what failed are a part of the load."""
BUILD = Path(__file__).resolve().parents[2] / "build"
RETRYING_S = 60
"""How long a notification to a failing endpoint waits, both waits and the queue's batching."""
MAX_GROWTH = 1.15
"""Of the whole process, from the second quarter to the last."""
MAX_ALIVE_GROWTH_MB = 3.0
"""What may be alive beyond the earlier: notifications under way. Half an hour makes it less than
300 bytes a notification."""
MAX_INTERPRETER_GROWTH = 1.25
"""One step of the interpreter's memory, which grows by a fifth."""
MAX_MB = 768
"""The whole process with what V8 and the allocator keep in reserve (docs/reliability.md)."""
MIN_COLLECTIONS = 4


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[RealInstallation]:
    """An installation whose runtime tells what its full collections leave."""
    project = AlteredProject(tmp_path / "project")
    project.replace("localcloud/host/capnp-text.mjs", *TRACED)
    built = Installation(tmp_path / "load", settings={"testClock": True}, project=project.root)
    try:
        built.up()
        yield RealInstallation(built)
    finally:
        built.close()


def test_under_long_load_nothing_is_lost_and_neither_backlog_nor_memory_grows(
    traced: RealInstallation,
) -> None:
    report = LoadRun(traced).run(measure_s=MEASURE_S, load_s=SECONDS)
    print(report.text())  # noqa: T201 - the run's result
    BUILD.mkdir(exist_ok=True)
    (BUILD / "load.json").write_text(json.dumps(report.document(), indent=2) + "\n")
    assert set(report.statuses) == {200}
    assert not report.lost
    assert report.repeated == 0
    failing_per_second = report.most_per_second * len(FAILING) / USERS
    for sample in report.samples:
        assert sample.waiting < 2 * RETRYING_S * failing_per_second
    assert max(report.memory()) < MAX_MB
    before, after = report.interpreter()
    assert 0 < after <= before * MAX_INTERPRETER_GROWTH
    earlier, later = report.alive()
    alive = [*earlier, *later]
    assert len(alive) >= MIN_COLLECTIONS
    half = len(alive) // 2
    growth = statistics.median(alive[half:]) - statistics.median(alive[:half])
    assert growth < MAX_ALIVE_GROWTH_MB
    # A process that has its size collects nothing more; one that grows must have shown why it may.
    second, last = report.memory()
    assert last <= second * MAX_GROWTH or later

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest

from tests.installation import Installation
from tests.promise.real_installation import RealInstallation

STEP_S = 100.0


class _SlowToAnswer:
    """Moves its clock, lets a delivery happen, and only then answers who moved it."""

    home = Path("unused")

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self.real: RealInstallation
        self.seen: Future[float]

    def outputs(self) -> dict[str, Any]:
        return {"d1_database_id": "d1"}

    def now(self) -> float:
        return time.time()

    def advance_clock(self, seconds: float) -> None:
        self.seen = self._pool.submit(self.real.now)
        with pytest.raises(TimeoutError):
            self.seen.result(0.05)


def test_a_reader_during_a_move_of_the_clock_gets_the_time_after_it() -> None:
    with ThreadPoolExecutor(1) as pool:
        installation = _SlowToAnswer(pool)
        real = installation.real = RealInstallation(cast(Installation, installation))
        before = real.now()
        real.advance(STEP_S)

        assert installation.seen.result(30) >= before + STEP_S

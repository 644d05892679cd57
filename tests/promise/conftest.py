from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.promise.simulated_timeline import SimulatedTimeline
from tests.promise.simulation import Simulation


@pytest.fixture
def timeline() -> Iterator[SimulatedTimeline]:
    """An installation at second 0 with one user, ann."""
    with Simulation() as simulation:
        line = SimulatedTimeline(simulation)
        line.configure("ann")
        yield line

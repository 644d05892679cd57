from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.installation import Installation
from tests.promise.real_installation import RealInstallation
from tests.promise.simulated_timeline import SimulatedTimeline
from tests.promise.simulation import Simulation


@pytest.fixture
def timeline() -> Iterator[SimulatedTimeline]:
    """An installation at second 0 with one user, ann; WORLD_SHARDS spreads its users."""
    with Simulation(shards=int(os.environ.get("WORLD_SHARDS", "1"))) as simulation:
        line = SimulatedTimeline(simulation)
        line.configure("ann")
        yield line


@pytest.fixture
def real(moving: Installation) -> RealInstallation:
    """The deployed installation; other tests may have moved its clock in between."""
    return RealInstallation(moving)

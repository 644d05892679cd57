from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.installation import Installation
from tests.promise.real_installation import RealInstallation
from tests.promise.simulated_timeline import SimulatedTimeline
from tests.promise.simulation import Simulation


@pytest.fixture
def timeline() -> Iterator[SimulatedTimeline]:
    """An installation at second 0 with one user, ann."""
    with Simulation() as simulation:
        line = SimulatedTimeline(simulation)
        line.configure("ann")
        yield line


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealInstallation]:
    """One deployed installation for all of these tests: what they break comes back by itself."""
    built = Installation(tmp_path_factory.mktemp("promise"), settings={"testClock": True})
    try:
        built.up()
        yield RealInstallation(built)
    finally:
        built.close()

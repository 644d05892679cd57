from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.installation import Installation
from tests.promise.real_installation import RealInstallation
from tests.promise.simulated_timeline import SimulatedTimeline
from tests.promise.simulation import Simulation

SPREAD = frozenset(
    {
        "test_cron",
        "test_deaths",
        "test_fairness",
        "test_holds",
        "test_pace",
        "test_schedule",
        "test_throttling",
    }
)
"""Modules that run over three databases, too; WORLD_SHARDS lets any of them."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of some modules over three databases as over one."""
    if "timeline" in metafunc.fixturenames and metafunc.module.__name__.split(".")[-1] in SPREAD:
        metafunc.parametrize("timeline", [1, 3], ids=["", "over-3-databases"], indirect=True)


@pytest.fixture
def timeline(request: pytest.FixtureRequest) -> Iterator[SimulatedTimeline]:
    """An installation at second 0 with one user, ann."""
    shards = getattr(request, "param", int(os.environ.get("WORLD_SHARDS", "1")))
    with Simulation(shards=shards) as simulation:
        line = SimulatedTimeline(simulation)
        line.configure("ann")
        yield line


@pytest.fixture
def real(moving: Installation) -> RealInstallation:
    """The deployed installation; other tests may have moved its clock in between."""
    return RealInstallation(moving)

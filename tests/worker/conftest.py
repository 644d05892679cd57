from __future__ import annotations

import os

import pytest

from tests.worker.world import World

SPREAD = frozenset(
    {
        "test_changes",
        "test_deployment",
        "test_grafana",
        "test_log_removal",
        "test_logs",
        "test_long_lists",
        "test_metrics",
        "test_queue",
        "test_scraping",
    }
)
"""Modules that know the service by its answers alone: they run over three databases, too."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of some modules over three databases as over one."""
    if "world" in metafunc.fixturenames and metafunc.module.__name__.split(".")[-1] in SPREAD:
        metafunc.parametrize("world", [1, 3], ids=["", "over-3-databases"], indirect=True)


@pytest.fixture
def world(request: pytest.FixtureRequest) -> World:
    """A fresh installation with production's rules; WORLD_SHARDS spreads its users."""
    return World(shards=getattr(request, "param", int(os.environ.get("WORLD_SHARDS", "1"))))

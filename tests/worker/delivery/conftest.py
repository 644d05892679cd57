from __future__ import annotations

import pytest

from tests.worker.timeline import Timeline
from tests.worker.world import World


@pytest.fixture
def timeline(world: World) -> Timeline:
    """The time of an installation with one recipient."""
    world.configure()
    return Timeline(world)

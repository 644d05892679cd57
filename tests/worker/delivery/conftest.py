from __future__ import annotations

import pytest

from tests.worker.stepped_timeline import SteppedTimeline
from tests.worker.world import World


@pytest.fixture
def timeline(world: World) -> SteppedTimeline:
    """The time of an installation with one recipient, ann."""
    line = SteppedTimeline(world)
    line.configure("ann")
    return line

from __future__ import annotations

import pytest

from tests.worker.world import World


@pytest.fixture
def world() -> World:
    """A fresh installation with production's rules."""
    return World()

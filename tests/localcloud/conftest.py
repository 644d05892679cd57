"""Fixtures of the control plane's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localcloud.running_cloud import RunningCloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunningCloud]:
    """A running control plane with nothing in its account."""
    with RunningCloud(tmp_path / "home") as running:
        yield running

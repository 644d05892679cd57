"""Fixtures of the control plane's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.localcloud.running_cloud import RunningCloud


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """One control plane for tests that leave nothing which another would see."""
    with RunningCloud(tmp_path_factory.mktemp("shared") / "home") as running:
        running.result("POST", "/workers/workers", json={"name": "idle"})
        yield running


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunningCloud]:
    """A running control plane with nothing in its account."""
    with RunningCloud(tmp_path / "home") as running:
        yield running


@pytest.fixture
def cloud_with_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningCloud]:
    """A control plane whose API takes three requests in five minutes."""
    monkeypatch.setenv("NOTIFICATION_LOCAL_API_LIMIT", "3")
    with RunningCloud(tmp_path / "home") as running:
        yield running

"""Fixtures of the engine's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.fake_cloudflare import FakeCloudflare
from tests.engine.workspace import Workspace


@pytest.fixture
def api() -> Iterator[FakeCloudflare]:
    server = FakeCloudflare()
    yield server
    server.close()


@pytest.fixture
def workspace(tmp_path: Path, api: FakeCloudflare) -> Workspace:
    return Workspace(tmp_path / "project", api)


@pytest.fixture
def records(workspace: Workspace) -> Workspace:
    """The program of dynamic resources; ``outside`` is its folder of files."""
    outside = workspace.folder / "outside"
    outside.mkdir()
    workspace.config["folder"] = str(outside)
    workspace.program("records")
    return workspace

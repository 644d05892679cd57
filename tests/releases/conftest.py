from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.altered_project import AlteredProject
from tests.releases.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A project whose code may be broken, deployed once, shared by the tests of one module."""
    folder: Path = tmp_path_factory.mktemp("stage")
    built = Stage(AlteredProject(folder / "project"), folder)
    built.installation.up()
    yield built
    built.installation.close()

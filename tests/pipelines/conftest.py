from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.altered_project import AlteredProject
from tests.pipelines.runner import Runner
from tests.releases.stage import Stage


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A checkout with a local cloud of its own, on which the workflows' stack is deployed."""
    folder: Path = tmp_path_factory.mktemp("pipeline")
    built = Stage(AlteredProject(folder / "project"), folder)
    yield built
    built.installation.close()


@pytest.fixture(scope="module")
def runner(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """GitHub's machine with that checkout."""
    scratch: Path = tmp_path_factory.mktemp("runner")
    return Runner(stage.project.root, stage.installation.environment, scratch)

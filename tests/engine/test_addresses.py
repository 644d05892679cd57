"""Assets, domain, route and token under the embedded engine, from the first update to the last."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine.workspace import Workspace
from tests.localcloud.running_cloud import RunningCloud

CREATED = {"create": 7}
SAME = {"same": 7}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunningCloud]:
    """A control plane of the test's own."""
    with RunningCloud(tmp_path / "home") as running:
        yield running


@pytest.fixture
def deployed(cloud: RunningCloud, workspace: Workspace) -> Workspace:
    """The program on that control plane; nothing is deployed yet."""
    folder = workspace.folder / "assets"
    folder.mkdir()
    (folder / "index.html").write_text("<h1>hi</h1>")
    workspace.base_url = cloud.endpoints.control_url
    workspace.environment["CLOUDFLARE_API_TOKEN"] = cloud.endpoints.api_token
    # Relative to the program's folder, where plugins run; the tests run elsewhere.
    workspace.config["assets"] = "../assets"
    workspace.secret_config.clear()
    workspace.program("addresses")
    return workspace


def what_is_there(cloud: RunningCloud) -> dict[str, Any]:
    """Everything of the account that isn't zero."""
    return {name: count for name, count in cloud.local("GET", "/state").items() if count}


def change(workspace: Workspace) -> None:
    """Another asset, another pattern and another name of the token."""
    (workspace.folder / "assets" / "index.html").write_text("<h1>ho</h1>")
    workspace.edit(r'pattern="example.test/\*"', 'pattern="example.test/api/*"')
    workspace.edit('name="ci"', 'name="other"')


def test_it_comes_stays_changes_and_goes_in_one_run(
    cloud: RunningCloud, deployed: Workspace
) -> None:
    assert deployed.up().changes == CREATED
    value = deployed.engine().outputs(show_secrets=True)["token"]
    assert len(value) == 40
    assert value not in deployed.everything_written()
    assert deployed.up().changes == SAME
    assert deployed.engine().refresh().changes == SAME
    change(deployed)
    # The route and the token in place; the version and the deployment are replaced.
    assert deployed.up().changes == {"replace": 2, "same": 3, "update": 2}
    assert deployed.engine().outputs(show_secrets=True)["token"] == value
    assert deployed.engine().destroy().result == "succeeded"
    assert what_is_there(cloud) == {}

"""A first update that failed half-way is mended by an import, and no store is lost on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.installation import ROOT, Installation
from tests.real_cli import providers

pytestmark = pytest.mark.workerd
ACCOUNT = "/client/v4/accounts/00000000000000000000000000000001"
LISTS = {
    "d1/database": "uuid",
    "storage/kv/namespaces": "id",
    "queues": "queue_id",
    "workers/workers": "id",
}
SETTINGS = {"d1/database": "adoptDatabaseId", "storage/kv/namespaces": "adoptNamespaceId"}


PAST_THE_CHECK = """
import os
from pathlib import Path
from ops.deploy.deployment import Deployment
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext
from ops.stacks.project import Project

project = Project.find(environment=os.environ)
file = Path(os.environ["NOTIFYCTL_CONFIG_FILE"])
context = StackContext.read(project, "local", Reporter(quiet=True), path=file)
deployment = Deployment(context)
deployment.prepare()
deployment.update("half-way")
"""


def past_the_check(made: Installation) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PAST_THE_CHECK],
        cwd=ROOT,
        env=made.environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(
    params=["embedded", pytest.param("cli", marks=pytest.mark.real_pulumi)],
)
def failed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    """A stack whose Worker couldn't be made, because another has its name."""
    made = Installation(tmp_path)
    made.environment |= {"NOTIFYCTL_ENGINE": request.param, **providers()}
    try:
        assert made.ctl("local", "start").returncode == 0
        worker = {"name": "notification-system-local"}
        assert made.control("POST", f"{ACCOUNT}/workers/workers", json=worker).is_success
        refused = made.ctl("up", "--stack", "local", "--skip-verify")
        assert refused.returncode == 4
        assert "the Worker notification-system-local (" in refused.stderr
        assert {path: len(found) for path, found in ids(made).items()} == {
            **dict.fromkeys(LISTS, 0),
            "workers/workers": 1,
        }
        # Plain Pulumi, or somebody who takes the name meanwhile, comes that far.
        half_way = past_the_check(made)
        assert "StackFailed" in half_way.stderr, half_way.stderr
        yield made
    finally:
        made.close()


def ids(made: Installation) -> dict[str, set[str]]:
    """Return the ids of everything that holds data."""
    listed: dict[str, Any] = {
        path: made.control("GET", f"{ACCOUNT}/{path}").json()["result"] for path in LISTS
    }
    return {path: {item[LISTS[path]] for item in items} for path, items in listed.items()}


def test_the_import_after_it_keeps_every_store(failed: Installation) -> None:
    before = ids(failed)
    assert {path: len(found) for path, found in before.items()} == {
        "d1/database": 1,
        "storage/kv/namespaces": 1,
        "queues": 2,
        "workers/workers": 1,
    }

    # The gate takes the next deployment for the first one, which applies every migration.
    skips = [part for name in ("types", "tests", "work-tree") for part in ("--skip", name)]
    checks = json.loads(failed.ctl("check", "--stack", "local", "--json", *skips).stdout)["checks"]
    [migrations] = [one for one in checks if one["check"] == "migrations"]
    assert migrations["result"] == "ok", migrations

    # An id that would put another namespace in the place of the stack's is refused beforehand.
    other = failed.control("POST", f"{ACCOUNT}/storage/kv/namespaces", json={"title": "other"})
    failed.configure({"adoptNamespaceId": other.json()["result"]["id"]})
    with_other = ids(failed)
    refused = failed.ctl("import", "--stack", "local", "--yes")
    assert refused.returncode in (4, 8)
    assert "Traceback" not in refused.stderr
    assert ids(failed) == with_other

    # The same by a plain update, which asks the state by itself.
    refused = past_the_check(failed)
    assert "adoptNamespaceId: the stack manages" in refused.stderr, refused.stderr
    assert ids(failed) == with_other

    # Ids of what the stack made: nothing is imported over itself. The Worker isn't the stack's yet.
    own = {SETTINGS[path]: next(iter(before[path])) for path in SETTINGS}
    failed.configure(own)
    refused = failed.ctl("up", "--stack", "local", "--skip-verify")
    assert refused.returncode == 4
    assert "delete" not in refused.stdout + refused.stderr
    assert ids(failed) == with_other

    failed.configure({})
    report = failed.ctl_json("import", "--stack", "local", "--yes")
    assert [item["kind"] for item in report["adopt"]] == ["Worker"]
    assert len(report["managed"]) == 4
    assert ids(failed) == with_other
    # Ids that stay in the settings, of what was made and of what was imported, change nothing.
    failed.configure({**own, "adoptWorkerId": next(iter(before["workers/workers"]))})
    again = failed.ctl_json("up", "--stack", "local", "--skip-verify")
    assert set(again["changes"]) == {"same"}
    assert ids(failed) == with_other

"""What a deployment leaves in the state, read from the file that Pulumi would read."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation

pytestmark = pytest.mark.workerd
GOAL = 200_000
"""Bytes that a person may be asked to read."""


def state_file(installation: Installation) -> Path:
    (found,) = installation.home.rglob(".pulumi/stacks/*/local.json")
    return found


def version_in(document: dict[str, Any]) -> dict[str, Any]:
    resources = document["checkpoint"]["latest"]["resources"]
    (version,) = [r for r in resources if r["type"].endswith(":WorkerVersion")]
    return dict(version)


@contextmanager
def modules_as_text(installation: Installation) -> Iterator[None]:
    """The state as it was before modules went in as files, for as long as the block runs."""
    file = state_file(installation)
    before = file.read_bytes()
    document = json.loads(before)
    version = version_in(document)
    for modules in (version["inputs"]["modules"], version["outputs"]["modules"]):
        for module in modules:
            content = (installation.project / module.pop("contentFile")).read_bytes()
            module["contentBase64"] = base64.b64encode(content).decode()
    file.write_text(json.dumps(document, indent=4), encoding="utf-8")
    try:
        yield
    finally:
        file.write_bytes(before)


def test_a_state_holds_hashes_and_no_text_of_the_modules(installation: Installation) -> None:
    file = state_file(installation)
    assert file.stat().st_size < GOAL
    history = [*file.parents[2].glob("history/*/local/*.checkpoint.json")]
    assert history
    assert max(entry.stat().st_size for entry in history) < GOAL
    modules = version_in(json.loads(file.read_bytes()))["outputs"]["modules"]
    assert {frozenset(module) for module in modules} == {
        frozenset({"name", "contentType", "contentFile", "contentSha256"})
    }
    assert str(installation.project) not in file.read_text(encoding="utf-8")


def test_a_state_from_when_modules_were_text_upgrades_without_a_change(
    installation: Installation,
) -> None:
    with modules_as_text(installation):
        assert state_file(installation).stat().st_size > 5 * GOAL
        planned = installation.ctl("preview", "--stack", "local", "--expect-no-changes")
    assert planned.returncode == 0, planned.stderr + planned.stdout

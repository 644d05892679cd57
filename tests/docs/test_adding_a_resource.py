"""The resource of docs/contributing.md is planned, guarded and compared by the files it names."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence

import pytest

from localcloud import api
from localcloud.api.application import families
from tests.altered_project import ROOT, AlteredProject

EDIT = re.compile(
    r"^`(?P<path>[\w/.]+)`, (?P<where>after|before) `(?P<anchor>[^`]+)`:\n\n"
    r"```(?:python|markdown)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
FILES = [
    "docs/infrastructure.md",
    "engine/providers/cloudflare_table.py",
    "infra/access/calls.py",
    "infra/components/stores.py",
    "infra/names.py",
    "infra/outputs.py",
    "ops/observe/drift/cloudflare_kinds.py",
]
MAX_FILES = 8
"""These, and the module of a local API where there is none yet."""

TOLD = """
import json
from infra.access.required_permissions import _ALWAYS
from ops.observe.drift.remains import is_alone
from ops.stacks.data_loss import lost_stores
from ops.stacks.driver import StackUpdate
from ops.stacks.resource_kinds import BOUND, read_path

urn = "urn:pulumi:s::p::c$cloudflare:index/r2Bucket:R2Bucket::attachments"
print(json.dumps({
    "lost": lost_stores(StackUpdate(kind="preview", changes={}, steps=(("delete", urn),))),
    "needed": [permission.group for permission in _ALWAYS],
    "path": read_path("cloudflare:R2Bucket"),
    "gone after a destroy": is_alone("cloudflare:R2Bucket"),
    "bound": BOUND["r2_bucket"].title,
}))
"""


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> AlteredProject:
    """A copy of the project with the document's resource in it."""
    project = AlteredProject(tmp_path_factory.mktemp("resource") / "project")
    shutil.copytree(ROOT / "docs", project.root / "docs")
    project.commit("The documents")
    text = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    edits = list(EDIT.finditer(text))
    assert len(edits) == len(FILES) + 1, "the name takes two places"
    for edit in edits:
        lines = (project.root / edit["path"]).read_text(encoding="utf-8").splitlines(keepends=True)
        [at] = [
            number
            for number, line in enumerate(lines)
            if line.strip().startswith(edit["anchor"].strip())
        ]
        lines.insert(at + (edit["where"] == "after"), edit["text"])
        (project.root / edit["path"]).write_text("".join(lines), encoding="utf-8")
    return project


def test_the_walk_touches_no_more_files_than_it_says(changed: AlteredProject) -> None:
    assert changed.status() == FILES
    assert len(FILES) < MAX_FILES


def test_the_local_api_finds_its_modules_by_itself() -> None:
    folder = next(iter(api.__path__))
    found = {routes.__module__ for routes in families()}
    names = {f"localcloud.api.{name}" for name in ("d1", "kv", "queues", "r2", "workers")}
    assert names <= found, folder
    assert "localcloud.api.envelope" not in found


def test_the_tables_tell_the_rest_of_the_project(changed: AlteredProject) -> None:
    done = changed.run("python", "-c", TOLD)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert "Workers R2 Storage Write" in told.pop("needed")
    assert told == {
        "lost": ["the R2 bucket 'attachments'"],
        "path": "r2/buckets/{id}",
        "gone after a destroy": True,
        "bound": "R2 bucket",
    }


def test_the_stack_is_planned_with_the_resource(changed: AlteredProject) -> None:
    plan = changed.run("notifyctl", "preview", "--stack", "production", "--offline")
    assert plan.returncode == 0, plan.stderr
    assert "+ cloudflare:R2Bucket attachments" in plan.stdout


def failed_in_copy(project: AlteredProject, *chosen: str) -> Sequence[str]:
    """Run tests of the project in the copy, and return the names of those that failed."""
    skipped = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "tests", project.root / "tests", ignore=skipped, dirs_exist_ok=True)
    shutil.copy(ROOT / "pyproject.toml", project.root)
    done = project.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen)
    assert done.returncode in {0, 1}, done.stdout
    return [line for line in done.stdout.splitlines() if line.startswith("FAILED")]


def test_every_input_of_the_resource_is_compared(changed: AlteredProject) -> None:
    chosen = "tests/ops/observe/test_drift_coverage.py"
    assert failed_in_copy(changed, chosen, "-k", "every_input or edit_of_any") == []

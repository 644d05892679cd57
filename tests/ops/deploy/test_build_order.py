"""A deployment builds what it deploys: configuration first, then the build, then the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.build.build import build_bundle
from ops.deploy.account_state import AccountState
from ops.deploy.deployment import Deployment
from ops.deploy.release_checks import ReleaseChecks
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import UsageError
from tests.altered_project import AlteredProject
from tests.ops.contexts import context_of


@pytest.mark.requirement("S4-18", "S4-22")
def test_a_deployment_without_a_build_checks_builds_publishes_and_marks_in_that_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered = AlteredProject(tmp_path / "project")
    context = context_of(altered.root, home=tmp_path / "home")
    project = context.project
    console = altered.root / "console" / "public" / "index.html"
    console.write_text(console.read_text().replace("</body>", "<p>brand new</p></body>"))
    assert not context.project.assets_dir.exists()
    seen: list[str] = []
    built: list[str] = []

    def noted(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            seen.append(name)
            return original(*args, **options)

        return call

    def published(self: Deployment, *_: Any, **__: Any) -> StackUpdate:
        page = next(project.assets_dir.rglob("index.html")).read_text()
        built.append(page)
        assert json.loads(project.assets_dir.with_suffix(".json").read_text())["files"]
        return StackUpdate("update", {"create": 1}, {"service_url": "x", "version_id": "v"})

    monkeypatch.setattr(Deployment, "_check_settings", noted("check", Deployment._check_settings))
    monkeypatch.setattr("ops.deploy.deployment.build_bundle", noted("build", build_bundle))
    monkeypatch.setattr(Deployment, "prepare", noted("start", lambda _: None))
    monkeypatch.setattr(AccountState, "require_free_names", noted("names", lambda _: None))
    monkeypatch.setattr(Deployment, "update", noted("publish", published))
    monkeypatch.setattr(ReleaseChecks, "run", noted("verify", lambda *_: []))
    report = Deployment(context).run(message="", verify=True)

    assert seen == ["check", "build", "start", "names", "publish", "verify"]
    assert "brand new" in built[0]
    assert report.update.outputs["version_id"] == "v"


@pytest.mark.requirement("S4-22")
def test_a_mistake_in_the_settings_ends_it_before_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    altered = AlteredProject(tmp_path / "project")
    file = altered.root / "Pulumi.local.yaml"
    file.write_text(file.read_text().replace("logLevel: debug", "logLevel: loud"))
    context = context_of(altered.root, home=tmp_path / "home")
    with pytest.raises(UsageError, match="logLevel"):
        Deployment(context).run(message="", verify=True)
    assert not context.project.assets_dir.exists()

"""The code of a release: this checkout's, or its commit's in a checkout of its own."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.deploy.rollback import release_source as module
from ops.deploy.rollback.release_source import ReleaseSource, use_bundle
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, OperationError
from ops.stacks.project import Project
from tests.ops.contexts import context_of


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=Test", "-c", "user.email=test@example.invalid")
    command = ["git", "-C", str(folder), *names, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose bundle is what its file ``code`` says, and its assets ``page``."""
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n")
    (folder / ".gitignore").write_text("/dist\n/build\n/.venv\n/home\n")
    (folder / "build").mkdir()
    for code in ("old", "new"):
        (folder / "code").write_text(code)
        (folder / "page").write_text(f"page of {code}")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "-m", code)

    def built(project: Project, _: Any) -> Any:
        project.assets_dir.parent.mkdir(exist_ok=True)
        manifest = {"sha256": (project.root / "page").read_text()}
        project.assets_dir.with_suffix(".json").write_text(json.dumps(manifest))
        return SimpleNamespace(sha256=(project.root / "code").read_text())

    monkeypatch.setattr(module, "build_bundle", built)
    return folder


def release(bundle: str, commit: str = "", assets: str = "") -> Any:
    return SimpleNamespace(short="v1", bundle_sha256=bundle, commit=commit, assets_sha256=assets)


@pytest.fixture
def context(root: Path) -> StackContext:
    return context_of(root, "dev")


@pytest.mark.parametrize("assets", ["", "page of new"])
def test_this_checkout_is_used_where_it_builds_the_release(
    context: StackContext, assets: str
) -> None:
    with ReleaseSource(context).of(release("new", assets=assets)) as found:
        assert found is context


def test_else_the_commit_is_checked_out_and_gone_afterwards(
    context: StackContext, root: Path
) -> None:
    commit = git(root, "rev-parse", "HEAD~1")
    (root / "Pulumi.dev.yaml").write_text("config: {notification-system:logLevel: debug}\n")
    with ReleaseSource(context).of(release("old", commit, "page of old")) as found:
        there = found.project.root
        assert there != root
        assert (there / "code").read_text() == "old"
        assert (there / "build").resolve() == (root / "build").resolve()
        assert not (there / ".venv").exists()
        assert "debug" in (there / "Pulumi.dev.yaml").read_text()
        assert git(root, "worktree", "list").count("\n") == 1
    assert not there.exists()
    assert git(root, "worktree", "list").count("\n") == 0


@pytest.mark.parametrize(
    ("bundle", "assets", "commit", "said"),
    [
        ("gone", "", None, "and the release names no commit. Check out its code"),
        ("gone", "", "HEAD~1", "nor does its commit"),
        ("old", "another page", "HEAD~1", "nor does its commit"),
        ("new", "another page", None, "names no commit"),
        ("old", "", "f" * 40, "isn't in this repository. Run 'git fetch'"),
    ],
)
def test_code_that_gives_another_bundle_is_refused(
    context: StackContext, root: Path, bundle: str, assets: str, commit: str | None, said: str
) -> None:
    named = "" if commit is None else commit
    if named.startswith("HEAD"):
        named = git(root, "rev-parse", named)
    given = ReleaseSource(context).of(release(bundle, named, assets))
    begins = r"^This checkout doesn't build release v1"
    with pytest.raises(GateClosed, match=begins) as refused, given:
        pass
    assert said in str(refused.value)
    assert git(root, "worktree", "list").count("\n") == 0


def test_a_git_that_does_not_end_is_told(
    context: StackContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hangs(command: list[str], **options: Any) -> None:
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(subprocess, "run", hangs)
    with pytest.raises(OperationError, match="'git worktree' didn't end within 120 s"):
        ReleaseSource(context)._git("worktree", "list")


@pytest.mark.parametrize("had_one", [True, False])
def test_a_bundle_takes_the_place_of_another(tmp_path: Path, had_one: bool) -> None:
    source, target = (Project(root=tmp_path / name, home=tmp_path) for name in ("a", "b"))
    for project in (source, target):
        (project.root / "dist").mkdir(parents=True)
        (project.root / "dist" / "file").write_text(project.root.name)
    (target.root / "dist.new").mkdir()
    (target.root / "dist.old").mkdir()
    if not had_one:
        (target.root / "dist" / "file").unlink()
        (target.root / "dist").rmdir()
    use_bundle(source, target)
    assert (target.root / "dist" / "file").read_text() == "a"
    assert sorted(path.name for path in target.root.iterdir()) == ["dist"]
    assert (source.root / "dist" / "file").is_file()
    use_bundle(source, replace(source, home=tmp_path / "elsewhere"))
    assert (source.root / "dist" / "file").is_file()

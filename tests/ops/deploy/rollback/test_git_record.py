from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ops.deploy.rollback.post_mortem import commit_files, uncommitted
from ops.stacks.errors import OperationError


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    git(folder, "config", "user.name", "Pipeline")
    git(folder, "config", "user.email", "pipeline@example.invalid")
    (folder / "Pulumi.production.yaml").write_text("config: {}\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


@pytest.mark.requirement("S4-15")
def test_the_pin_and_the_draft_are_committed_and_nothing_else(root: Path) -> None:
    stack_file, draft = root / "Pulumi.production.yaml", root / "review.md"
    stack_file.write_text("config: {pin: x}\n")
    draft.write_text("# Review\n")
    (root / "other").write_text("not mine\n")

    told = commit_files(root, [stack_file, draft], "Roll production back")

    assert told is not None
    assert told.endswith("Roll production back")
    changed = git(root, "show", "--name-only", "--format=").splitlines()
    assert sorted(changed) == ["Pulumi.production.yaml", "review.md"]
    assert git(root, "status", "--porcelain") == "?? other"


def test_what_git_shows_as_changed_or_new_is_told_by_its_path_in_the_repository(
    root: Path, tmp_path: Path
) -> None:
    stack_file, draft = root / "Pulumi.production.yaml", root / "docs" / "review.md"
    draft.parent.mkdir()
    draft.write_text("# Review\n")
    elsewhere = tmp_path / "review.md"
    elsewhere.write_text("# Review\n")
    assert uncommitted(root, [stack_file, draft, elsewhere]) == ["docs/review.md"]

    stack_file.write_text("config: {pin: x}\n")
    assert uncommitted(root, [stack_file, draft]) == ["Pulumi.production.yaml", "docs/review.md"]

    commit_files(root, [stack_file, draft], "Roll production back")
    assert uncommitted(root, [stack_file, draft, None]) == []
    draft.rename(root / "ignored.md")
    (root / ".gitignore").write_text("ignored.md\n")
    assert uncommitted(root, [root / "ignored.md"]) == []


def test_nothing_is_committed_where_nothing_changed_or_it_lies_elsewhere(
    root: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "review.md"
    elsewhere.write_text("# Review\n")

    assert commit_files(root, [root / "Pulumi.production.yaml", elsewhere], "x") is None


def test_a_commit_that_git_refuses_is_told_with_what_follows_from_it(root: Path) -> None:
    hook = root / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    (root / "Pulumi.production.yaml").write_text("config: {pin: x}\n")

    with pytest.raises(OperationError, match="the next deployment"):
        commit_files(root, [root / "Pulumi.production.yaml"], "x")


def test_a_status_that_git_cannot_tell_is_no_work_done(root: Path) -> None:
    stack_file = root / "Pulumi.production.yaml"
    stack_file.write_text("config: {pin: x}\n")
    (root / ".git" / "index").write_bytes(b"no index")
    with pytest.raises(OperationError, match=r"git didn't commit Pulumi\.production\.yaml"):
        commit_files(root, [stack_file], "Roll production back")

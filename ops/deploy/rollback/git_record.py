"""Commits what a rollback wrote, so that the next deployment of the branch keeps to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ops.stacks.errors import OperationError
from ops.stacks.origin import git


def commit_files(root: Path, paths: Sequence[Path], message: str) -> str | None:
    """Commit these files and nothing else; what lies outside the repository is left out.

    Returns:
        The commit's short hash and subject; ``None`` where nothing of them has changed.

    Raises:
        OperationError: git refused; the files are as they were.
    """
    inside = [str(path) for path in paths if path.resolve().is_relative_to(root.resolve())]
    if not inside or not git(root, "status", "--porcelain", "--", *inside):
        return None
    before = git(root, "rev-parse", "HEAD")
    git(root, "add", "--", *inside)
    git(root, "commit", "--quiet", "-m", message, "--", *inside)
    if git(root, "rev-parse", "HEAD") == before:
        names = ", ".join(Path(path).name for path in inside)
        raise OperationError(
            f"The rollback is done, and git didn't commit {names}. Commit and push them: without "
            "the pin the next deployment of this branch deploys the bad release again."
        )
    return git(root, "log", "-1", "--format=%h %s")

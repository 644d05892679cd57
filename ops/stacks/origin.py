"""Who runs a command, and from which code: on a person's machine or in a pipeline."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.stack_lock import user_name


@dataclass(frozen=True)
class Origin:
    """Where a deployment comes from; what isn't known is an empty text.

    Attributes:
        actor: who.
        branch: git branch.
        commit: git commit, as a whole.
        link: the pipeline's run.
        is_pipeline: whether a pipeline runs the command.
    """

    actor: str
    branch: str
    commit: str
    link: str
    is_pipeline: bool

    @classmethod
    def find(cls, root: Path, environment: Mapping[str, str] | None = None) -> Origin:
        """Ask GitHub Actions' variables first, then git, then the system."""
        found = os.environ if environment is None else environment
        link = ""
        if found.get("GITHUB_RUN_ID"):
            link = (
                f"{found.get('GITHUB_SERVER_URL', 'https://github.com')}"
                f"/{found.get('GITHUB_REPOSITORY', '')}/actions/runs/{found['GITHUB_RUN_ID']}"
            )
        return cls(
            actor=found.get("GITHUB_ACTOR") or git(root, "config", "user.name") or user_name(),
            branch=found.get("GITHUB_HEAD_REF")
            or found.get("GITHUB_REF_NAME")
            or git(root, "branch", "--show-current"),
            commit=found.get("GITHUB_SHA") or git(root, "rev-parse", "HEAD"),
            link=link,
            is_pipeline=found.get("GITHUB_ACTIONS") == "true" or found.get("CI") == "true",
        )


def short_hash(full: str) -> str:
    """Return as much of a commit or a SHA-256 as people are shown: twelve characters."""
    return full[:12]


def git(root: Path, *arguments: str) -> str:
    """Return what git says, without the line's end; an empty text where it fails."""
    return asked_git(root, *arguments) or ""


def asked_git(root: Path, *arguments: str) -> str | None:
    """As `git`, but ``None`` where it fails: nothing to say is another answer."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

"""Whether what is about to be deployed is a commit that others can have."""

from __future__ import annotations

from pathlib import Path

from ops.access.checks.outcome import Outcome
from ops.stacks.moment import counted
from ops.stacks.origin import git

CHECK = "work tree"
_SHOWN = 5


def look_at_work_tree(root: Path) -> Outcome:
    """Say whether the work tree is clean, and whether a remote has the commit."""
    commit = git(root, "rev-parse", "--short=12", "HEAD")
    if not commit:
        return Outcome.fail(
            CHECK, f"{root} isn't a git checkout with a commit", "Deploy from a clone."
        )
    changed = git(root, "status", "--porcelain").splitlines()
    if changed:
        names = ", ".join(line[2:].strip() for line in changed[:_SHOWN])
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        return Outcome.fail(
            CHECK,
            f"{counted(len(changed), 'file')} differ from commit {commit}: {names}{more}",
            "Commit or remove them: what is deployed must be what the commit says.",
        )
    if not git(root, "remote"):
        return Outcome.ok(CHECK, f"clean, at {commit}; there is no remote to compare with")
    if not git(root, "branch", "--remotes", "--contains", "HEAD"):
        return Outcome.warn(
            CHECK,
            f"clean, and no remote branch has {commit}",
            "Push it, so that others can deploy and roll back the same: git push",
        )
    return Outcome.ok(CHECK, f"clean, at {commit}, which a remote branch has")

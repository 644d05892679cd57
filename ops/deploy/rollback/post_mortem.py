"""The draft of the review that follows every rollback, and which ones are still open."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.stacks.active_deployment import short_version
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError
from ops.stacks.origin import asked_git, git

FOLDER_VARIABLE = "NOTIFYCTL_POST_MORTEMS"
"""Environment variable that moves the reviews somewhere else."""

HEADINGS = {
    "Technical cause": "What broke, and why? Which change brought it in?",
    "Gaps in the tests": "Which test would have found it, and is it there now?",
    "Monitoring and alerts": "Who or what noticed, after how long? What should have?",
    "Deployment process": "Which step would have kept it from production? What changes?",
}
_OPEN = "Status: open"
_HINT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True)
class PostMortem:
    """What a draft begins with.

    Attributes:
        stack: the stack that was rolled back.
        bad_version: the version that served before.
        good_version: the version that serves now.
        commit: git commit of the bad release, or an empty text.
        reason: why, in the operator's words.
        actor: who rolled back.
        seconds: from the command to the verified service.
    """

    stack: str
    bad_version: str
    good_version: str
    commit: str
    reason: str
    actor: str
    seconds: float

    def write(self, folder: Path, *, now: datetime | None = None) -> Path:
        """Write the draft and return where it lies; one that is there for it already stays."""
        moment = now or datetime.now(UTC)
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{self.stack}-{short_version(self.bad_version)}.md"
        for path in folder.glob(f"*-{name}"):
            return path
        path = folder / f"{moment:%Y-%m-%d}-{name}"
        path.write_text(self._text(moment), encoding="utf-8")
        return path

    def _text(self, moment: datetime) -> str:
        facts = {
            "Stack": self.stack,
            "Rolled back": f"{moment:%Y-%m-%d %H:%M} UTC by {self.actor}",
            "From": f"version {self.bad_version}, commit {self.commit or 'unknown'}",
            "To": f"version {self.good_version}, verified after {self.seconds:.0f} s",
            "Reason given": self.reason or "none",
        }
        lines = [f"# Rollback of {self.stack}, {moment:%Y-%m-%d}", "", _OPEN, ""]
        lines += [f"- {name}: {value}" for name, value in facts.items()]
        for heading, hint in HEADINGS.items():
            lines += ["", f"## {heading}", "", f"<!-- {hint} -->"]
        return "\n".join([*lines, ""])


def post_mortem_folder(context: StackContext) -> Path:
    """Return the folder of the reviews.

    A team commits its reviews. One of this machine's own stack is nobody else's, so it lies with
    that stack's data, where git doesn't look.
    """
    moved = context.environment.get(FOLDER_VARIABLE)
    if moved:
        return Path(moved)
    if context.is_local:
        return context.project.home / "post-mortems"
    return context.project.root / "docs" / "post-mortems"


def open_post_mortems(folder: Path) -> list[str]:
    """Return a sentence for each review that is open, or closed with a heading left empty."""
    found = []
    for path in sorted(folder.glob("*.md")):
        text = path.read_text(encoding="utf-8", errors="replace")
        if "\n## " not in text:
            continue
        empty = [heading for heading in HEADINGS if not _section(text, heading)]
        if empty:
            found.append(f"{path.name} says nothing yet under: {', '.join(empty)}.")
        elif _OPEN in text:
            found.append(f"{path.name} is filled in and still open: set its status to closed.")
    return found


def _section(text: str, heading: str) -> str:
    """Return what stands under a heading, without the hint."""
    _, _, rest = text.partition(f"\n## {heading}\n")
    return _HINT.sub("", rest.partition("\n## ")[0]).strip()


def uncommitted(root: Path, paths: Sequence[Path | None]) -> list[str]:
    """Return which of these files git shows as changed or new, as paths in the repository."""
    below = root.resolve()
    found = [path.resolve() for path in paths if path is not None]
    names = [str(path.relative_to(below)) for path in found if path.is_relative_to(below)]
    return [name for name in names if git(root, "status", "--porcelain", "--", name)]


def commit_files(root: Path, paths: Sequence[Path], message: str) -> str | None:
    """Commit these files and nothing else; what lies outside the repository is left out.

    Returns:
        The commit's short hash and subject; ``None`` where nothing of them has changed.

    Raises:
        OperationError: git refused; the files are as they were.
    """
    inside = [str(path) for path in paths if path.resolve().is_relative_to(root.resolve())]
    if not inside or asked_git(root, "status", "--porcelain", "--", *inside) == "":
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

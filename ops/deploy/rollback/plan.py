"""What a rollback will do, and what one did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.deploy.notices.notice import Notice
from ops.deploy.release.release import Release
from ops.deploy.release.target import Target
from ops.deploy.rollback.gate import ENCRYPTION_KEYS
from ops.deploy.rollback.post_mortem import PostMortem
from ops.stacks.active_deployment import short_version
from ops.stacks.origin import Origin, short_hash


@dataclass(frozen=True)
class RollbackPlan:
    """What a rollback will do; nothing has been changed yet.

    Attributes:
        stack: the stack.
        bad: the release that was deployed last.
        serves: the version that serves most of the requests now.
        is_deployed: whether the target serves all of them already.
        target: what is gone back to, and how.
        refusals: what stands in the way.
        rotated: secrets that are others today than in the target.
    """

    stack: str
    bad: Release
    serves: str
    is_deployed: bool
    target: Target
    refusals: tuple[str, ...]
    rotated: tuple[str, ...]

    @property
    def taken_back(self) -> str:
        """The version that is gone back from, also where an earlier run has switched already."""
        back = self.target.release.version_id
        return self.bad.version_id if self.serves == back else self.serves

    def notice(self, origin: Origin, worker: str) -> Notice:
        """Return what the team is told when the rollback begins."""
        release = self.target.release
        return Notice(
            event="started",
            action="rollback",
            environment=self.stack,
            status=f"going back to version {release.short}",
            branch=origin.branch,
            commit=release.commit,
            actor=origin.actor,
            link=origin.link,
            scope=f"all requests of {worker}; its data stays",
            rollback_plan=(
                f"notifyctl rollback --stack {self.stack} --to {short_version(self.taken_back)}"
            ),
        )

    def post_mortem(self, version: str, *, reason: str, actor: str, seconds: float) -> PostMortem:
        """Return the draft of the review once ``version`` serves."""
        return PostMortem(
            stack=self.stack,
            bad_version=self.taken_back,
            good_version=version,
            commit=self.bad.commit,
            reason=reason,
            actor=actor,
            seconds=seconds,
        )

    def lines(self) -> list[str]:
        """Return the plan for people."""
        release = self.target.release
        ways = {
            "pin": "pin that version in the stack's settings and run an update",
            "deploy again": "deploy that version again; the stack's settings stay as they are",
            "new version": "upload that release's code with today's secrets, and pin the result",
            "nothing": "nothing: it serves already",
        }
        lines = [
            f"Stack     {self.stack}",
            f"Serves    {self.serves}",
            f"Back to   {release.version_id}   ({self.target.reason})",
            f"Release   {release.at}, commit {short_hash(release.commit) or 'unknown'}",
            f"Way       {ways[self.target.way]}",
        ]
        if self.rotated:
            lines.append(f"Rotated   {', '.join(self.rotated)}")
            if ENCRYPTION_KEYS.intersection(self.rotated):
                lines.append("          The encryption key never goes back: today's is used.")
        lines += [f"Refused   {refusal}" for refusal in self.refusals]
        return lines

    def document(self) -> dict[str, Any]:
        """Return the plan for ``--json``."""
        return {
            "stack": self.stack,
            "serves": self.serves,
            "instead_of": self.bad.bundle_sha256,
            "instead_of_assets": self.bad.assets_sha256,
            "version_id": self.target.release.version_id,
            "commit": self.target.release.commit,
            "way": self.target.way,
            "reason": self.target.reason,
            "rotated_secrets": list(self.rotated),
            "refusals": list(self.refusals),
        }


@dataclass(frozen=True)
class RollbackReport:
    """What a rollback did.

    Attributes:
        plan: as it was shown.
        version_id: the version that serves now.
        serving_seconds: from the command to the version's first request.
        seconds: from the command to its end.
        post_mortem: where the draft of the review lies; ``None`` where nothing was changed.
        unfinished: why the update after the switch failed; empty where it didn't.
        uncommitted: which of the pin's file and the draft git shows as changed or new.
    """

    plan: RollbackPlan
    version_id: str
    serving_seconds: float
    seconds: float
    post_mortem: Path | None
    unfinished: str = ""
    uncommitted: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        """Return the report for ``--json``."""
        return {
            **self.plan.document(),
            "version_id": self.version_id,
            "serving_seconds": round(self.serving_seconds, 3),
            "seconds": round(self.seconds, 3),
            "post_mortem": str(self.post_mortem) if self.post_mortem else None,
            "unfinished": self.unfinished,
            "uncommitted": list(self.uncommitted),
        }

    def lines(self) -> list[str]:
        """Return the lines that end the command."""
        lines = [
            f"Version {short_version(self.version_id)} serves again.",
            f"Time      {self.serving_seconds:.1f} s to serve, {self.seconds:.1f} s in all",
        ]
        if self.unfinished:
            lines.append(
                f"Left      the update after it failed: {self.unfinished} Correct that, then "
                f"'notifyctl up --stack {self.plan.stack}'."
            )
        if self.post_mortem is not None:
            lines.append(
                f"Review    {self.post_mortem}   (fill it in: the next deployment asks for it)"
            )
        if self.uncommitted:
            lines.append(
                f"Git       not committed yet: {', '.join(self.uncommitted)}   (without the pin, "
                "the bad commit would be deployed again)"
            )
        return lines

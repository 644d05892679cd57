"""The code of a release, rebuilt from its commit and checked against its digest."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from infra.assets import MANIFEST_SUFFIX
from ops.build.build import build_bundle
from ops.deploy.release.release import Release
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, OperationError
from ops.stacks.origin import short_hash
from ops.stacks.project import Project

_LIMIT_S = 120
_SHARED = (".venv", "node_modules", "build")
"""What is installed and not tracked: a second checkout uses the first one's."""


class ReleaseSource:
    """Finds the code of releases: this checkout where it is the same, else its commit.

    Args:
        context: this checkout, and the stack whose settings the code is run with.
    """

    def __init__(self, context: StackContext) -> None:
        self._context = context
        self._project = context.project
        self._reporter = context.reporter

    @contextmanager
    def of(self, release: Release) -> Iterator[StackContext]:
        """Give a checkout whose ``dist`` is built and is that release's.

        Raises:
            GateClosed: no code that gives the release's bundle can be found.
        """
        if self._builds(self._project, release):
            yield self._context
            return
        with self._worktree(release) as context:
            yield context

    @contextmanager
    def _worktree(self, release: Release) -> Iterator[StackContext]:
        why = (
            f"This checkout doesn't build release {release.short} (bundle "
            f"{short_hash(release.bundle_sha256)})"
        )
        if not release.commit:
            raise GateClosed(
                f"{why}, and the release names no commit. Check out its code and try again."
            )
        folder = Path(tempfile.mkdtemp(prefix="notifyctl-release-"))
        root = folder / "checkout"
        try:
            with self._reporter.step(f"Code of release {release.short}") as step:
                self._check_out(root, release, why)
                project = replace(self._project, root=root)
                shutil.copy(self._context.file.path, root)
                if not self._builds(project, release):
                    raise GateClosed(
                        f"{why}, nor does its commit {short_hash(release.commit)}: it was deployed "
                        "with changes that weren't committed, or with another Worker SDK. Check "
                        "out what was deployed, or choose another release with --to."
                    )
                step.detail = f"commit {short_hash(release.commit)}"
            yield self._context.in_checkout(project)
        finally:
            with suppress(OperationError):
                self._git("worktree", "remove", "--force", str(root))
            shutil.rmtree(folder, ignore_errors=True)

    def _builds(self, project: Project, release: Release) -> bool:
        """Build what is checked out, and say whether it is the release's to the byte."""
        bundle = build_bundle(project, self._context.file).sha256
        manifest = project.assets_dir.with_suffix(MANIFEST_SUFFIX)
        assets = json.loads(manifest.read_text(encoding="utf-8"))["sha256"]
        same_assets = release.assets_sha256 in ("", assets)
        return bundle == release.bundle_sha256 and same_assets

    def _check_out(self, root: Path, release: Release, why: str) -> None:
        done = self._git("worktree", "add", "--detach", "--quiet", str(root), release.commit)
        if done.returncode != 0:
            raise GateClosed(
                f"{why}, and its commit {short_hash(release.commit)} isn't in this repository. Run "
                "'git fetch' (in a pipeline: check out the whole history) and try again."
            )
        for name in _SHARED:
            if (self._project.root / name).exists() and not (root / name).exists():
                (root / name).symlink_to(self._project.root / name)

    def _git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                ["git", "-C", str(self._project.root), *arguments],
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            raise OperationError(
                f"'git {arguments[0]}' didn't end within {_LIMIT_S} s. Try it by hand, and run the "
                "same command again."
            ) from None


def use_bundle(source: Project, target: Project) -> None:
    """Put the files of one checkout's bundle in place of another's."""
    if source.root == target.root:
        return  # Both releases have the same bundle: they differ in settings or secrets.
    fresh, former = target.root / "dist.new", target.root / "dist.old"
    for folder in (fresh, former):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source.root / "dist", fresh)
    # By two renames: a copy that breaks off leaves what was there.
    if (target.root / "dist").exists():
        (target.root / "dist").rename(former)
    fresh.rename(target.root / "dist")
    shutil.rmtree(former, ignore_errors=True)

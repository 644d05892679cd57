"""A copy of the project in a git repository of its own, whose code a test may change and break."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = (
    *("cron", "d1", "infra", "engine", "ops", "localcloud", "worker", "sql", "console", "tools"),
    *("__main__.py", "Pulumi.yaml"),
)
SHARED = (".venv", "node_modules", "build")


def rewrite(file: Path, text: str) -> None:
    """Write a module anew, with a later second than before.

    Python takes a module of the same second and size for the one that it has compiled.
    """
    before = file.stat().st_mtime_ns if file.exists() else 0
    file.write_text(text)
    later = max(file.stat().st_mtime_ns, before + 2_000_000_000)
    os.utime(file, ns=(later, later))


def copy_code(source: Path, target: Path) -> None:
    """Copy a folder or a file of the project, with what Python has compiled in it.

    Another process may import from the folder right now. Python writes `x.pyc.140…`, and renames it
    to `x.pyc`: a copy that had listed the first would end because it is gone.
    """
    if source.is_dir():
        skipped = shutil.ignore_patterns("*.egg-info", "*.pyc.*")
        shutil.copytree(source, target, ignore=skipped, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


class AlteredProject:
    """The project as it is checked out, copied into ``root``.

    Args:
        root: a folder that doesn't exist yet.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True)
        for name in (*COPIED, *(path.name for path in ROOT.glob("Pulumi.*.yaml"))):
            copy_code(ROOT / name, root / name)
        for name in SHARED:
            (root / name).symlink_to(ROOT / name)
        (root / ".gitignore").write_text("/.venv\n/node_modules\n/build\n/dist\n__pycache__/\n")
        self.git("init", "--quiet", "--initial-branch", "main")
        self.git("config", "user.name", "Test Operator")
        self.git("config", "user.email", "operator@example.invalid")
        self.commit("First")

    def commit(self, message: str) -> str:
        """Commit everything that has changed, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a program of the installation on the copy, in a bare environment."""
        return subprocess.run(
            [str(self.root / ".venv" / "bin" / program), *arguments],
            cwd=self.root,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(self.root), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
        )

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace a text that is in a file exactly once."""
        text = (self.root / path).read_text()
        assert text.count(old) == 1, f"{path} has {text.count(old)} times: {old}"
        rewrite(self.root / path, text.replace(old, new))

    def restore(self, commit: str = "HEAD") -> None:
        """Bring the checked-out files to those of a commit."""
        self.git("checkout", "--quiet", commit, "--", ".")
        self.git("clean", "--quiet", "--force", "-d")

    def status(self) -> list[str]:
        """Return the paths that differ from the last commit, sorted."""
        lines = self.git("status", "--porcelain", "--untracked-files=all").splitlines()
        return sorted(line.split()[-1] for line in lines)

    def log(self, *arguments: str) -> str:
        """Return what ``git log`` says."""
        return self.git("log", *arguments)

    def git(self, *arguments: str) -> str:
        """Run git in the copy and return what it says."""
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

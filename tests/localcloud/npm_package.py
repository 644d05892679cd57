"""npm packages that only some tests need, and that are no dependencies of the project."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

BUILD = Path(__file__).parents[2] / "build"
_INSTALL_SECONDS = 600


def installed(package: Path) -> Path:
    """Return a folder of `build/` in which a package-lock.json is installed, made on first use.

    Nothing but npm packages is downloaded, since their install scripts don't run.
    """
    lock = package / "package-lock.json"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = BUILD / f"{package.name}-{digest}"
    done = folder / "installed"
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f"{package.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(package / name, folder / name)
            subprocess.run(
                ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"],
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=_INSTALL_SECONDS,
            )
            done.touch()
    return folder

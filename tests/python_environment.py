"""Python packages that only some tests need, and that are no dependencies of the project."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import venv
from pathlib import Path

_BUILD = Path(__file__).parents[1] / "build"
_INSTALL_SECONDS = 600


def environment(requirements: Path) -> Path:
    """Return the Python of an environment in `build/` with these packages, made on first use."""
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = _BUILD / f"{requirements.stem}-{digest}"
    python = folder / "bin" / "python"
    done = folder / "installed"
    _BUILD.mkdir(exist_ok=True)
    with (_BUILD / f"{requirements.stem}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            venv.create(folder, with_pip=True)
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", "--no-deps", "-r", requirements],
                check=True,
                capture_output=True,
                timeout=_INSTALL_SECONDS,
            )
            done.touch()
    return python

"""Compiles the console with Vite: the same bytes whenever sources and build tools are the same."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path

from localcloud.file_lock import LockTaken, locked
from ops.stacks.errors import OperationError

_WAIT_S = 180.0
_LIMIT_S = 150
_INSTALLED = Path("node_modules", ".package-lock.json")
"""npm's own list of what is installed, with versions and hashes."""
_VITE = Path("node_modules", "vite", "bin", "vite.js")
_EARLIER = Path("worker", "console")
"""Where releases before 0.2 have a console that needs no compiler."""


def console_sources(root: Path) -> Path:
    """Return the folder with the compiled console: its page and the files that the page names.

    Compiled files stay under ``build/console``, by the hash of what they were made from, so only
    the first command after a change waits for the compiler.

    Args:
        root: a checkout of the project, with its ``node_modules``.

    Raises:
        OperationError: a source or the compiler is missing, or the sources don't compile.
    """
    sources = root / "console"
    if not sources.is_dir():
        if (root / _EARLIER / "index.html").is_file():
            return root / _EARLIER
        raise OperationError(f"{sources} is missing: it holds the console's sources. Restore it.")
    if not (root / _VITE).is_file() or not (root / _INSTALLED).is_file():
        raise OperationError("The console's compiler isn't installed. Run 'make install'.")
    kept = root / "build" / "console"
    compiled = kept / _fingerprint(sources, root / _INSTALLED)
    if compiled.is_dir():
        return compiled
    kept.mkdir(parents=True, exist_ok=True)
    try:
        with locked(kept / ".lock", seconds=_WAIT_S):
            if not compiled.is_dir():
                _compile(root, compiled)
    except LockTaken:
        raise OperationError(
            f"Another command has been compiling the console for {_WAIT_S:.0f} s. Wait for it, or "
            "stop it, and try again."
        ) from None
    return compiled


def _reason(said: str) -> str:
    """Return what the compiler said of the sources, without the lines of its own stack."""
    lines = (line for line in said.splitlines() if not line.startswith("    at "))
    return "\n".join(lines).strip()[-1_000:] or "no reason given"


def _compile(root: Path, compiled: Path) -> None:
    staged = Path(tempfile.mkdtemp(prefix=".compiling-", dir=compiled.parent))
    command = ["node", str(root / _VITE), "build", "--outDir", str(staged), "--emptyOutDir"]
    try:
        done = subprocess.run(
            [*command, "--config", str(root / "console" / "vite.config.mjs")],
            cwd=root / "console",
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=_LIMIT_S,
        )
        if done.returncode != 0:
            raise OperationError(f"The console doesn't compile: {_reason(done.stderr)}")
        staged.chmod(0o755)
        staged.rename(compiled)
    except FileNotFoundError:
        raise OperationError("Node isn't on PATH, and the console needs it. Install it.") from None
    except subprocess.TimeoutExpired:
        raise OperationError(
            f"The console's compiler did not finish within {_LIMIT_S} s. Try again."
        ) from None
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _fingerprint(sources: Path, installed: Path) -> str:
    """Return 16 hex digits over every source, and over what npm installed to compile them."""
    digest = hashlib.sha256()
    paths = sorted(path for path in sources.rglob("*") if path.is_file())
    for name, content in [
        *((path.relative_to(sources).as_posix(), path.read_bytes()) for path in paths),
        (_INSTALLED.name, installed.read_bytes()),
    ]:
        for part in (name.encode(), content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()[:16]

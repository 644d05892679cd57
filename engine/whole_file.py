"""Writing the backend's files: each whole or not at all, and for its owner alone."""

from __future__ import annotations

from pathlib import Path

from engine.errors import EngineError
from localcloud import atomic_write


def write_whole(file: Path, text: str) -> None:
    """Replace a file in one step; a crash or a full disk leaves the old one, or none.

    The file is readable by its owner alone, and so are folders that are made for it, whatever the
    process's umask is.

    Raises ``EngineError`` where it cannot be written.
    """
    try:
        _make_private(file.parent)
        atomic_write.write_whole(file, text)
    except OSError as error:
        raise EngineError(
            f"The stack's file {file} cannot be written ({error.strerror}): "
            "free space or give this user the right to write there, then run again."
        ) from None


def _make_private(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_private(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)

"""A file that is replaced in one step."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Replace a file: a reader, or a crash, meets the old content or the new one, never a part.

    Args:
        path: the file; its folder must be there.
        content: text is written as UTF-8, with its line ends as they are.
        mode: permissions of the new file; by default only its owner reads it.

    Raises:
        OSError: it can't be written; what was there is unchanged.
    """
    data = content.encode() if isinstance(content, str) else content
    # Beside the file, since only a rename within one file system is one step.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-", suffix=".new")
    staged = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        staged.chmod(mode)
        staged.replace(path)
    except BaseException:
        staged.unlink(missing_ok=True)
        raise

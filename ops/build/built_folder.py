"""A folder of built files that several commands may build and read at once."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from localcloud.file_lock import LockTaken, locked
from ops.stacks.errors import OperationError

_WAIT_S = 30.0
"""A build writes some hundred small files: whoever holds the lock for longer is stuck."""


@dataclass(frozen=True)
class BuiltFolder:
    """Files by their paths in the folder, with forward slashes."""

    path: Path
    files: Mapping[str, bytes]

    def write(self) -> None:
        """Put the folder in place as a whole; one that holds these very files stays untouched.

        Commands that run side by side in one checkout build the same files: none takes them away
        from another that is reading them.

        Raises:
            OperationError: another command holds the folder's lock and doesn't give it up.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = self.path.parent / f".{self.path.name}.lock"
        try:
            with locked(lock, seconds=_WAIT_S):
                if not self._is_there():
                    self._replace()
        except LockTaken:
            raise OperationError(
                f"Another command has been writing {self.path} for {_WAIT_S:.0f} s. Wait for it, "
                f"or stop it, and try again."
            ) from None

    def _is_there(self) -> bool:
        found = {
            path.relative_to(self.path).as_posix(): path
            for path in self.path.rglob("*")
            if path.is_file()
        }
        return found.keys() == self.files.keys() and all(
            found[name].read_bytes() == content for name, content in self.files.items()
        )

    def _replace(self) -> None:
        staged = Path(tempfile.mkdtemp(prefix=f".{self.path.name}-", dir=self.path.parent))
        try:
            for name, content in self.files.items():
                target = staged / name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)
            staged.chmod(0o755)
            shutil.rmtree(self.path, ignore_errors=True)
            staged.rename(self.path)
        finally:
            shutil.rmtree(staged, ignore_errors=True)

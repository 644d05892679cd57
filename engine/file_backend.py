"""Pulumi's DIY backend on the file system.

Under the backend's folder: ``.pulumi/meta.yaml``, ``.pulumi/stacks/PROJECT/STACK.json``, and
``.pulumi/history/PROJECT/STACK/STACK-NANOSECONDS.{history,checkpoint}.json``
(pulumi/pulumi pkg/backend/diy).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from pathlib import Path
from typing import Any

from engine.errors import EngineError, StateUnreadable
from engine.stored_state import StoredState
from localcloud import atomic_write


class FileBackend:
    """The files of one stack. ``root`` is the folder that holds ``.pulumi``."""

    def __init__(self, root: Path, *, project: str, stack: str) -> None:
        self._base = root / ".pulumi"
        self.stack = stack
        self.stack_file = self._base / "stacks" / project / f"{stack}.json"
        self.history_dir = self._base / "history" / project / stack
        self._stored = StoredState(self._base, project=project, stack=stack)
        self.lock_dir = self._stored.lock_dir

    def read(self) -> str | None:
        """The checkpoint's text, or None where the stack has none yet.

        Raises ``StateDamaged`` where it is damaged, ``StateUnreadable`` where it is compressed.
        """
        for suffix in (".gz", ".zst"):
            packed = self.stack_file.with_name(self.stack_file.name + suffix)
            if packed.exists():
                raise StateUnreadable(
                    f"The state {packed.name} is compressed, which this engine does not read: "
                    "write it once with a pulumi CLI that has compression off."
                )
        self._stored.require_whole()
        try:
            return self.stack_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, text: str) -> None:
        """Replace the checkpoint in one step; a crash leaves the old or the new one, whole."""
        meta = self._base / "meta.yaml"
        if not meta.exists():
            _replace(meta, "version: 1\n")
        _replace(self.stack_file, text)

    def keep_backup(self) -> None:
        """Copy the checkpoint to ``STACK.json.bak``, as the CLI does before an update."""
        with contextlib.suppress(FileNotFoundError):
            backup = self.stack_file.with_name(self.stack_file.name + ".bak")
            write_whole(backup, self.stack_file.read_text(encoding="utf-8"))
            _drop_attributes(backup)

    def add_history(self, entry: dict[str, Any], checkpoint: str) -> None:
        """Write one history entry and the checkpoint it ended with."""
        stem = f"{self.stack}-{time.time_ns()}"
        _replace(self.history_dir / f"{stem}.history.json", json.dumps(entry, indent=4))
        _replace(self.history_dir / f"{stem}.checkpoint.json", checkpoint)

    def history(self) -> list[dict[str, Any]]:
        """The history's entries, the newest first, as they were written.

        Raises ``StateUnreadable`` for one that is damaged: a rollback chooses among them.
        """
        files = sorted(self.history_dir.glob("*.history.json"), reverse=True)
        return [_entry(file) for file in files]

    def history_length(self) -> int:
        """How many entries the history has."""
        return sum(1 for _ in self.history_dir.glob("*.history.json"))

    def remove(self) -> None:
        """Remove the stack's checkpoint, backup, history and locks."""
        for file in self.stack_file.parent.glob(f"{self.stack}.json*"):
            file.unlink()
        for folder in (self.history_dir, self.lock_dir):
            shutil.rmtree(folder, ignore_errors=True)


def _entry(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise StateUnreadable(
            f"The entry {file} of the stack's history is damaged. Restore it from a backup, or "
            "remove it with the checkpoint of the same number."
        )
    return found


def _replace(file: Path, text: str) -> None:
    write_whole(file, text)
    _drop_attributes(file)


def _drop_attributes(file: Path) -> None:
    """The blob library's side file would hold the old text's checksum."""
    file.with_name(file.name + ".attrs").unlink(missing_ok=True)


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

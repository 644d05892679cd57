"""A stack's checkpoint as a file, and the copies that can take its place when it is damaged.

A file backend holds ``stacks/PROJECT/STACK.json``, or ``stacks/STACK.json`` where it is older than
projects; ``.gz`` or ``.zst`` follows where the CLI compresses (pulumi/pulumi
pkg/backend/diy/state.go, ``stackPath``). Beside it lie copies: ``.bak`` of before the last write,
one of each update's begin in ``backups``, one of each update's end in ``history``.
"""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path

from engine.errors import EngineError, StateDamaged, StateUnreadable
from localcloud.atomic_write import write_whole

_SUFFIXES = ("", ".gz", ".zst")
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
"""How compressed content begins: RFC 1952, section 2.3.1, and RFC 8878, section 3.1.1."""


class StoredState:
    """The checkpoint of one stack in a file backend.

    Args:
        base: the backend's ``.pulumi`` folder.
        project: the project's name.
        stack: the stack's name.

    Attributes:
        lock_dir: the folder of its locks.
    """

    def __init__(self, base: Path, *, project: str, stack: str) -> None:
        self._stack = stack
        places = [Path("stacks", project), Path("stacks")]
        found = [place for place in places if any(self._variants(base / place))]
        self._place = base / (found or places)[0]
        inner = Path(project, stack) if self._place.name == project else Path(stack)
        self._folders = (base / "history" / inner, base / "backups" / inner)
        self.lock_dir = base / "locks" / ("organization" if inner.parent.name else "") / inner

    def require_whole(self) -> None:
        """Refuse a checkpoint that is there and damaged; one that isn't there is none.

        Raises:
            StateDamaged: with the file and its newest whole copy.
            StateUnreadable: this user may not read the file.
        """
        variants = self._variants(self._place)
        if not variants:
            return
        file = max(variants, key=_written)
        try:
            is_damaged = not _is_whole(file.read_bytes())
        except FileNotFoundError:
            return
        except OSError as error:
            raise StateUnreadable(
                f"The state {file} can't be read ({error.strerror}): give this user the right to "
                "read it, then run the command again."
            ) from None
        if is_damaged:
            raise StateDamaged(
                self._stack, file=file, copy=self._newest_copy(), lock_dir=self.lock_dir
            )

    def _variants(self, place: Path) -> list[Path]:
        files = (place / f"{self._stack}.json{suffix}" for suffix in _SUFFIXES)
        return [file for file in files if file.is_file()]

    def _newest_copy(self) -> Path | None:
        backups = [self._place / f"{self._stack}.json{suffix}.bak" for suffix in _SUFFIXES]
        history, updates = self._folders
        copies = [
            *(file for file in backups if file.is_file()),
            *history.glob("*.checkpoint.json*"),
            *updates.glob(f"{self._stack}.*.json*"),
        ]
        own = (file for file in copies if file.suffix != ".attrs")
        return next(filter(is_whole, sorted(own, key=_written, reverse=True)), None)


def put_back(damage: StateDamaged) -> Path:
    """Put the copy in the damaged checkpoint's place; return where the damaged one is kept.

    Raises:
        EngineError: there is no copy, or the file can't be written.
    """
    if damage.copy is None:
        raise EngineError(str(damage))
    kept = damage.file.with_name(f"{damage.file.name}.damaged")
    try:
        write_whole(kept, damage.file.read_bytes())
        write_whole(damage.file, damage.copy.read_bytes())
        # The blob library's side file holds the damaged text's checksum.
        damage.file.with_name(f"{damage.file.name}.attrs").unlink(missing_ok=True)
    except OSError as error:
        raise EngineError(
            f"The state {damage.file} can't be written ({error.strerror}): free space or give this "
            "user the right to write there, then run the command again."
        ) from None
    return kept


def is_whole(file: Path) -> bool:
    """Say whether a file holds a JSON object; one that can't be read holds none."""
    try:
        return _is_whole(file.read_bytes())
    except OSError:
        return False


def _is_whole(content: bytes) -> bool:
    """Say whether this is a JSON object; what Python can't decompress is left to the CLI."""
    try:
        if content.startswith(_ZSTD):
            return True
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
        return isinstance(json.loads(content.decode()), dict)
    except (gzip.BadGzipFile, EOFError, ValueError, zlib.error, RecursionError):
        return False


def _written(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0

"""Seeing that source files changed."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_CACHE = "__pycache__"

Seen = dict[Path, tuple[int, int]]


class SourceWatch:
    """Compares folders by their files' times and sizes; that needs no help of the system.

    Args:
        folders: what to watch, with everything below.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._known = self._look()
        self._restless: Seen | None = None

    def changed(self) -> list[Path]:
        """Return what changed since the last answer that wasn't empty.

        An editor writes in several steps: a change counts once two looks see the same.
        """
        seen = self._look()
        if seen == self._known:
            self._restless = None
            return []
        if seen != self._restless:
            self._restless = seen
            return []
        before, self._known, self._restless = self._known, seen, None
        return sorted(
            path for path in before.keys() | seen.keys() if before.get(path) != seen.get(path)
        )

    def _look(self) -> Seen:
        found: Seen = {}
        for folder in self._folders:
            # A folder or a file that goes while we look is no failure: os.walk passes over it.
            for place, folders, names in os.walk(folder):
                folders[:] = [name for name in folders if not _is_ignored(name)]
                for name in names:
                    with suppress(OSError):
                        status = os.stat(os.path.join(place, name))
                        if stat.S_ISREG(status.st_mode) and not _is_ignored(name):
                            found[Path(place, name)] = (status.st_mtime_ns, status.st_size)
        return found


def _is_ignored(name: str) -> bool:
    return name.startswith(".") or name == _CACHE

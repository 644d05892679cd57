"""A file is replaced as a whole or stays as it was."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from localcloud.atomic_write import write_whole


def test_the_file_has_the_content_and_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(path, "first\n")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"first\n", 0o600)
    write_whole(path, b"second", mode=0o644)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"second", 0o644)
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_whole(path, "old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    # Of this module alone: servers in threads of this process write as well.
    changed = SimpleNamespace(**{**vars(os), "fsync": full})
    monkeypatch.setattr("localcloud.atomic_write.os", changed)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]

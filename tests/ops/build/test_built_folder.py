"""A folder of built files is put in place as a whole, and only where it differs."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from localcloud.file_lock import locked
from ops.build import built_folder
from ops.build.built_folder import BuiltFolder
from ops.stacks.errors import OperationError

FILES = {"a.py": b"1", "deep/er/b.py": b"2"}


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_folder_is_written_with_all_that_lies_below_it(tmp_path: Path) -> None:
    folder = tmp_path / "dist" / "worker"
    BuiltFolder(folder, FILES).write()
    assert contents(folder) == FILES
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert sorted(os.listdir(folder.parent)) == [".worker.lock", "worker"]


def test_the_same_files_again_leave_the_folder_untouched(tmp_path: Path) -> None:
    folder = tmp_path / "worker"
    BuiltFolder(folder, FILES).write()
    before = folder.stat().st_ino
    BuiltFolder(folder, dict(FILES)).write()
    assert folder.stat().st_ino == before


@pytest.mark.parametrize(
    "there",
    [
        pytest.param({"a.py": b"other", "deep/er/b.py": b"2"}, id="another content"),
        pytest.param({**FILES, "c.py": b"3"}, id="a file too many"),
        pytest.param({"a.py": b"1"}, id="a file is missing"),
    ],
)
def test_another_folder_is_replaced(tmp_path: Path, there: dict[str, bytes]) -> None:
    folder = tmp_path / "worker"
    BuiltFolder(folder, there).write()
    BuiltFolder(folder, FILES).write()
    assert contents(folder) == FILES


def test_a_build_that_fails_leaves_the_old_folder_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "worker"
    BuiltFolder(folder, FILES).write()
    with pytest.raises(FileExistsError):
        # A file can't lie below another file.
        BuiltFolder(folder, {"x": b"1", "x/y": b"2"}).write()
    assert contents(folder) == FILES
    assert sorted(os.listdir(tmp_path)) == [".worker.lock", "worker"]


def test_a_lock_that_nobody_gives_up_is_told_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(built_folder, "_WAIT_S", 0.0)
    folder = tmp_path / "worker"
    with (
        locked(tmp_path / ".worker.lock", seconds=1),
        pytest.raises(OperationError, match=r"Another command has been writing .*worker for 0 s"),
    ):
        BuiltFolder(folder, FILES).write()
    assert not folder.exists()

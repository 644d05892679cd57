"""Files that changed are told once they have stopped changing."""

from __future__ import annotations

import os
from pathlib import Path

from ops.deploy.development.source_watch import SourceWatch


def write(file: Path, text: str, at: int = 1_000_000_000) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, ns=(at, at))
    return file


def test_a_change_is_told_once_and_only_when_two_looks_agree(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "one")
    watch = SourceWatch([tmp_path])
    assert watch.changed() == []
    write(file, "two!")
    assert watch.changed() == []
    assert watch.changed() == [file]
    assert watch.changed() == []


def test_a_file_that_goes_on_changing_is_waited_for(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "one")
    watch = SourceWatch([tmp_path])
    write(file, "two!")
    assert watch.changed() == []
    write(file, "three")
    assert watch.changed() == []
    assert watch.changed() == [file]


def test_a_change_that_is_taken_back_is_none(tmp_path: Path) -> None:
    file = write(tmp_path / "a.py", "one")
    watch = SourceWatch([tmp_path])
    write(file, "two!")
    assert watch.changed() == []
    write(file, "one")
    assert watch.changed() == []
    # The next change is waited for like the first one.
    write(file, "two!")
    assert watch.changed() == []
    assert watch.changed() == [file]


def test_new_gone_and_touched_files_are_told_in_order_from_every_folder(tmp_path: Path) -> None:
    gone = write(tmp_path / "one" / "gone.py", "x")
    touched = write(tmp_path / "two" / "touched.py", "x")
    watch = SourceWatch([tmp_path / "one", tmp_path / "two"])
    gone.unlink()
    write(touched, "x", at=2_000_000_000)
    new = write(tmp_path / "two" / "deep" / "new.py", "x")
    assert watch.changed() == []
    assert watch.changed() == sorted([gone, new, touched])


def test_hidden_files_and_caches_are_nothing_to_see(tmp_path: Path) -> None:
    watch = SourceWatch([tmp_path])
    write(tmp_path / ".a.py.swp", "x")
    write(tmp_path / "__pycache__" / "a.pyc", "x")
    write(tmp_path / ".hidden" / "a.py", "x")
    write(tmp_path / "deep" / "__pycache__" / "a.pyc", "x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    assert watch.changed() == []
    assert watch.changed() == []

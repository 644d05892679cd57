"""The local cloud as commands see it."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from ops.stacks.local_cloud import LOW_DISK_BYTES, full_disk
from ops.stacks.project import Project


@pytest.mark.parametrize(("free", "full"), [(LOW_DISK_BYTES, False), (LOW_DISK_BYTES - 1, True)])
def test_a_disk_without_room_is_named_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, full: bool
) -> None:
    store = tmp_path / "home" / "cloud" / "runtime" / "store"
    store.mkdir(parents=True)
    looked: list[Path] = []

    def usage(place: Path) -> SimpleNamespace:
        looked.append(place)
        return SimpleNamespace(free=free)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    told = full_disk(Project(root=tmp_path, home=tmp_path / "home"))
    assert bool(told) is full
    assert looked == [store]
    if full:
        assert told == f"The disk is full: 67 MB are free for the data in {store}"

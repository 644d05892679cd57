from __future__ import annotations

from pathlib import Path

import pytest

from tests.host.conftest import Starter
from tests.host.probe_worker import write_bundle
from tests.host.running_host import RunningHost

pytestmark = pytest.mark.workerd


def put_new(host: RunningHost, folder: Path) -> None:
    """Boot a bundle that no snapshot was made of."""
    folder.mkdir(parents=True)
    assert host.put("v-new", write_bundle(folder / "modules", f"# {folder.name}\n")).status == 200


def test_a_damaged_baseline_is_made_again(start: Starter, cache: Path, tmp_path: Path) -> None:
    first = start()
    put_new(first, tmp_path / "before")
    first.stop()
    (file,) = cache.glob("baseline-*/snapshot.bin")
    whole = file.read_bytes()
    file.unlink()
    file.write_bytes(whole[:1000])
    put_new(start(), tmp_path / "after")
    assert file.stat().st_size == len(whole)


def test_a_version_keeps_no_copy_of_the_baseline(host: RunningHost, cache: Path) -> None:
    assert host.versions()["v-1"]["state"] == "ready"
    for snapshot in (cache / "snapshots").glob("[0-9a-f]*"):
        assert {path.name for path in snapshot.iterdir()} == {"snapshot.bin", "startup.json"}

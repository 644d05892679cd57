"""The record of who runs the local cloud."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from localcloud.endpoints import Ports
from localcloud.process_record import Identity, ProcessRecord

WHOLE: dict[str, Any] = {
    "state": "ready",
    "server": {"pid": 1, "started": 2.5},
    "ports": {"control": 1, "edge": 2, "sink": 3},
    "host": None,
}


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    own = Identity.of(os.getpid())
    assert own is not None
    for host in (None, own):
        record = ProcessRecord("starting", own, Ports(1, 2, 3), host)
        record.write(tmp_path / "daemon.json")
        assert ProcessRecord.read(tmp_path / "daemon.json") == record
    process = own.process()
    assert process is not None
    assert process.pid == os.getpid()
    assert Identity(own.pid, own.started + 1).process() is not None, "clocks are adjusted"
    assert Identity(own.pid, own.started + 2).process() is None, "another process had the number"


@pytest.mark.parametrize(
    "change",
    [
        {"state": "gone"},
        {"server": None},
        {"server": {"pid": "1", "started": 2.5}},
        {"server": {"pid": True, "started": 2.5}},
        {"server": {"pid": 0, "started": 2.5}},
        {"server": {"pid": -1, "started": 2.5}},
        {"server": {"pid": 1, "started": None}},
        {"server": {"pid": 1}},
        {"host": {"pid": 1.5, "started": 2.5}},
        {"host": []},
        {"ports": {"control": 1, "edge": 2, "sinks": 3}},
        {"ports": {"control": 1, "edge": 2, "sink": "3"}},
        {"ports": []},
    ],
)
def test_a_record_of_another_form_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    file = tmp_path / "daemon.json"
    file.write_text(json.dumps(WHOLE))
    assert ProcessRecord.read(file) is not None
    file.write_text(json.dumps({**WHOLE, **change}))
    assert ProcessRecord.read(file) is None


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", "[" * 100_000, "\udcff"])
def test_what_is_no_record_is_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "daemon.json"
    file.write_bytes(content.encode(errors="surrogateescape"))
    assert ProcessRecord.read(file) is None
    assert ProcessRecord.read(tmp_path / "missing.json") is None

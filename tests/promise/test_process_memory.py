"""Reading V8's trace out of a log that is rotated."""

from __future__ import annotations

import json
from pathlib import Path

from tests.promise.process_memory import CollectionTrace


def line(isolate: str, before: float, left: float) -> str:
    """One line as the local cloud writes it."""
    trace = (
        f"[7:{isolate}]   205478 ms: Mark-Compact (reduce) {before} (21.4) -> {left} (21.4) MB, "
    )
    return json.dumps({"level": "info", "message": trace + "pooled: 0.0 MB"}) + "\n"


def test_collections_of_the_largest_isolate_count_once_across_a_rotation(tmp_path: Path) -> None:
    log, trace = tmp_path / "worker.log", CollectionTrace(tmp_path)
    log.write_text(line("0xa", 14.6, 8.5) + line("0xb", 32.9, 0.6) + json.dumps({"message": "x"}))
    assert trace.collections() == [8.5]
    with log.open("a") as file:
        file.write("\n" + line("0xa", 23.8, 9.4))
    log.rename(tmp_path / "worker.log.1")
    log.write_text(line("0xa", 28.5, 9.7) + line("0xa", 30.0, 9.9)[:-30])
    assert trace.collections() == [8.5, 9.4, 9.7]
    assert trace.collections() == [8.5, 9.4, 9.7]

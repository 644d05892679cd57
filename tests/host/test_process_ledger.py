"""The records of processes that a host leaves for the next one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.host.node_module import run_in_node


def running(folder: Path) -> Any:
    """Return the process ids that the ledger takes for running."""
    script = "return new m.ProcessLedger(input).running().map(({ pid }) => pid);"
    return run_in_node("process-ledger.mjs", script, str(folder))


@pytest.mark.parametrize("content", ["", "null", "5", "[]", "{}", '{"pid": 1}', '"text"'])
def test_a_record_of_another_form_is_dropped_and_the_others_count(
    tmp_path: Path, content: str
) -> None:
    with subprocess.Popen(["sleep", "600"]) as process:
        try:
            script = "new m.ProcessLedger(input[0]).add(input[1], 'store'); return null;"
            run_in_node("process-ledger.mjs", script, [str(tmp_path), process.pid])
            (tmp_path / "1.json").write_text(content)
            assert running(tmp_path) == [process.pid]
        finally:
            process.kill()
    assert not (tmp_path / "1.json").exists()
    assert running(tmp_path) == []


def test_a_record_under_another_processs_number_is_dropped(tmp_path: Path) -> None:
    (tmp_path / "2.json").write_text(json.dumps({"pid": 1, "born": "x", "role": "host"}))
    assert running(tmp_path) == []
    assert list(tmp_path.iterdir()) == []

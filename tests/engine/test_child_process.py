"""A child of the engine hears its settings, and ends with the engine whatever it does."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from engine.child_process import ChildProcess


def child_of(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[ChildProcess, list[str]]:
    monkeypatch.setattr("engine.child_process.__file__", str(tmp_path / "beside.py"))
    (tmp_path / "script.py").write_text(script)
    lines: list[str] = []
    settings: dict[str, Any] = {"folder": tmp_path, "environment": {}}
    return ChildProcess("script.py", **settings, on_line=lambda line, _: lines.append(line)), lines


def test_a_child_that_ignores_its_input_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits = "import threading\nthreading.Event().wait(60)\n"
    child, _ = child_of(waits, tmp_path, monkeypatch)
    assert child.wait(0.01) is None
    child.end()
    assert child.poll() == -signal.SIGKILL


def test_a_child_gets_its_settings_as_a_line_and_no_proxy_for_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "intern.example")
    script = (
        "import os, sys\nprint(input())\nprint(os.environ['no_proxy'])\n"
        "print(os.environ['GRPC_VERBOSITY'], os.getsid(0) == os.getpid())\n"
        "sys.stdout.buffer.write(b'\\xff\\n')\n"
    )
    child, lines = child_of(script, tmp_path, monkeypatch)
    child.send({"größe": 1})
    assert child.wait(30) == 0
    child.end()
    assert json.loads(lines[0]) == {"größe": 1}
    assert lines[1:] == ["intern.example,127.0.0.1,localhost", "ERROR True", "\ufffd"]


def test_a_child_that_is_dead_before_it_hears_its_settings_is_noticed_by_waiting_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child, _ = child_of("raise SystemExit(3)\n", tmp_path, monkeypatch)
    assert child.wait(30) == 3
    child.send({"a": 1})
    child.end()
    assert child.poll() == 3

"""A long step says how far it is: now and then in a pipe, in place on a terminal."""

from __future__ import annotations

import pytest

from ops.stacks.console import Reporter


def test_a_pipe_hears_of_a_step_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr("ops.stacks.moment.time.monotonic", lambda: now[0])
    with Reporter().step("Backed up") as step:
        for second in range(25):
            now[0] = 100.0 + second
            step.show(f"wrote {second} of 25 rows")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["  wrote 10 of 25 rows", "  wrote 20 of 25 rows"]
    assert lines[2].startswith("✓ Backed up")
    assert len(lines) == 3


def test_what_a_terminal_would_obey_is_no_progress(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("ops.stacks.moment.time.monotonic", lambda: now[0])
    with Reporter().waiting("Exporting") as told:
        now[0] = 60.0
        told("\x1b[2J of 9 rows")
    assert "\x1b" not in capsys.readouterr().out


def test_a_document_on_standard_output_stays_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [0.0]
    monkeypatch.setattr("ops.stacks.moment.time.monotonic", lambda: now[0])
    with Reporter(json=True).step("Backed up") as step:
        now[0] = 60.0
        step.show("sent 1 of 2 MB")
    said = capsys.readouterr()
    assert (said.out, "sent 1 of 2 MB" in said.err) == ("", True)

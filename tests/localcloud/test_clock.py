"""The virtual clock: the real time, moved forward by steps that outlive a restart."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from localcloud.clock import VirtualClock
from localcloud.database import Database
from localcloud.schema import CONTROL_PLANE

REAL_MS = 1_767_225_600_123
DAYS_400_MS = 400 * 86_400_000


def clock(folder: Path) -> VirtualClock:
    database = Database(folder / "clock.sqlite3", CONTROL_PLANE)
    return VirtualClock(database, real_ms=lambda: REAL_MS)


def test_a_time_is_written_as_cloudflare_writes_it(tmp_path: Path) -> None:
    assert clock(tmp_path).timestamp() == "2026-01-01T00:00:00.123000Z"


def test_steps_add_up_and_outlive_a_restart(tmp_path: Path) -> None:
    first = clock(tmp_path)
    assert (first.now_ms(), first.offset_ms) == (REAL_MS, 0)
    heard: list[int] = []
    first.on_advance(lambda: heard.append(first.now_ms()))
    assert first.advance(60_000) == REAL_MS + 60_000
    assert first.advance(0) == REAL_MS + 60_000
    assert first.advance(DAYS_400_MS) == REAL_MS + 60_000 + DAYS_400_MS
    assert heard == [REAL_MS + 60_000, REAL_MS + 60_000, REAL_MS + 60_000 + DAYS_400_MS]
    later = clock(tmp_path)
    assert later.offset_ms == 60_000 + DAYS_400_MS
    assert later.timestamp() == "2027-02-05T00:01:00.123000Z"


@pytest.mark.parametrize("step_ms", [-1, DAYS_400_MS + 1])
def test_a_step_back_or_of_more_than_400_days_moves_nothing(tmp_path: Path, step_ms: int) -> None:
    unmoved = clock(tmp_path)
    text = f"advance_ms must be from 0 to {DAYS_400_MS}"
    with pytest.raises(ValueError, match=re.escape(text)):
        unmoved.advance(step_ms)
    assert (unmoved.offset_ms, clock(tmp_path).offset_ms) == (0, 0)


def test_the_real_clock_counts_milliseconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "localcloud.clock.time", SimpleNamespace(time_ns=lambda: REAL_MS * 1_000_000 + 999_999)
    )
    assert VirtualClock(Database(tmp_path / "c", CONTROL_PLANE)).now_ms() == REAL_MS

"""The page of limits names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "local-cloud-limits.md"


def test_every_limit_that_is_enforced_names_a_test_that_exists() -> None:
    enforced = PAGE.read_text(encoding="utf-8").split("## Not enforced")[0]
    rows = [line for line in enforced.splitlines() if line.startswith("| ")][1:]
    assert len(rows) > 20
    named = {row: re.findall(r"`(tests/[\w/]+\.py)`", row.rsplit(" | ", 1)[1]) for row in rows}
    assert [row for row, tests in named.items() if not tests] == []
    assert [
        test for tests in named.values() for test in tests if not (PROJECT / test).exists()
    ] == []

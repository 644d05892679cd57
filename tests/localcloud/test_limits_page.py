"""The page of limits names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "local-cloud-limits.md"


def enforced_rows() -> list[str]:
    """The rows of the first table."""
    enforced = PAGE.read_text(encoding="utf-8").split("## Not enforced")[0]
    return [line for line in enforced.splitlines() if line.startswith("| ")][1:]


def test_every_limit_that_is_cloudflares_links_its_source() -> None:
    """What this cloud decides by itself has a dash there, or says that it is stricter here."""
    sources = {row: row.rsplit(" | ", 2)[1] for row in enforced_rows()}
    own = ("\N{EN DASH}", "stricter here")
    assert [
        row
        for row, source in sources.items()
        if "](https://" not in source and not source.startswith(own)
    ] == []


def test_every_limit_that_is_enforced_names_a_test_that_exists() -> None:
    rows = enforced_rows()
    assert len(rows) > 20
    named = {row: re.findall(r"`(tests/[\w/]+\.py)`", row.rsplit(" | ", 1)[1]) for row in rows}
    assert [row for row, tests in named.items() if not tests] == []
    assert [
        test for tests in named.values() for test in tests if not (PROJECT / test).exists()
    ] == []

"""The level of the code that serves decides which migrations can be undone."""

from __future__ import annotations

from typing import Any

import pytest

from ops.database.stack_database import serving_level


def entry(version: str, level: int) -> dict[str, Any]:
    return {"version_id": version, "code_level": level, "schema_level": 12}


RELEASES = [entry("new", 12), entry("old", 11)]


@pytest.mark.parametrize(
    ("serving", "level"),
    [
        ({"new": 100}, 12),
        # A rollback: the newest release's code doesn't serve any more.
        ({"old": 100}, 11),
        # A canary: both have to be served by what is there.
        ({"old": 90, "new": 10}, 12),
        # A version of nobody's: nothing is undone that it might need.
        ({"stranger": 100}, 12),
        ({}, 12),
    ],
)
def test_the_highest_level_among_the_versions_that_serve_counts(
    serving: dict[str, int], level: int
) -> None:
    shares = [{"version_id": name, "percentage": share} for name, share in serving.items()]
    outputs = {"release": entry("new", 12), "releases": RELEASES, "serving": shares}
    assert serving_level(outputs) == level


def test_a_release_of_an_earlier_program_told_the_schema_alone_and_the_first_nothing() -> None:
    assert serving_level({"release": {"schema_level": 7}}) == 7
    assert serving_level({}) == 0
    assert serving_level({"release": "unknown", "releases": [None], "serving": ["x"]}) == 0

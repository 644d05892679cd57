"""The stack's list of its releases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from infra.release_ledger import lifecycle
from tests.infra.registrations import Declared


def deployed(version: str, *, commit: str = "c1", share: int = 100) -> dict[str, Any]:
    serving = [{"version_id": version, "percentage": share}]
    if share < 100:
        serving.append({"version_id": "base", "percentage": 100 - share})
    return {"release": {"version_id": version, "commit": commit}, "serving": serving}


def after(*updates: dict[str, Any]) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for hour, update in enumerate(updates):
        known = lifecycle.record(
            known, update, now=partial(datetime, 2026, 1, 1, hour % 24, tzinfo=UTC)
        )
    return known


@pytest.mark.requirement("T-1", "S4-09")
def test_each_release_is_kept_with_its_time_and_the_newest_is_first() -> None:
    entries = after(deployed("v1"), deployed("v2"))["releases"]

    assert [entry["version_id"] for entry in entries] == ["v2", "v1"]
    assert [entry["at"] for entry in entries] == [
        "2026-01-01T01:00:00.000Z",
        "2026-01-01T00:00:00.000Z",
    ]
    assert entries[0]["serving"] == [{"version_id": "v2", "percentage": 100}]


def test_another_commit_of_the_same_release_changes_nothing() -> None:
    known = after(deployed("v1"))

    assert not lifecycle.is_changed(known, deployed("v1", commit="c2"))
    assert lifecycle.is_changed(known, deployed("v2"))
    assert lifecycle.is_changed(known, deployed("v1", share=10))
    assert lifecycle.is_changed({}, deployed("v1"))


def test_a_release_that_a_preview_cannot_know_yet_is_a_change() -> None:
    unknown = {"release": object(), "serving": object()}

    assert lifecycle.is_changed(after(deployed("v1")), unknown)


def test_a_return_to_an_earlier_release_is_an_entry_of_its_own() -> None:
    known = after(deployed("v1"), deployed("v2"), deployed("v1"))

    assert [entry["version_id"] for entry in known["releases"]] == ["v1", "v2", "v1"]


def test_the_list_has_a_bound() -> None:
    known = after(*(deployed(f"v{n}") for n in range(lifecycle.KEPT + 5)))

    assert len(known["releases"]) == lifecycle.KEPT
    assert known["releases"][0]["version_id"] == f"v{lifecycle.KEPT + 4}"


def test_a_release_is_listed_once_it_serves_and_before_anything_else_can_fail(
    declared: Callable[..., Declared],
) -> None:
    found = declared("production")

    for earlier in ("smoke", "migrations", "deployment"):
        assert found.depends_on("releases", earlier)
    for later in ("cron-trigger", "retry-consumer", "failed-consumer"):
        assert found.depends_on(later, "releases")
    assert found.one("releases").inputs["release"]["version_id"] == "version-id"

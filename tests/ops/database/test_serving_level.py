"""The level of the code that serves decides which migrations can be undone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from ops.database import stack_database
from ops.database.stack_database import serving_level
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment
from ops.stacks.errors import GateClosed


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


@pytest.mark.parametrize(
    ("active", "level"),
    [
        ({"new": 100.0}, 12),
        ({"old": 100.0}, 11),
        # Gone back to from before the list was kept: the state says that it serves.
        ({"older": 100.0}, 12),
    ],
)
def test_what_serves_by_cloudflares_word_counts_and_not_what_the_state_believes(
    monkeypatch: pytest.MonkeyPatch, active: dict[str, float], level: int
) -> None:
    believed = [{"version_id": "older", "percentage": 100}]
    assert active_of(monkeypatch, active, believed) == level


def test_nothing_is_undone_while_a_version_serves_that_the_stack_does_not_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # An update that was killed after the traffic moved leaves the old release in the list.
    believed = [{"version_id": "old", "percentage": 100}]
    with pytest.raises(GateClosed, match=r"Version cut-off serves, .* 'notifyctl up --stack dev'"):
        active_of(monkeypatch, {"cut-off": 10.0, "old": 90.0}, believed)


def active_of(
    monkeypatch: pytest.MonkeyPatch, active: dict[str, float], believed: list[dict[str, Any]]
) -> int:
    outputs = {
        "worker_name": "w",
        "release": entry("new", 12),
        "releases": RELEASES,
        "serving": believed,
    }
    deployment = ActiveDeployment(active, "")
    monkeypatch.setattr(stack_database, "first_outputs", lambda *_, **__: outputs)
    monkeypatch.setattr(StackAccount, "of", lambda _: None)
    monkeypatch.setattr(ActiveDeployment, "of_worker", lambda *_: deployment)
    context: Any = SimpleNamespace(stack="dev")
    return stack_database.active_level(context)


def test_a_release_of_an_earlier_program_told_the_schema_alone_and_the_first_nothing() -> None:
    assert serving_level({"release": {"schema_level": 7}}) == 7
    assert serving_level({}) == 0
    assert serving_level({"release": "unknown", "releases": [None], "serving": ["x"]}) == 0

"""Stored configurations are written again until nothing is left under another key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest

from ops.deploy import key_rotation
from ops.deploy.key_rotation import rewrap
from ops.stacks.console import Step
from ops.stacks.errors import GateClosed
from ops.stacks.service import ServiceClient
from tests.ops.answering_service import AnsweringService, answering_service


@pytest.fixture
def service() -> Iterator[AnsweringService]:
    with answering_service() as started:
        yield started


def run(rows: Mapping[str, int], *, resealed: int, unreadable: int = 0) -> tuple[int, bytes]:
    """The service's answer to one run of its task, with the rows under each key after it."""
    data = {
        "resealed": resealed,
        "unreadable": unreadable,
        "currentKey": "new",
        "rowsByKey": rows,
    }
    return 200, json.dumps({"success": True, "data": data}).encode()


def rewrapped(service: AnsweringService) -> tuple[int, str]:
    step = Step("Stored configurations under the new key")
    with ServiceClient(service.url, "k" * 64) as client:
        return rewrap(client, step), step.detail


def test_the_task_runs_until_no_row_is_left_under_the_old_key(service: AnsweringService) -> None:
    service.answers = [
        run({"old": 700, "new": 500}, resealed=500),
        run({"old": 200, "new": 1000}, resealed=500),
        run({"new": 1200}, resealed=200),
    ]
    assert rewrapped(service) == (1200, "1200 rewritten")
    assert [json.loads(call["body"]) for call in service.seen] == [{"taskName": "key_rotation"}] * 3
    assert {(c["method"], c["target"]) for c in service.seen} == {
        ("POST", "/api/scheduled-tasks/trigger")
    }


def test_a_service_with_nothing_stored_needs_one_run(service: AnsweringService) -> None:
    service.answers = [run({}, resealed=0)]
    assert rewrapped(service) == (0, "0 rewritten")
    assert len(service.seen) == 1


def test_rows_that_no_key_opens_end_it_with_their_number(service: AnsweringService) -> None:
    service.answers = [
        # One run that could still write something goes on.
        run({"old": 3, "lost": 2, "new": 1}, resealed=1, unreadable=2),
        run({"lost": 2, "old": 1, "new": 3}, resealed=0, unreadable=2),
    ]
    with pytest.raises(GateClosed, match=r"^3 stored configurations can be opened by neither key"):
        rewrapped(service)
    assert len(service.seen) == 2


def test_a_task_that_never_ends_is_given_up_with_what_is_left(
    service: AnsweringService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_rotation, "_MAX_RUNS", 3)
    service.answers = [run({"old": 9, "new": 1}, resealed=0)]
    with pytest.raises(GateClosed, match=r"^9 stored .* after 3 runs\. Run the command again"):
        rewrapped(service)
    assert len(service.seen) == 3

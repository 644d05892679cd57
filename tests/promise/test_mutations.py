"""Tests of the tests: with one safeguard taken out, the histories find a broken promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from notification.delivery import claim, endpoint_lines, recorder, row_snapshot, settlement
from notification.placement import Placement
from notification.storage import outbox
from notification.tasks import sweep
from notification.tasks.requeue import RequeueResult
from tests.promise.test_histories import run

Patch = Callable[[pytest.MonkeyPatch], None]
MAX_HISTORIES = 400
"""Histories in which the mutation has to show."""


def _without(module: Any, name: str, text: str, instead: str) -> Patch:
    def patch(patched: pytest.MonkeyPatch) -> None:
        statement = getattr(module, name)
        assert text in statement, f"{name} says it otherwise by now: change the mutation"
        patched.setattr(module, name, statement.replace(text, instead))

    return patch


def _overtaken_too(patched: pytest.MonkeyPatch) -> None:
    condition = "status IN ('pending', 'retry') AND retry_count = ?4"
    _without(claim, "_CLAIM", condition, "?4 IS NOT NULL")(patched)
    patched.setattr(row_snapshot, "_waits_for", lambda row, message: True)


def _without_sweep(patched: pytest.MonkeyPatch) -> None:
    async def idle(
        platform: object, log: object, *, swept_to: int, look_back_ms: int
    ) -> RequeueResult:
        return RequeueResult(0, 0, 0, swept_to)

    patched.setattr(sweep, "requeue_stalled", idle)


MUTATIONS = {
    "outcomes are written whoever holds the lease": _without(
        settlement, "_SETTLE", "AND lease_token = ?2", "AND ?2 IS NOT NULL"
    ),
    "rows are claimed under another's lease": _without(
        claim, "_CLAIM", "(lease_until IS NULL OR lease_until <= ?5)", "TRUE"
    ),
    "messages that were overtaken are acted upon": _overtaken_too,
    "a key that is taken is taken again": _without(
        outbox, "_RESERVE", "WHERE expires_at <= excluded.created_at", "WHERE TRUE"
    ),
    "nobody sweeps": _without_sweep,
    "a send looks for its recipient's line in place of its endpoint's": _without(
        endpoint_lines, "_LINES", "COALESCE(config.endpoint, ", "COALESCE("
    ),
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("mutation", MUTATIONS)
def test_the_histories_notice_when(mutation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTATIONS[mutation](monkeypatch)
    with pytest.raises(AssertionError):  # noqa: PT012 - the second seed is for what the first misses
        for seed in (2, 3):
            run(seed, MAX_HISTORIES, shrink=False)


def _served_while_moving(patched: pytest.MonkeyPatch) -> None:
    patched.setattr(Placement, "moves", lambda placement, user_id: False)


def _throttles_kept_to_oneself(patched: pytest.MonkeyPatch) -> None:
    async def silent(*_: object) -> None:
        return None

    patched.setattr(recorder, "_tell_other_shards", silent)


OVER_THREE_DATABASES = {
    "who moves is served meanwhile": _served_while_moving,
    "no other database hears of a throttle": _throttles_kept_to_oneself,
}


@pytest.mark.sample(1)
@pytest.mark.parametrize("mutation", OVER_THREE_DATABASES)
def test_the_histories_over_three_databases_notice_when(
    mutation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    OVER_THREE_DATABASES[mutation](monkeypatch)
    with pytest.raises(AssertionError):  # noqa: PT012 - as above
        for seed in (2, 3):
            run(seed, MAX_HISTORIES, shrink=False, shards=3)

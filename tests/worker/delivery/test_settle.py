"""What the outcome of one attempt makes of a notification, at every limit."""

from __future__ import annotations

from typing import Any

import pytest

from notification.channels.channel import (
    BROKEN,
    DELIVERED,
    REJECTED,
    THROTTLED,
    Message,
    Verdict,
)
from notification.delivery.attempt import Outcome
from notification.delivery.notification import LIFE_MS, Notification
from notification.delivery.settle import expire, give_up_on, settle, wait_until
from notification.delivery.settlement import Settlement
from notification.identity import first_row_id
from notification.timestamps import iso
from tests.worker.surroundings import START_MS
from tests.worker.world import World

WAITS = (10_000, 30_000)


def notification(**changes: Any) -> Notification:
    """A notification that was just accepted."""
    made = Notification(
        id=first_row_id(START_MS),
        channel="webhook",
        message=Message("ntf_1", "u1", "x", None, "text", None),
        options={},
        retry_count=0,
        attempts=[],
        lease_token="t",
        expires_ms=START_MS + LIFE_MS,
    )
    return made._replace(**changes)


def settled(world: World, verdict: Verdict, **changes: Any) -> Settlement:
    outcome = Outcome(verdict, world.clock.ms - 40, 40, 500)
    return settle(notification(**changes), outcome, waits=WAITS, platform=world.platform())


def test_an_attempt_is_kept_with_what_its_endpoint_said(world: World) -> None:
    broken = settled(world, Verdict(BROKEN, "e" * 3_000, "HTTP_ERROR"))
    [entry] = broken.attempts
    assert entry == {
        "at": iso(START_MS - 40),
        "status_code": 500,
        "duration_ms": 40,
        "outcome": BROKEN,
        "code": "HTTP_ERROR",
        "retryable": True,
        "error": "e" * 300,
    }
    assert broken.error == "e" * 2_000
    [delivered] = settled(world, Verdict(DELIVERED, unconfirmed=True)).attempts
    assert delivered["unconfirmed"] is True
    assert "error" not in delivered


def test_the_ten_newest_attempts_are_kept(world: World) -> None:
    earlier = [{"at": iso(START_MS), "code": str(number)} for number in range(10)]
    for verdict in (Verdict(DELIVERED), Verdict(BROKEN, "e", "new")):
        kept = settled(world, verdict, attempts=earlier).attempts
        assert len(kept) == 10
        assert [entry.get("code") for entry in kept[:9]] == [str(n) for n in range(1, 10)]
    given_up = give_up_on(notification(attempts=[*earlier, {"code": "last"}]), world.platform())
    assert [entry["code"] for entry in given_up.attempts][::9] == ["1", "last"]


@pytest.mark.parametrize(("spent", "status"), [(0, "retry"), (1, "retry"), (2, "failed")])
def test_a_broken_one_is_retried_as_often_as_there_are_waits(
    world: World, spent: int, status: str
) -> None:
    ended = settled(world, Verdict(BROKEN, "e", "HTTP_ERROR"), retry_count=spent)
    assert (ended.status, ended.exhausted) == (status, status == "failed")
    assert ended.retry_count == (spent + 1 if status == "retry" else spent)
    assert (ended.error, ended.code) == ("e", "HTTP_ERROR")
    if status == "retry":
        wait_ms = WAITS[spent]
        assert wait_ms * 0.9 <= ended.delay_ms <= wait_ms * 1.1
        assert ended.next_retry_at == iso(START_MS + ended.delay_ms)
    else:
        assert (ended.next_retry_at, ended.delay_ms) == (None, 0)


def test_an_endpoint_may_ask_for_a_longer_wait_and_for_no_shorter_one(world: World) -> None:
    longer = settled(world, Verdict(BROKEN, "e", "HTTP_ERROR", retry_after_s=60))
    assert longer.delay_ms == 60_000
    shorter = settled(world, Verdict(BROKEN, "e", "HTTP_ERROR", retry_after_s=1))
    assert shorter.delay_ms >= 9_000


@pytest.mark.parametrize("outcome", [BROKEN, THROTTLED])
def test_a_retry_is_due_at_the_end_of_its_time_and_never_after(world: World, outcome: str) -> None:
    verdict = Verdict(outcome, "e", "CODE", retry_after_s=600)
    late = settled(world, verdict, expires_ms=START_MS + 1)
    assert (late.status, late.delay_ms, late.exhausted) == ("retry", 1, False)
    for left_ms in (0, -1):
        over = settled(world, verdict, expires_ms=START_MS + left_ms)
        assert (over.status, over.exhausted, over.line) == ("failed", True, None)
        told = "Not delivered within 24 hours; last error: e"
        expected = ("e", "CODE") if outcome == BROKEN else (told, "EXPIRED")
        assert (over.error, over.code) == expected


def test_a_throttled_one_spends_no_retry_and_gets_a_place_in_line(world: World) -> None:
    verdict = Verdict(THROTTLED, "e", "THROTTLED", retry_after_s=7)
    waiting = settled(world, verdict, retry_count=2)
    assert (waiting.status, waiting.retry_count, waiting.delay_ms) == ("retry", 2, 7_000)
    assert waiting.line is not None
    assert waiting.line.endpoint == ("u1", "webhook")
    assert waiting.line.earliest_ms == START_MS + 7_000
    assert waiting.line.end_ms == START_MS + LIFE_MS
    assert waiting.line.called_at == iso(START_MS - 40)


@pytest.mark.parametrize(
    ("before", "base_ms"),
    [
        ([], 10_000),
        ([THROTTLED], 30_000),
        ([BROKEN, THROTTLED], 30_000),
        ([THROTTLED, BROKEN], 10_000),
        ([THROTTLED] * 2, 60_000),
        ([THROTTLED] * 3, 300_000),
        ([THROTTLED] * 9, 300_000),
    ],
)
def test_a_throttled_one_waits_longer_from_one_time_to_the_next(
    world: World, before: list[str], base_ms: int
) -> None:
    attempts = [{"outcome": outcome} for outcome in before]
    waiting = settled(world, Verdict(THROTTLED, "e", "THROTTLED"), attempts=attempts)
    assert base_ms * 0.9 <= waiting.delay_ms <= base_ms * 1.1


def test_a_rejected_one_ends_and_only_one_that_is_gone_switches_its_endpoint_off(
    world: World,
) -> None:
    rejected = settled(world, Verdict(REJECTED, "e", "HTTP_ERROR"))
    assert (rejected.status, rejected.exhausted, rejected.gone_at) == ("failed", False, None)
    assert len(rejected.statements()) == 1
    gone = settled(world, Verdict(REJECTED, "e" * 500, "HTTP_ERROR", gone=True))
    assert (gone.status, gone.exhausted, gone.gone_at) == ("failed", False, iso(START_MS - 40))
    switched_off, _ = gone.statements()
    assert switched_off.parameters == (
        "u1",
        "webhook",
        iso(START_MS),
        "e" * 300,
        iso(START_MS - 40),
    )


def test_a_delivered_one_has_its_time_and_no_error(world: World) -> None:
    sent = settled(world, Verdict(DELIVERED, details={"id": 1}), error="before", retry_count=1)
    assert (sent.status, sent.sent_at, sent.details) == ("sent", iso(START_MS), {"id": 1})
    assert (sent.error, sent.code, sent.next_retry_at, sent.retry_count) == (None, None, None, 1)


def test_what_ends_without_an_attempt_says_why(world: World) -> None:
    platform = world.platform()
    for error, text in (
        (None, "Not delivered within 24 hours"),
        ("e", "Not delivered within 24 hours; last error: e"),
        ("e" * 3_000, "Not delivered within 24 hours; last error: " + "e" * 1_957),
    ):
        over = expire(notification(error=error, retry_count=1), platform)
        assert (over.status, over.code, over.exhausted) == ("failed", "EXPIRED", True)
        assert (over.error, over.retry_count, over.attempts) == (text, 1, [])
    deaths = [{"code": "INTERRUPTED", "at": iso(START_MS)}] * 2
    ended = give_up_on(notification(attempts=deaths, retry_count=1), platform)
    assert (ended.status, ended.code, ended.exhausted) == ("failed", "INTERRUPTED", True)
    assert ended.error == "The attempt was interrupted 2 times: its process ended each time"
    assert ended.retry_count == 1


def test_a_wait_for_the_end_of_quiet_hours_changes_nothing_else(world: World) -> None:
    platform = world.platform()
    attempts = [{"code": "HTTP_ERROR"}]
    waiting = wait_until(
        notification(attempts=attempts, error="e", retry_count=1), START_MS + 5_000, platform
    )
    assert (waiting.status, waiting.retry_count, waiting.delay_ms) == ("retry", 1, 5_000)
    assert (waiting.next_retry_at, waiting.attempts) == (iso(START_MS + 5_000), attempts)
    assert (waiting.error, waiting.code, waiting.exhausted) == ("e", "HTTP_ERROR", False)
    capped = wait_until(notification(), START_MS + 2 * LIFE_MS, platform)
    assert (capped.next_retry_at, capped.code) == (iso(START_MS + LIFE_MS), None)

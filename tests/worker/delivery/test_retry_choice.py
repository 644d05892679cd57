"""What becomes of each message of a batch, by the row that it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from notification.channels.channel import Pace
from notification.delivery.endpoint_limiter import EndpointLimiter
from notification.delivery.endpoint_lines import NO_OBSTACLES, Line, Obstacles
from notification.delivery.retry_choice import Choice, Retry, choose
from notification.delivery.retry_message import RetryMessage
from notification.delivery.row_snapshot import RowSnapshot, Snapshots
from notification.settings import Settings
from notification.timestamps import HOUR_MS, iso
from tests.worker.queues import Delivered, Waiting

NOW = 1_767_225_600_000
EXPIRES = NOW + 10 * HOUR_MS
BOT = "0123456789abcdef"
A_SECOND = Pace(1_000)


def row(
    *, user: str = "u1", channel: str = "webhook", endpoint: str = "e", **changes: Any
) -> RowSnapshot:
    """A row that is due."""
    due = RowSnapshot((user, channel), endpoint, True, 0, 1, EXPIRES)
    return due._replace(**changes)


def chosen(
    rows: Sequence[RowSnapshot | None],
    obstacles: Obstacles = NO_OBSTACLES,
    *,
    limiter: EndpointLimiter | None = None,
    now_ms: int = NOW,
    **environment: str,
) -> Choice:
    asked = [RetryMessage(number, 0) for number in range(len(rows))]
    found = {message: row for message, row in zip(asked, rows, strict=True) if row is not None}
    return choose(
        [Retry(Delivered(Waiting({}, 0)), message) for message in asked],
        Snapshots(found, 2, obstacles),
        limiter=limiter or EndpointLimiter(),
        settings=Settings.read(environment),
        now_ms=now_ms,
    )


def line(*, throttled_until: int = 0, next_slot: int = NOW, pace: Pace = A_SECOND) -> Line:
    return Line("e", throttled_until, next_slot, pace)


def test_what_is_due_is_taken_and_what_is_gone_or_settled_is_not() -> None:
    choice = chosen([row(), None, row(due=False)])
    assert [taken.asked.log_id for taken in choice.taken] == [0]
    assert [retry.asked.log_id for retry in choice.gone] == [1]
    assert [retry.asked.log_id for retry in choice.overtaken] == [2]
    assert (choice.postponed, choice.waiting, choice.early) == ([], [], [])


@pytest.mark.parametrize(("ahead_ms", "seconds"), [(1, 1), (1_000, 1), (1_001, 2), (60_000, 60)])
def test_one_that_is_a_little_early_is_given_back_in_whole_seconds(
    ahead_ms: int, seconds: int
) -> None:
    [(_, given)] = chosen([row(due=False, early_until_ms=NOW + ahead_ms)]).early
    assert given == seconds


def test_one_that_is_more_than_a_minute_early_gets_a_message_of_its_own() -> None:
    choice = chosen([row(due=False, early_until_ms=NOW + 60_001)])
    assert [retry.asked.delay_ms for retry in choice.postponed] == [60_001]
    assert choice.early == []


def test_one_invocation_makes_no_more_calls_than_it_may() -> None:
    # 50 calls, of which 5 are for all; each attempt has its own and two more.
    choice = chosen([row(endpoint=str(n), user=str(n)) for n in range(20)])
    assert (len(choice.taken), len(choice.postponed)) == (15, 5)
    assert {retry.asked.delay_ms for retry in choice.postponed} == {1_000}
    several = chosen([row(endpoint=str(n), user=str(n), calls=7) for n in range(6)])
    assert (len(several.taken), len(several.postponed)) == (5, 1)


def test_an_attempt_of_too_many_calls_is_made_alone() -> None:
    choice = chosen([row(calls=60), row(endpoint="other")])
    assert [taken.asked.log_id for taken in choice.taken] == [0]
    assert [retry.asked.log_id for retry in choice.postponed] == [1]


def test_a_held_one_waits_for_the_end_of_its_hold_unless_its_time_is_over() -> None:
    until = iso(NOW + HOUR_MS)
    holds = Obstacles({("webhook", "u1"): until, ("slack", ""): until}, {})
    rows = [
        row(),
        row(user="u2", endpoint="e2"),
        row(channel="slack:oncall", endpoint="e3"),
        row(expires_ms=NOW),
    ]
    choice = chosen(rows, holds)
    held = [(each.asked.log_id, each.earliest_ms, each.held_until) for _, each in choice.waiting]
    assert held == [(0, NOW + HOUR_MS, until), (2, NOW + HOUR_MS, until)]
    assert [taken.asked.log_id for taken in choice.taken] == [1, 3]


def test_a_channel_that_is_switched_off_is_looked_at_again_in_an_hour() -> None:
    rows = [row(channel="slack:oncall"), row()]
    choice = chosen(rows, FEATURE_SLACK_ENABLED="false")
    [(_, waiting)] = choice.waiting
    assert (waiting.asked.log_id, waiting.held_until) == (0, iso(NOW + HOUR_MS))
    # A hold that lasts longer counts.
    longer = Obstacles({("slack", ""): iso(NOW + 2 * HOUR_MS)}, {})
    [(_, waiting)] = chosen(rows, longer, FEATURE_SLACK_ENABLED="false").waiting
    assert waiting.earliest_ms == NOW + 2 * HOUR_MS


def test_while_its_endpoint_is_throttled_one_takes_a_place_behind_it() -> None:
    throttled = line(throttled_until=NOW + 1, next_slot=NOW + 5_000, pace=Pace(700, 2))
    choice = chosen([row(), row(user="u2")], Obstacles({}, {("u1", "webhook"): throttled}))
    [(_, waiting)] = choice.waiting
    assert (waiting.earliest_ms, waiting.expires_ms) == (NOW + 1, EXPIRES)
    assert (waiting.pace, waiting.endpoint, waiting.held_until) == (
        Pace(700, 2),
        ("u1", "webhook"),
        None,
    )
    over = Obstacles({}, {("u1", "webhook"): line(throttled_until=NOW)})
    assert chosen([row()], over).waiting == []


def test_after_a_throttling_calls_keep_the_pace_for_a_minute() -> None:
    def pauses(next_slot: int) -> list[int]:
        paced = Obstacles({}, {("u1", "webhook"): line(next_slot=next_slot)})
        limiter = EndpointLimiter()
        limiter.acquire("e", NOW)
        limiter.release("e", NOW, NOW)
        return [taken.pause_ms for taken in chosen([row()] * 8, paced, limiter=limiter).taken]

    assert pauses(NOW - 60_000) == [0, 1_000, 2_000, 3_000, 4_000]
    assert pauses(NOW - 60_001) == [0] * 8


def test_what_would_pause_too_long_is_put_off_for_so_long() -> None:
    paced = Obstacles({}, {("u1", "webhook"): line(pace=Pace(4_001))})
    choice = chosen([row(), row()], paced)
    assert [taken.pause_ms for taken in choice.taken] == [0]
    assert [retry.asked.delay_ms for retry in choice.postponed] == [4_001]


def test_the_chats_of_a_bot_keep_its_pace_together() -> None:
    lines = {(user, "telegram"): line() for user in ("u1", "u2", "u3")}
    rows = [
        row(user=user, channel="telegram", endpoint=f"{BOT}.{chat * 16}")
        for user, chat in (("u1", "a"), ("u2", "b"), ("u3", "c"))
    ]
    choice = chosen(rows, Obstacles({}, lines))
    assert [taken.pause_ms for taken in choice.taken] == [0, 34, 68]


def test_an_endpoint_that_is_full_puts_the_others_off() -> None:
    choice = chosen([row() for _ in range(6)])
    assert len(choice.taken) == 4
    assert {retry.asked.delay_ms for retry in choice.postponed} == {1_000}

"""What each channel has to do, and what took longest, is read from the rows themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ops.database.schema_changes import SchemaChanges
from ops.observe.metrics.channel_metrics import ChannelMetrics, channel_metrics
from ops.observe.metrics.slow_sends import slow_sends
from tests.ops.database.sqlite_database import SqliteDatabase, project, sqlite_database

INSERT = (
    "INSERT INTO notification_logs (id, message_id, user_id, channel_type, status, content, "
    "created_at, updated_at, sent_at, next_retry_at, held_until, redrives, retry_count) "
    "VALUES (?, ?, 'u', ?, ?, 'x', ?, ?, ?, ?, ?, ?, ?)"
)


@pytest.fixture(scope="module")
def migrated() -> SqliteDatabase:
    database = sqlite_database()
    SchemaChanges(database, project()).migrate()
    return database


@pytest.fixture
def database(migrated: SqliteDatabase) -> SqliteDatabase:
    migrated.query("DELETE FROM notification_logs")
    return migrated


def stamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def add(
    database: SqliteDatabase,
    number: int,
    channel: str,
    status: str,
    *,
    age: timedelta = timedelta(minutes=1),
    held: bool = False,
    took: timedelta = timedelta(),
    redrives: int = 0,
    retries: int = 0,
) -> str:
    """Store a notification of that age, and return when it was made."""
    made = datetime.now(UTC) - age
    since = made - datetime(2024, 1, 1, tzinfo=UTC)
    values = (
        round(since.total_seconds() * 1000) * 4096 + number,
        f"m{number}",
        channel,
        status,
        stamp(made),
        stamp(made + took),
        stamp(made),
        stamp(made),
        stamp(made) if held else None,
        redrives,
        retries,
    )
    database.api.connection.execute(INSERT, values)
    return stamp(made)


def test_without_rows_no_channel_has_anything_to_tell(database: SqliteDatabase) -> None:
    assert channel_metrics([database]) == ()


def test_each_state_is_counted_for_its_channel(database: SqliteDatabase) -> None:
    for number, status in enumerate(["sent", "sent", "failed", "cancelled"], 1):
        add(database, number, "slack", status)
    oldest = add(database, 5, "slack", "pending", age=timedelta(minutes=9))
    add(database, 6, "slack", "retry", age=timedelta(minutes=2))
    add(database, 7, "slack", "retry", age=timedelta(minutes=3), held=True)
    assert channel_metrics([database]) == (ChannelMetrics("slack", 2, 1, 1, 1, oldest),)


def test_several_databases_are_one_answer(database: SqliteDatabase) -> None:
    other = sqlite_database()
    SchemaChanges(other, project()).migrate()
    add(database, 1, "slack", "sent")
    add(database, 2, "slack", "pending", age=timedelta(minutes=2))
    oldest = add(other, 3, "slack", "pending", age=timedelta(minutes=5))
    add(other, 4, "lark", "failed")
    lark, slack = channel_metrics([database, other])
    assert (lark.channel, lark.failed) == ("lark", 1)
    assert (slack.sent, slack.oldest) == (1, oldest)


def test_what_was_settled_over_an_hour_ago_is_no_longer_counted(database: SqliteDatabase) -> None:
    add(database, 1, "lark", "sent", age=timedelta(minutes=61))
    add(database, 2, "lark", "failed", age=timedelta(minutes=58))
    [found] = channel_metrics([database])
    assert (found.sent, found.failed, found.oldest) == (0, 1, "")


def test_a_retry_of_yesterday_is_counted_and_is_the_oldest(database: SqliteDatabase) -> None:
    yesterday = add(database, 1, "webhook", "retry", age=timedelta(days=1))
    add(database, 2, "webhook", "pending")
    add(database, 3, "lark", "sent")
    lark, webhook = channel_metrics([database])
    assert (lark.channel, lark.document()["sent"]) == ("lark", 1)
    assert (webhook.retrying, webhook.waiting, webhook.oldest) == (1, 0, yesterday)


def test_the_slowest_come_first_and_no_more_than_are_asked_for(database: SqliteDatabase) -> None:
    for number, seconds in ((1, 3), (2, 9), (3, 6)):
        add(database, number, "slack", "sent", took=timedelta(seconds=seconds), retries=number)
    found = slow_sends([database], limit=2)
    assert [(one.message_id, one.attempts, one.channel) for one in found] == [
        ("m2", 3, "slack"),
        ("m3", 4, "slack"),
    ]
    assert found[0].milliseconds == pytest.approx(9_000, abs=1)


def test_the_slowest_of_all_databases_come_first(database: SqliteDatabase) -> None:
    other = sqlite_database()
    SchemaChanges(other, project()).migrate()
    for number, (place, seconds) in enumerate([(database, 3), (other, 9), (database, 6)], 1):
        add(place, number, "slack", "sent", took=timedelta(seconds=seconds))
    found = slow_sends([database, other], limit=2)
    assert [one.message_id for one in found] == ["m2", "m3"]


def test_what_was_sent_again_by_a_person_or_is_not_of_these_days_is_left_out(
    database: SqliteDatabase,
) -> None:
    add(database, 1, "slack", "sent", took=timedelta(seconds=9), redrives=1)
    add(database, 2, "slack", "sent", took=timedelta(seconds=9), age=timedelta(hours=25))
    add(database, 3, "slack", "failed", took=timedelta(seconds=9))
    assert slow_sends([database]) == []
    assert [one.message_id for one in slow_sends([database], days=2)] == ["m2"]


def test_named_endpoints_count_for_their_channel(database: SqliteDatabase) -> None:
    add(database, 1, "telegram", "sent")
    add(database, 2, "telegram:oncall", "sent")
    add(database, 3, "telegram:oncall", "failed")
    [found] = channel_metrics([database])
    assert (found.channel, found.sent, found.failed) == ("telegram", 2, 1)

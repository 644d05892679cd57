"""The branches of a diagnosis about data and speed name what is ill and what is not known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from ops.database.schema_changes import SchemaChanges
from ops.database.stack_database import StackDatabase
from ops.observe.diagnosis.branch import Branch, Verdict
from ops.observe.diagnosis.data_branch import data_branch
from ops.observe.diagnosis.speed_branch import speed_branch
from ops.observe.metrics.slow_sends import SlowSend
from ops.observe.metrics.stack_status import StackStatus
from ops.observe.metrics.thresholds import Level, Metric, Reading
from ops.stacks.errors import OperationError
from tests.ops.database.sqlite_database import SqliteDatabase, project, sqlite_database


@pytest.fixture(scope="module")
def migrated() -> SqliteDatabase:
    database = sqlite_database()
    SchemaChanges(database, project()).migrate()
    return database


class Away:
    """A database that can't be asked."""

    stack = "dev"

    def described(self) -> object:
        raise OperationError("the database is away")

    def query(self, *_: object) -> object:
        raise OperationError("the database is away")


def whats(branch: Branch) -> list[str]:
    return [finding.what for finding in branch.findings]


def status(*readings: Reading) -> StackStatus:
    return cast(StackStatus, SimpleNamespace(stack="dev", readings=readings))


def reading(level: Level, *, value: float | None = 2_000.0, unit: str = "ms") -> Reading:
    return Reading(Metric("response time", value, unit, "analytics said"), 1_000.0, level)


def test_whole_data_is_well(migrated: SqliteDatabase) -> None:
    branch = data_branch(project(), [migrated])
    assert branch.verdict is Verdict.WELL
    assert branch.found[0].startswith("database notify-dev: 4 KiB, ")
    assert branch.found[-1].endswith(" checks of consistency found nothing")


def test_each_of_several_databases_is_looked_at(migrated: SqliteDatabase) -> None:
    branch = data_branch(project(), [migrated, cast(StackDatabase, Away())])
    assert branch.found[0].startswith("database notify-dev: 4 KiB, ")
    assert whats(branch) == ["the database is away"]


def test_missing_tables_and_rows_that_break_a_rule_are_causes(migrated: SqliteDatabase) -> None:
    database = sqlite_database()
    migrated.api.connection.backup(database.api.connection)
    database.query("DROP TABLE template_contents")
    database.query(
        "INSERT INTO user_configs (user_id, channel_type, config_data) VALUES ('u', 'lark', '{}')"
    )
    branch = data_branch(project(), [database])
    assert branch.verdict is Verdict.ILL
    assert [text.partition(":")[0] for text in whats(branch)] == [
        "tables are missing",
        "1 channel configurations in clear text",
    ]
    assert not any("found nothing" in line for line in branch.found)


def test_a_database_that_cannot_be_asked_is_a_cause() -> None:
    branch = data_branch(project(), [cast(StackDatabase, Away())])
    assert (branch.verdict, whats(branch)) == (Verdict.ILL, ["the database is away"])
    assert branch.findings[0].step[-1] == "notifyctl db backup --stack dev"


@pytest.mark.parametrize(
    ("level", "ill"),
    [(Level.OK, False), (Level.INFORMATION, False), (Level.WARNING, True), (Level.CRITICAL, True)],
)
def test_a_metric_above_its_threshold_is_a_cause(
    migrated: SqliteDatabase, level: Level, ill: bool
) -> None:
    branch = speed_branch(status(reading(level)), [migrated])
    assert branch.verdict is (Verdict.ILL if ill else Verdict.WELL)
    assert whats(branch) == (["response time: 2,000 ms, above 1000 ms"] if ill else [])
    assert branch.found == ([] if ill else ["response time: 2,000 ms"])


def test_a_backlog_is_of_now_and_asks_for_the_drift(migrated: SqliteDatabase) -> None:
    [found] = speed_branch(status(reading(Level.CRITICAL, unit="messages")), [migrated]).findings
    assert (found.section, found.window, found.over) == (
        "Stuck queue",
        "now",
        "below 1000 messages",
    )
    assert found.step == ("notifyctl drift --stack dev",)
    [slow] = speed_branch(status(reading(Level.WARNING)), [migrated]).findings
    assert (slow.section, slow.window, slow.step) == (
        "Slow",
        "the last hour",
        ("notifyctl report weekly --stack dev",),
    )


def test_a_metric_that_is_not_known_says_why(migrated: SqliteDatabase) -> None:
    branch = speed_branch(status(reading(Level.UNKNOWN, value=None)), [migrated])
    assert branch.found == ["response time: unknown (analytics said)"]


def test_rates_belong_to_another_branch(migrated: SqliteDatabase) -> None:
    branch = speed_branch(status(reading(Level.CRITICAL, unit="%")), [migrated])
    assert (branch.verdict, whats(branch), branch.found) == (Verdict.WELL, [], [])


def test_slow_sends_that_cannot_be_read_are_unknown() -> None:
    branch = speed_branch(status(), [cast(StackDatabase, Away())])
    assert branch.verdict is Verdict.UNKNOWN
    assert branch.found == ["slow sends: the database is away"]


def test_the_slowest_send_is_the_example_of_what_is_slow(
    migrated: SqliteDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends = [SlowSend(f"ntf_{n}", "slack", 1, 9_000 - n) for n in range(2)]
    monkeypatch.setattr("ops.observe.diagnosis.speed_branch.slow_sends", lambda *_, **__: sends)
    [slow] = speed_branch(status(reading(Level.WARNING)), [migrated]).findings
    [backlog] = speed_branch(status(reading(Level.WARNING, unit="messages")), [migrated]).findings
    assert (slow.example, backlog.example) == ("ntf_0", "")


def test_each_reading_is_looked_at_whatever_stands_before_it(migrated: SqliteDatabase) -> None:
    branch = speed_branch(
        status(reading(Level.OK, unit="%"), reading(Level.OK), reading(Level.WARNING)), [migrated]
    )
    assert branch.found == ["response time: 2,000 ms"]
    assert whats(branch) == ["response time: 2,000 ms, above 1000 ms"]

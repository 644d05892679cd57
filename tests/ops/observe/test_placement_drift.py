"""A record of the placement that somebody edited is told, and put back where that is safe."""

from __future__ import annotations

import json
import sqlite3
from functools import cache

import pytest

from infra.migrations.files import MigrationSet
from infra.migrations.migrator import Migrator
from infra.shards.placement import shard_of
from ops.observe.drift import placement_probe
from ops.observe.drift.finding import Finding, Repair
from ops.observe.drift.managed import Managed
from ops.observe.drift.placement_probe import PLACEMENT, PlacementProbe
from ops.observe.drift.repair import repair
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError
from tests.infra.d1_api import ACCOUNT, BASE_URL
from tests.ops.database.sqlite_database import ROOT, SqliteDatabase, sqlite_database

RESOURCE = Managed(PLACEMENT, "shards", "shards", {"databases": ["a", "b"], "n": 2.0})
TWO = "recipients in 2 of the databases"


@cache
def _migrated() -> sqlite3.Connection:
    database = sqlite_database()
    with database.connected() as connected:
        Migrator(connected).apply(MigrationSet.read(ROOT / "sql" / "migrations"))
    return database.api.connection


class Spread:
    """Two databases with a recipient in each, and the record."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.databases: dict[str, SqliteDatabase] = {}
        for name in ("a", "b"):
            self.databases[name] = sqlite_database()
            _migrated().backup(self.databases[name].api.connection)
        for user in ("user-1", "user-2", "user-3", "user-4"):
            self.add(user, "ab"[shard_of(user, 2)])
        self.write('{"n":2,"moving_to":null}')
        monkeypatch.setattr(
            placement_probe, "StackDatabase", lambda account, name, *_: self.databases[name]
        )
        self.probe = PlacementProbe(StackAccount("dev", ACCOUNT, BASE_URL, True, "t" * 40))

    def add(self, user: str, database: str) -> None:
        self.databases[database].api.connection.execute(
            "INSERT INTO user_configs (user_id, channel_type, config_data) VALUES (?, 'lark', 'e')",
            (user,),
        )

    def write(self, text: str | None) -> None:
        connection = self.databases["a"].api.connection
        connection.execute("DELETE FROM system_configs WHERE config_key = 'shards'")
        if text is not None:
            connection.execute(
                "INSERT INTO system_configs (config_key, config_value) VALUES ('shards', ?)",
                (text,),
            )

    @property
    def text(self) -> str | None:
        row = (
            self.databases["a"]
            .api.connection.execute(
                "SELECT config_value FROM system_configs WHERE config_key = 'shards'"
            )
            .fetchone()
        )
        return None if row is None else str(row[0])

    @property
    def found(self) -> list[Finding]:
        return list(self.probe.findings(RESOURCE))


@pytest.fixture
def spread(monkeypatch: pytest.MonkeyPatch) -> Spread:
    return Spread(monkeypatch)


def test_the_record_of_the_last_deployment_is_no_difference(spread: Spread) -> None:
    assert spread.found == []
    spread.write(json.dumps({"n": 2, "moving_to": None}))
    assert spread.found == []


@pytest.mark.parametrize(
    ("text", "said", "by"),
    [
        ('{"n":1,"moving_to":null}', "recipients in 1 of the databases", Repair.CALL),
        ('{"n":3,"moving_to":null}', "recipients in 3 of the databases", Repair.CALL),
        ('{"n":2,"moving_to":1}', f"{TWO}, moving to 1", Repair.UPDATE),
        ("{}", "a text that isn't a placement", Repair.CALL),
        (None, "nothing", Repair.CALL),
    ],
)
def test_an_edited_record_is_a_difference(
    spread: Spread, text: str | None, said: str, by: Repair
) -> None:
    spread.write(text)
    assert spread.found == [Finding("placement", "shards", TWO, said, by)]
    if by is Repair.CALL:
        repair(spread.probe, spread.found[0], RESOURCE)
        assert spread.text == '{"n":2,"moving_to":null}'
        assert spread.found == []


def test_a_missing_record_means_one_database(spread: Spread) -> None:
    spread.write(None)
    one = Managed(PLACEMENT, "shards", "shards", {"databases": ["a"], "n": 1.0})
    assert list(spread.probe.findings(one)) == []


@pytest.mark.parametrize("text", ['{"n":1,"moving_to":null}', "{}"])
def test_a_record_stays_while_somebody_is_where_the_state_does_not_lead(
    spread: Spread, text: str
) -> None:
    spread.write(text)
    spread.add("user-5", "ab"[1 - shard_of("user-5", 2)])
    with pytest.raises(OperationError, match=r"rows of user_configs of 1 or more.*notifyctl up"):
        spread.probe.put_back(RESOURCE)
    assert spread.text == text

"""Moving users between the simulation's databases, as a deployment does, killed at any step."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from notification.delivery.notification import LEASE_MS
from notification.placement import KEY, Placement, parse_placement, shard_of
from notification.storage.shards import PLACEMENT_TTL_MS
from tests.promise.simulation import Simulation
from tests.worker.sqlite_database import SqliteDatabase

WAIT_S = (PLACEMENT_TTL_MS + LEASE_MS) / 1000 + 20
"""After that no invocation is at work that began before the record said who moves."""
BATCH = 2
"""Rows that are copied, and then deleted where they were, at a time."""
TABLES = ("notification_logs", "idempotency_keys", "channel_holds", "user_configs")
"""A user's rows; configurations last, since nobody can send to a user without one."""


class SimulatedMove:
    """Moves users to another number of databases; a new one goes on where a killed one was."""

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation

    @property
    def placement(self) -> Placement:
        """The record as it stands."""
        sql = "SELECT config_value FROM system_configs WHERE config_key = ?1"
        return parse_placement(str(self._simulation.sqlite.rows(sql, KEY)[0]["config_value"]))

    def check_homes(self) -> None:
        """See that every row lies in its user's database."""
        for number, sqlite in enumerate(self._simulation.sqlites):
            homes = {shard_of(user, self.placement.n) for user in self._users(sqlite)}
            assert homes <= {number}, f"database {number} has rows of users of {homes}"

    async def run(self, n: int) -> None:
        """Move users to `n` databases, or end the move that is under way."""
        placement = self.placement
        n = placement.moving_to or n
        if n == placement.n:
            return
        self._simulation.place(placement._replace(moving_to=n))
        await asyncio.sleep(WAIT_S)
        self._copy_holds_of_everybody()
        for number, source in enumerate(self._simulation.sqlites):
            for user in self._users(source):
                target = shard_of(user, n)
                if target != number:
                    await self._move(user, source, self._simulation.sqlites[target])
        self._simulation.place(Placement(n))

    def _copy_holds_of_everybody(self) -> None:
        first, *others = self._simulation.sqlites
        holds = first.rows("SELECT * FROM channel_holds WHERE user_id = ''")
        for other in others:
            other.connection.execute("DELETE FROM channel_holds WHERE user_id = ''")
            _insert(other, "channel_holds", holds)

    def _users(self, source: SqliteDatabase) -> list[str]:
        tables = " UNION ".join(f"SELECT user_id FROM {table}" for table in TABLES)  # noqa: S608 - constants
        return [str(row["user_id"]) for row in source.rows(tables) if row["user_id"]]

    async def _move(self, user: str, source: SqliteDatabase, target: SqliteDatabase) -> None:
        lines = source.rows(
            "SELECT line.* FROM endpoint_lines AS line JOIN user_configs AS config"
            " ON line.endpoint = COALESCE(config.endpoint, user_id || ' ' || config.channel_type)"
            " WHERE config.user_id = ?1",
            user,
        )
        for line in lines:
            target.connection.execute(
                "INSERT INTO endpoint_lines VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                " ON CONFLICT (endpoint) DO UPDATE SET"
                " throttled_until = MAX(throttled_until, ?3), next_slot = MAX(next_slot, ?4)",
                tuple(line.values()),
            )
        for table in TABLES:
            sql = f"SELECT * FROM {table} WHERE user_id = ?1 LIMIT {BATCH}"  # noqa: S608 - constants
            while rows := source.rows(sql, user):
                await asyncio.sleep(0.4)
                _insert(target, table, rows)
                await asyncio.sleep(0.4)
                for row in rows:
                    _delete(source, table, row)


def _insert(database: SqliteDatabase, table: str, rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        columns, places = ", ".join(row), ", ".join("?" for _ in row)
        database.connection.execute(
            f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({places})",  # noqa: S608 - the schema's names
            tuple(row.values()),
        )


def _delete(database: SqliteDatabase, table: str, row: dict[str, Any]) -> None:
    """Delete a row if it is what was copied."""
    condition = " AND ".join(f"{column} IS ?" for column in row)
    deleted = database.connection.execute(
        f"DELETE FROM {table} WHERE {condition}",  # noqa: S608 - as above
        tuple(row.values()),
    )
    assert deleted.rowcount == 1, f"a row of {table} changed while its user was being moved"

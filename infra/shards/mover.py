"""Moves recipients between the databases when their number changes.

By the record in the first database each recipient has one home. While a move is under way
(`moving_to`), the Worker serves nobody whose home changes, so that the rows stand still:

1. The record gets `moving_to`, and the mover waits until every isolate knows it and nothing that
   began before is still at work.
2. Page by page, rows are written to their new home, read back, and deleted where they were: who
   reads all databases sees each row once, or twice for the moment of one page.
3. The record gets the new number.

Every step may be made twice, so that a deployment that was cut off is simply made again. A move to
another number than the one that is wanted now is taken back first: the same steps the other way.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from infra.migrations.errors import MigrationError, WriterBusy
from infra.migrations.ledger import SELECT_APPLIED
from infra.migrations.schema import EARLIER_PREFIX, Queries, read_objects
from infra.shards.lines import copy_holds_of_all, copy_lines
from infra.shards.placement import shard_of
from infra.shards.record import (
    Placement,
    PlacementUnknown,
    read_placement,
    replace_text,
    write_placement,
)
from infra.shards.user_rows import UserRows, asked, patiently

SETTLED_S = 90.0
"""Seconds after which no isolate has the record before a change (`PLACEMENT_TTL_MS`, 10 s), no
attempt that began with it holds its lease (60 s), and clocks may differ (20 s)."""
_POLL_S = 5.0
_POLLS = 120
_LAST = "user_configs"
"""Nobody can send to a recipient without one, so these rows move after all others."""
_RUNNING = """
SELECT task_name FROM scheduled_tasks
WHERE lease_until > strftime('%Y-%m-%dT%H:%M:%fZ', 'now') ORDER BY task_name
"""


class MoveRefused(MigrationError):
    """The recipients can't be moved; each has the home that it had."""


class Mover:
    """Spreads the recipients over the first `n` of some databases.

    Args:
        databases: the databases by shard.
        settled: seconds that step 1 waits.
        sleep: waits that many seconds.
        say: tells how far it is.
        every: seconds between two tellings while rows move.
    """

    def __init__(
        self,
        databases: Sequence[Queries],
        *,
        settled: float = SETTLED_S,
        sleep: Callable[[float], None] = time.sleep,
        say: Callable[[str], None] = lambda _: None,
        every: float = 10.0,
    ) -> None:
        self._databases = databases
        self._settled = settled
        self._sleep = sleep
        self._say = say
        self._every = every
        self._moved, self._began, self._told = 0, 0.0, 0.0

    def move(self, n: int) -> Placement:
        """Bring every recipient home, and return the placement.

        Raises:
            PlacementUnknown: the record is malformed, or contradicts the databases.
            MoveRefused: the databases aren't alike, or a copy isn't what was copied.
            WriterBusy: a task of the service doesn't end.
            D1Unavailable, D1SqlError, D1Refused: a database didn't answer, or refused a statement;
                the next deployment goes on.
        """
        first = self._databases[0]
        record = patiently(read_placement, first)
        placement = record or Placement()
        self._check_reach(placement, n)
        self._check_alike()
        tables = sorted(UserRows.of_database(first), key=lambda table: table.name == _LAST)
        if record is None:
            self._check_empty(tables)
            patiently(write_placement, first, None, placement)
        if placement.moving_to not in {None, n}:
            placement = self._take_back(tables, placement)
        if placement.n == n:
            return self._record(placement, Placement(n))
        moving = self._record(placement, Placement(placement.n, n))
        self._say(
            f"Recipients move from {placement.n} to {n} databases. The service learns of it "
            f"within {self._settled:g} seconds; then the rows follow."
        )
        # Also after an interruption: nobody knows how long ago it was written.
        self._wait()
        try:
            self._settle(tables, moving, n)
        except MoveRefused:
            self._take_back(tables, moving)
            raise
        self._say(f"{self._progress()}. Recipients are spread over {n} databases.")
        return self._record(moving, Placement(n))

    def put_back(self, n: int) -> None:
        """Write the record of a stack whose recipients are spread over `n` databases.

        Raises:
            MoveRefused: somebody isn't where that record leads to; nothing was changed.
            PlacementUnknown: somebody else has changed the record meanwhile.
            D1Unavailable, D1SqlError, D1Refused: a database didn't answer, or refused a statement.
        """
        for table in UserRows.of_database(self._databases[0]):
            for shard, database in enumerate(self._databases):
                for users in table.users(database):
                    if away := _by_home(users, n, shard):
                        raise MoveRefused(
                            f"Database {shard} has rows of {table.name} of "
                            f"{sum(map(len, away.values()))} or more recipients whose home among "
                            f"{n} is another one, so the record stays as it is. If it can be read, "
                            "'notifyctl up' takes them home; else write into the row 'shards' of "
                            "system_configs how many databases they are spread over."
                        )
        patiently(replace_text, self._databases[0], Placement(n))

    def _check_reach(self, placement: Placement, n: int) -> None:
        there = len(self._databases)
        if max(placement.reach, n) > there:
            raise PlacementUnknown(
                f"Recipients are spread over {placement.reach} databases, and this deployment has "
                f"{there}: nothing was moved. Set shards to at least {placement.reach}, deploy, "
                "and make it less afterwards."
            )

    def _check_alike(self) -> None:
        """See that all databases have the same schema: rows of one would not fit another."""
        first, *others = map(_catalogue, self._databases)
        for shard, found in enumerate(others, 1):
            if found != first:
                differ = sorted(
                    name
                    for name in found.keys() | first.keys()
                    if found.get(name) != first.get(name)
                )
                raise MoveRefused(
                    f"Database {shard} hasn't the schema of the first one: {', '.join(differ[:5])} "
                    "differ. Nothing was moved. Run 'notifyctl db migrate', and deploy again."
                )

    def _check_empty(self, tables: Iterable[UserRows]) -> None:
        """See that a missing record means a new stack, and not one whose record was lost."""
        for shard, database in enumerate(self._databases[1:], 1):
            for table in tables:
                if next(table.users(database), None):
                    raise PlacementUnknown(
                        f"The table {table.name} of database {shard} has recipients, and the first "
                        "database doesn't say over how many they are spread. Nothing was changed. "
                        "Restore the setting 'shards' in its table system_configs."
                    )

    def _record(self, before: Placement, after: Placement) -> Placement:
        if before != after:
            patiently(write_placement, self._databases[0], before, after)
        return after

    def _take_back(self, tables: Sequence[UserRows], placement: Placement) -> Placement:
        """Undo a move that isn't complete."""
        self._wait()
        self._settle(tables, placement, placement.n)
        return self._record(placement, Placement(placement.n))

    def _wait(self) -> None:
        self._sleep(self._settled)
        for _ in range(_POLLS):
            running = asked(self._databases[0], _RUNNING)
            if not running:
                return
            self._sleep(_POLL_S)
        raise WriterBusy(
            f"The service's task {running[0]['task_name']} has been running for "
            f"{int(_POLLS * _POLL_S)} seconds, so that no recipient was moved. Deploy again once "
            "it is done; until then the recipients to be moved are answered 503."
        )

    def _settle(self, tables: Iterable[UserRows], moving: Placement, n: int) -> None:
        """Bring the rows of each recipient whose home changes to its home among `n`."""
        self._moved, self._began = 0, time.monotonic()
        self._told = self._began
        there = self._databases[: moving.reach]
        for database in there[1:n]:
            copy_holds_of_all(there[0], database)
        served: set[tuple[int, int]] = set()
        for table in tables:
            for shard, database in enumerate(there):
                for users in table.users(database):
                    for home, away in _by_home(users, n, shard).items():
                        if (shard, home) not in served:
                            copy_lines(database, there[home])
                            served.add((shard, home))
                        self._carry(table, shard, home, away)

    def _carry(self, table: UserRows, shard: int, home: int, users: Sequence[str]) -> None:
        source, target = self._databases[shard], self._databases[home]
        while page := table.first_page(source, users):
            table.insert(target, page)
            if table.same_rows(target, page) != page:
                raise MoveRefused(
                    f"A row of {table.name} can't be had in database {home} as it is in database "
                    f"{shard}, so the move was taken back: every recipient has its old home. "
                    "Deploy again. If it happens again, another program writes to the databases, "
                    "or two rows have one id."
                )
            table.delete(source, page)
            self._moved += len(page)
            if (now := time.monotonic()) - self._told >= self._every:
                self._told = now
                self._say(f"{self._progress()}, now of {table.name}")

    def _progress(self) -> str:
        rate = self._moved / max(time.monotonic() - self._began, 0.001)
        return f"{self._moved:,} rows have moved, {rate:,.0f} a second"


def _by_home(users: Iterable[str], n: int, shard: int) -> Mapping[int, list[str]]:
    """Return the recipients that have another home than this shard, by their home."""
    found: dict[int, list[str]] = defaultdict(list)
    for user in users:
        if (home := shard_of(user, n)) != shard:
            found[home].append(user)
    return found


def _catalogue(database: Queries) -> Mapping[str, str]:
    """Return what a database is made of, and its migrations, by name."""
    objects = patiently(read_objects, database)
    applied = {
        str(row["name"]): str(row.get("sha256") or "") for row in asked(database, SELECT_APPLIED)
    }
    ours = (one for one in objects if not one.table.startswith(EARLIER_PREFIX))
    return {**{one.name: one.plain for one in ours}, **applied}

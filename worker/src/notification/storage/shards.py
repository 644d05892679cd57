"""Users spread over several databases: finding one user's, and asking all of them.

What isn't a user's lies in the first database alone. Imported where there are several.
"""

from collections.abc import Sequence

from notification.errors import ServiceError
from notification.placement import KEY, Placement, parse_placement
from notification.ports.database import Database, HomeStatement, Result, Row, Statement
from notification.ports.platform import Platform
from notification.storage.capped_count import PageStatement
from notification.storage.last_hour import PLANNED
from notification.storage.system_settings import read_text

PLACEMENT_TTL_MS = 10_000
"""How long an isolate keeps the record. Who moves users waits for it (`infra`)."""
MOVED_AFTER_S = 60
"""When a caller may try again for a user who is being moved."""
MAX_MERGED = 20_000
"""How far a list over all databases can be paged: each of them names all ids before the page."""


class ShardDatabase:
    """A database of users beside the first one, which gets the statements that belong there."""

    __slots__ = ("_own", "home")

    def __init__(self, home: Database, own: Database) -> None:
        self.home = home
        self._own = own

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run the statements in two transactions if some belong to the first database."""
        at_home = [each for each in statements if isinstance(each, HomeStatement)]
        if not at_home:
            return await self._own.batch(statements)
        home = iter(await self.home.batch(at_home))
        rest = [each for each in statements if not isinstance(each, HomeStatement)]
        own = iter(await self._own.batch(rest) if rest else ())
        return [next(home if isinstance(each, HomeStatement) else own) for each in statements]


class AllShards:
    """All databases as one. A batch is a transaction in each, one after the other."""

    __slots__ = ("_platform",)

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def batch(self, statements: Sequence[Statement]) -> list[Result]:
        """Run the statements everywhere, rows joined and changes summed.

        Raises:
            ServiceError: MAINTENANCE for a change while users are being moved.
            DatabaseError: one of the databases did not answer; others may have changed.
        """
        if not all(each.sql.lstrip().startswith("SELECT") for each in statements):
            await refuse_while_moving(self._platform)
        first, *others = self._platform.shards
        results = await first.database.batch(statements)
        places = [n for n, each in enumerate(statements) if not isinstance(each, HomeStatement)]
        for each in others if places else ():
            found = await each.database.batch([statements[place] for place in places])
            for place, result in zip(places, found, strict=True):
                results[place] = _joined(results[place], result)
        return results

    async def merged_page(
        self,
        page: PageStatement,
        count: Statement,
        columns: str,
        table: str,
        *,
        limit: int,
        offset: int,
        newest_first: bool,
    ) -> tuple[list[Row], int]:
        """Return a page over all databases: all ids up to its end first, then its rows.

        Raises:
            ServiceError: INVALID_PARAMETER for a page beyond `MAX_MERGED`.
        """
        if limit + offset > MAX_MERGED:
            raise ServiceError(
                "INVALID_PARAMETER",
                f"offset and limit must not reach beyond {MAX_MERGED} rows where users are spread"
                " over several databases; narrow the list",
            )
        ids, total = await self.batch([page("id", limit + offset, 0), count])
        ordered = sorted({int(row["id"]) for row in ids.rows}, reverse=newest_first)
        chosen = ordered[offset : offset + limit]
        sql = f"SELECT {columns} FROM {table} WHERE id IN (SELECT value FROM json_each(?1))"  # noqa: S608 - constants of the callers
        [found] = await self.batch([Statement(sql, (str(chosen),))])
        rows = {int(row["id"]): row for row in found.rows}
        return [rows[row_id] for row_id in chosen if row_id in rows], total.sum("total")


def _joined(one: Result, other: Result) -> Result:
    """Join what the service reads; each database has counted its costs."""
    return one._replace(rows=[*one.rows, *other.rows], changes=one.changes + other.changes)


class _KnownPlacement:
    """The record as the isolate has read it last, and when."""

    __slots__ = ("placement", "read_ms")

    def __init__(self) -> None:
        self.placement: Placement | None = None
        self.read_ms = 0


async def current_placement(platform: Platform) -> Placement:
    """Return where users are, as it was at most `PLACEMENT_TTL_MS` ago.

    Raises:
        ServiceError: DB_ERROR.
        DatabaseError: the first database did not answer.
    """
    known, now_ms = platform.memory.of(_KnownPlacement), platform.clock.now_ms()
    if known.placement is None or not 0 <= now_ms - known.read_ms < PLACEMENT_TTL_MS:
        try:
            placement = parse_placement(await read_text(platform, KEY))
        except ValueError as error:
            raise ServiceError("DB_ERROR", str(error)) from None
        if placement.n > (bound := len(platform.shards)):
            raise ServiceError(
                "DB_ERROR",
                f"The setting {KEY!r} spreads users over {placement.n} databases, and {bound} are"
                " bound: deploy with as many",
            )
        known.placement, known.read_ms = placement, now_ms
    return known.placement


async def shard_for(user_id: str, platform: Platform) -> int:
    """Return the shard that serves a user; see `Platform.for_user`."""
    placement = await current_placement(platform)
    if placement.moves(user_id):
        raise _moving("This user is being moved to another database")
    return placement.shard(user_id)


async def refuse_while_moving(platform: Platform) -> None:
    """Refuse what changes the rows of many users while some of them are being moved.

    Raises:
        ServiceError: MAINTENANCE.
    """
    if (await current_placement(platform)).moving_to is not None:
        raise _moving("Users are being moved between databases")


def _moving(text: str) -> ServiceError:
    return ServiceError(PLANNED, text, retry_after=MOVED_AFTER_S)

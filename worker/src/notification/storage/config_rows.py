"""The SQL of `user_configs`."""

from collections.abc import Iterable

from notification.compact_json import compact_json
from notification.ports.database import Database, Row, Statement
from notification.storage.capped_count import capped_count, read_page

COLUMNS = (
    "id, user_id, channel_type, config_data, is_active, revision, created_at, updated_at,"
    " deactivated_at, deactivated_reason, endpoint"
)

_ACTIVE = f"""
SELECT {COLUMNS} FROM user_configs
WHERE is_active = 1 AND (user_id, channel_type) IN (
  SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?1))
"""  # noqa: S608 - the columns are a constant of this module

_UPSERT = f"""
INSERT INTO user_configs
  (id, user_id, channel_type, config_data, is_active, revision, created_at, updated_at, endpoint)
VALUES (?7, ?1, ?2, ?3, ?4, 1, ?5, ?5, ?6)
ON CONFLICT (user_id, channel_type) DO UPDATE SET
  config_data = excluded.config_data, is_active = excluded.is_active, endpoint = excluded.endpoint,
  deactivated_at = NULL, deactivated_reason = NULL,
  revision = revision + 1, updated_at = excluded.updated_at
RETURNING {COLUMNS}
"""  # noqa: S608 - the columns are a constant of this module

_REPLACE = f"""
UPDATE user_configs
SET config_data = ?3, is_active = ?4, endpoint = ?6,
  deactivated_at = NULL, deactivated_reason = NULL,
  revision = revision + 1, updated_at = ?5
WHERE id = ?1 AND revision = ?2
RETURNING {COLUMNS}
"""  # noqa: S608 - the columns are a constant of this module


def active_configs(channels: Iterable[tuple[str, str]]) -> Statement:
    """Select the active configurations of some recipients' channels."""
    return Statement(_ACTIVE, (compact_json(list(channels)),))


class ConfigRows:
    """Reads and writes configurations in their sealed form."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, user_id: str, channel: str) -> Row | None:
        """Return the row, active or not."""
        sql = f"SELECT {COLUMNS} FROM user_configs WHERE user_id = ?1 AND channel_type = ?2"  # noqa: S608 - constant columns
        [result] = await self._database.batch([Statement(sql, (user_id, channel))])
        return result.row

    async def upsert(
        self,
        user_id: str,
        channel: str,
        *,
        sealed: str,
        endpoint: str | None,
        is_active: bool,
        now: str,
        new_id: int | None,
    ) -> Row:
        """Create or replace in one statement; revision 1 in the row means created.

        A new row gets the id `new_id`, or one of the database's own.
        """
        values = (user_id, channel, sealed, int(is_active), now, endpoint, new_id)
        statement = Statement(_UPSERT, values)
        [result] = await self._database.batch([statement])
        [row] = result.rows
        return row

    async def replace(
        self,
        row_id: int,
        revision: int,
        *,
        sealed: str,
        endpoint: str | None,
        is_active: bool,
        now: str,
    ) -> Row | None:
        """Replace the very revision that was read; return None if it has changed since."""
        statement = Statement(_REPLACE, (row_id, revision, sealed, int(is_active), now, endpoint))
        [result] = await self._database.batch([statement])
        return result.row

    async def delete(self, user_id: str, channel: str) -> bool:
        """Delete the row, active or not; return whether there was one."""
        sql = "DELETE FROM user_configs WHERE user_id = ?1 AND channel_type = ?2"
        [result] = await self._database.batch([Statement(sql, (user_id, channel))])
        return result.changes > 0

    async def list(
        self, *, user_id: str | None, channel: str | None, limit: int, offset: int
    ) -> tuple[list[Row], int]:
        """Return one page in order of id, inactive ones included, and the total.

        Counting stops one above `MAX_COUNTED`.
        """
        conditions, parameters = [], []
        for column, value in (("user_id", user_id), ("channel_type", channel)):
            if value is not None:
                parameters.append(value)
                conditions.append(f"{column} = ?{len(parameters)}")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""

        def page(columns: str, limit: int, offset: int) -> Statement:
            sql = (
                f"SELECT {columns} FROM user_configs {where} ORDER BY id"  # noqa: S608 - column names are constants, values are bound
                f" LIMIT ?{len(parameters) + 1} OFFSET ?{len(parameters) + 2}"
            )
            return Statement(sql, (*parameters, limit, offset))

        count = Statement(capped_count(f"FROM user_configs {where}"), tuple(parameters))
        return await read_page(
            self._database, page, count, COLUMNS, "user_configs", limit=limit, offset=offset
        )

"""The SQL that shows notifications."""

from datetime import datetime
from typing import NamedTuple

from notification.identity import first_row_id, row_id_of
from notification.ports.database import Database, Row, Statement, Value

COUNT_CAP = 10_000

COLUMNS = (
    "id, message_id, user_id, channel_type, template_key, subject, content, content_type, status,"
    " sent_at, error, last_error_code, retry_count, redrives, attempts, next_retry_at, request_id,"
    " idempotency_key, variables, metadata, created_at, updated_at"
)
# Half of what D1 takes as a number: at the very edge Pyodide makes a bigint, which D1 refuses.
_LEAST_ID = -(2**52)
# Status texts stand in the SQL as literals, because a partial index serves no bound value.
STATUSES = ("pending", "sent", "failed", "retry", "cancelled")


class LogFilter(NamedTuple):
    """What to show; times are ISO texts, both inclusive."""

    user_id: str | None = None
    channel: str | None = None
    status: str | None = None
    template_key: str | None = None
    request_id: str | None = None
    message_id: str | None = None
    start: str | None = None
    end: str | None = None

    def where(self) -> tuple[str, list[Value]]:
        """The condition and its parameters; a range of times is a range of ids."""
        bounds = [*self._equalities(), *self._range()]
        conditions = [text.format(f"?{n}") for n, (text, _) in enumerate(bounds, start=1)]
        if self.status is not None:
            if self.status not in STATUSES:
                raise ValueError(self.status)
            conditions.append(f"status = '{self.status}'")
        if self.message_id is not None and row_id_of(self.message_id) is None:
            conditions.append("substr(message_id, 1, 4) <> 'ntf_'")
        return " AND ".join(conditions), [value for _, value in bounds]

    def _equalities(self) -> list[tuple[str, Value]]:
        row_id = None if self.message_id is None else row_id_of(self.message_id)
        values = (
            ("user_id = {}", self.user_id),
            ("channel_type = {}", self.channel),
            ("template_key = {}", self.template_key),
            ("request_id = {}", self.request_id),
            ("message_id = {}", self.message_id),
            ("id = {}", row_id),
        )
        return [(text, value) for text, value in values if value is not None]

    def _range(self) -> list[tuple[str, Value]]:
        bounds: list[tuple[str, Value]] = []
        if self.start is not None:
            bounds.append(("id >= {}", first_row_id(moment_ms(self.start))))
        elif self.user_id is None and self.message_id is None:
            # Newest first from the end of the primary key, as far as the page needs.
            bounds.append(("id > {}", _LEAST_ID))
        if self.end is not None:
            bounds.append(("id < {}", first_row_id(moment_ms(self.end) + 1)))
        return bounds


def moment_ms(text: str) -> int:
    """An ISO text as milliseconds."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


class LogRows:
    """Reads notifications, newest first."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, chosen: LogFilter, *, limit: int, offset: int) -> tuple[list[Row], int]:
        """One page, and how many there are: counting stops one above `COUNT_CAP`."""
        page, count = list_statements(chosen, limit=limit, offset=offset)
        rows, total = await self._database.batch([page, count])
        return rows.rows, int(total.rows[0]["total"] or 0)

    async def find(self, row_id: int) -> Row | None:
        """The notification with this log id."""
        sql = f"SELECT {COLUMNS} FROM notification_logs WHERE id = ?1"  # noqa: S608 - constant columns
        [result] = await self._database.batch([Statement(sql, (row_id,))])
        return result.rows[0] if result.rows else None


def list_statements(chosen: LogFilter, *, limit: int, offset: int) -> tuple[Statement, Statement]:
    """The page's and the count's statement."""
    where, parameters = chosen.where()
    page = (
        f"SELECT {COLUMNS} FROM notification_logs WHERE {where} ORDER BY id DESC"  # noqa: S608 - built from constants, values are bound
        f" LIMIT ?{len(parameters) + 1} OFFSET ?{len(parameters) + 2}"
    )
    count = (
        f"SELECT COUNT(*) AS total FROM (SELECT 1 FROM notification_logs WHERE {where}"  # noqa: S608 - as above
        f" LIMIT {COUNT_CAP + 1})"
    )
    return Statement(page, (*parameters, limit, offset)), Statement(count, tuple(parameters))

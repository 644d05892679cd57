"""The SQL that shows notifications."""

from collections.abc import Sequence
from typing import NamedTuple

from notification.compact_json import compact_json
from notification.identity import (
    EPOCH_MS,
    IDS_PER_MS,
    first_row_id,
    moment_of,
    moment_of_request,
    row_id_of,
)
from notification.ports.database import Database, Row, Statement, Value
from notification.storage.capped_count import PageStatement, capped_count, read_page
from notification.timestamps import MINUTE_MS, from_iso, iso

MAX_SCANNED = 20_000
"""Notifications that are scanned if no index finds those that are asked for."""

COLUMNS = (
    "id, message_id, user_id, channel_type, template_key, subject, content, content_type, status,"
    " sent_at, error, last_error_code, retry_count, redrives, attempts, next_retry_at, held_until,"
    " send_at, expires_at, request_id, idempotency_key, variables, metadata, created_at, updated_at"
)
BRIEF_COLUMNS = (
    "id, message_id, user_id, channel_type, template_key, subject, status, sent_at, error,"
    " last_error_code, retry_count, redrives, next_retry_at, held_until, send_at,"
    " request_id, created_at, updated_at"
)
"""What a list shows of a notification: neither its text nor its attempts."""

REQUEST_MS = 10 * MINUTE_MS
"""Longer than any request accepts notifications."""
_LAST_MS = 4_102_444_800_000
"""2100: a later time is a caller's random id."""
MAX_CHANGES = 100
"""Rows in one answer about changes, and ids that one call may watch."""
LATE_MS = 2_000
_NEWEST = "SELECT COALESCE(max(id), 0) AS id FROM notification_logs"
_ADDED = f"SELECT {BRIEF_COLUMNS} FROM notification_logs WHERE id > ?1 ORDER BY id DESC LIMIT ?2"  # noqa: S608 - constant columns
_WATCHED = (
    f"SELECT {BRIEF_COLUMNS} FROM notification_logs"  # noqa: S608 - constant columns
    " WHERE id IN (SELECT value FROM json_each(?1))"
)
# Half of what D1 takes as a number: near the limit Pyodide makes a bigint, which D1 refuses.
_MIN_ID = -(2**52)
# Statuses are literals in the SQL, because a partial index serves no bound value.
STATUSES = ("pending", "sent", "failed", "retry", "cancelled")
_INDEXED_STATUSES = ("failed", "retry")


class LogFilter(NamedTuple):
    """What to show.

    Attributes:
        start: the earliest time of acceptance, as ISO text, inclusive.
        end: the latest one, likewise.
        after: the newest id beyond a bounded scan.
    """

    user_id: str | None = None
    channel: str | None = None
    status: str | None = None
    template_key: str | None = None
    request_id: str | None = None
    message_id: str | None = None
    start: str | None = None
    end: str | None = None
    after: int | None = None

    @property
    def walks(self) -> bool:
        """Whether rows must be scanned one by one: a filter is set, and none has an index."""
        if self.user_id is not None or self.message_id is not None:
            return False
        if self.status in _INDEXED_STATUSES:
            return False
        filters = (self.channel, self.status, self.template_key, self.request_id)
        return any(value is not None for value in filters)

    def of_request(self) -> "LogFilter | None":
        """Return this filter for the minutes of the request; None if its id tells no time."""
        came_ms = None if self.request_id is None else moment_of_request(self.request_id)
        if came_ms is None or not EPOCH_MS <= came_ms < _LAST_MS or not self.walks:
            return None
        start, end = iso(came_ms), iso(came_ms + REQUEST_MS)
        return self._replace(
            start=max(filter(None, (start, self.start))), end=min(filter(None, (end, self.end)))
        )

    def where(self) -> tuple[str, list[Value]]:
        """Return the condition and its parameters; a range of times is a range of ids."""
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
        if self.after is not None:
            bounds.append(("id > {}", self.after))
        elif self.start is not None:
            bounds.append(("id >= {}", first_row_id(from_iso(self.start))))
        elif self.user_id is None and self.message_id is None:
            # Reads the primary key backwards, as far as the page needs.
            bounds.append(("id > {}", _MIN_ID))
        if self.end is not None:
            bounds.append(("id < {}", first_row_id(from_iso(self.end) + 1)))
        return bounds


class LogPage(NamedTuple):
    """A page of notifications.

    Attributes:
        counted: how many there are; counting stops one above `MAX_COUNTED`.
        searched_from_ms: the start of the scan, if it didn't reach the start of the range.
    """

    rows: list[Row]
    counted: int
    searched_from_ms: int | None = None


class LogChanges(NamedTuple):
    """Rows with `BRIEF_COLUMNS`, newest first, and the newest id to ask from next time."""

    rows: list[Row]
    newest: int


class LogRows:
    """Reads notifications, newest first."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, chosen: LogFilter, *, limit: int, offset: int) -> LogPage:
        """Return one page; a filter without an index takes one more round trip.

        A request whose id tells its time is looked for there first, however many newer
        notifications there are.
        """
        if (request := chosen.of_request()) is not None:
            page = await self._page(request, limit=limit, offset=offset)
            if page.counted:
                return page
        edge = await self._edge(chosen) if chosen.walks else None
        found = await self._page(chosen._replace(after=edge), limit=limit, offset=offset)
        return found if edge is None else found._replace(searched_from_ms=moment_of(edge))

    async def _page(self, chosen: LogFilter, *, limit: int, offset: int) -> LogPage:
        page, count = _list_statements(chosen)
        rows, total = await read_page(
            self._database,
            page,
            count,
            COLUMNS,
            "notification_logs",
            limit=limit,
            offset=offset,
            newest_first=True,
        )
        return LogPage(rows, total)

    async def _edge(self, chosen: LogFilter) -> int | None:
        """Return the newest row beyond the scan; None if the scan covers the range."""
        [edge] = await self._database.batch([edge_statement(chosen)])
        return max((int(row["id"]) for row in edge.rows), default=None)

    async def changes(self, after: int | None, watched: Sequence[int]) -> "LogChanges":
        """Return the rows above the id `after` and those of `watched`, and the newest id.

        The rows are newest first. All are found by the primary key, so a caller may ask every
        second. Ids that came up to `LATE_MS` before `after` are returned again: isolates that
        accept at the same time write in any order.
        """
        if after is None:
            [newest] = await self._database.batch([Statement(_NEWEST)])
            return LogChanges([], max(int(row["id"]) for row in newest.rows))
        edge = after - LATE_MS * IDS_PER_MS
        added, seen = await self._database.batch(
            [
                Statement(_ADDED, (edge, MAX_CHANGES)),
                Statement(_WATCHED, (compact_json(list(watched)),)),
            ]
        )
        new = {int(row["id"]): row for row in added.rows}
        newest_id = max([after, *new])
        rows = {row_id: new[row_id] for row_id in sorted(new, reverse=True)[:MAX_CHANGES]}
        rows |= {int(row["id"]): row for row in seen.rows}
        return LogChanges([rows[row_id] for row_id in sorted(rows, reverse=True)], newest_id)

    async def find(self, row_id: int) -> Row | None:
        """Return the notification with this log id."""
        sql = f"SELECT {COLUMNS} FROM notification_logs WHERE id = ?1"  # noqa: S608 - constant columns
        [result] = await self._database.batch([Statement(sql, (row_id,))])
        return result.row


def list_statements(chosen: LogFilter, *, limit: int, offset: int) -> tuple[Statement, Statement]:
    """Return the statements for a page and for its count."""
    page, count = _list_statements(chosen)
    return page(COLUMNS, limit, offset), count


def _list_statements(chosen: LogFilter) -> tuple[PageStatement, Statement]:
    where, parameters = chosen.where()
    table = "notification_logs"
    if chosen.status == "retry" and chosen.user_id is None and chosen.message_id is None:
        # The planner would rather scan than sort; the few that wait have an index of their own.
        table += " INDEXED BY idx_notification_due"

    def page(columns: str, limit: int, offset: int) -> Statement:
        sql = (
            f"SELECT {columns} FROM {table} WHERE {where} ORDER BY id DESC"  # noqa: S608 - built from constants, values are bound
            f" LIMIT ?{len(parameters) + 1} OFFSET ?{len(parameters) + 2}"
        )
        return Statement(sql, (*parameters, limit, offset))

    count = capped_count(f"FROM {table} WHERE {where}")
    return page, Statement(count, tuple(parameters))


def edge_statement(chosen: LogFilter) -> Statement:
    """Select the newest notification of the range that lies beyond the first `MAX_SCANNED`."""
    where, parameters = LogFilter(start=chosen.start, end=chosen.end).where()
    return Statement(
        f"SELECT id FROM notification_logs WHERE {where}"  # noqa: S608 - built from constants, values are bound
        f" ORDER BY id DESC LIMIT 1 OFFSET {MAX_SCANNED}",
        tuple(parameters),
    )

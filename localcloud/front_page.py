"""The page at the control plane's root: what exists, and a box for reading queries.

It is rendered here, without scripts. All text that comes from elsewhere goes through `_text`.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cron.expression import CronExpression
from d1.statements import StatementError, split
from localcloud.broker.broker import Broker
from localcloud.clock import VirtualClock
from localcloud.database import Database
from localcloud.desired_state import DesiredState
from localcloud.errors import RuntimeDown
from localcloud.host_client import HostError
from localcloud.log_files import LogFiles
from localcloud.runtime import Runtime

MAX_ROWS = 100
MAX_CELL = 300
MAX_SQL = 10_000
_LOG_LINES = 200
_HOUR_MS = 3_600_000
_WINDOWS_MS = (_HOUR_MS, 24 * _HOUR_MS, 31 * 24 * _HOUR_MS, 366 * 24 * _HOUR_MS)
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:.5rem 0 1.5rem}"
    "td,th{border:1px solid #bbb;padding:.2rem .6rem;text-align:left;vertical-align:top}"
    "textarea{width:100%;font:13px monospace}pre{white-space:pre-wrap;overflow-wrap:anywhere}"
)


@dataclass(frozen=True)
class FrontPage:
    """GET / shows the account, GET /logs what its Workers write."""

    database: Database
    runtime: Runtime
    clock: VirtualClock
    broker: Broker
    desired: DesiredState
    logs: LogFiles

    def routes(self) -> Sequence[Route]:
        """Both pages, from the root."""
        return [
            Route("/", self._show, methods=["GET"]),
            Route("/logs", self._show_logs, methods=["GET"]),
        ]

    async def _show(self, request: Request) -> Response:
        state = "" if self.runtime.up else "<p><strong>The runtime is restarting.</strong></p>"
        parts = [
            state,
            f"<p>{_text(self.clock.timestamp())} by its clock. <a href='/logs'>Live log</a></p>",
            _table("Workers", ("name", "address", "version", "traffic"), self._workers()),
            _table("D1 databases", ("name", "id"), self._rows("d1_databases", "name", "uuid")),
            await self._query(request),
            _table("KV namespaces", ("title", "id"), self._rows("kv_namespaces", "title", "id")),
            _table(
                "Queues",
                ("name", "messages", "in flight", "consumer"),
                self._queues(),
            ),
            _table("Cron triggers", ("Worker", "cron", "last run", "next run"), self._crons()),
        ]
        return _page("The local cloud", "".join(parts))

    async def _show_logs(self, _: Request) -> Response:
        lines = [
            f"{line.get('timestamp', '')} {line.get('script', '')} {line.get('level', '')} "
            f"{line.get('message', '')}"
            for line in self.logs.newest(limit=_LOG_LINES)
        ]
        body = "\n".join(_text(line, limit=2000) for line in reversed(lines))
        shown = f"<p><a href='/'>Everything</a></p><pre>{body or 'Nothing was written yet.'}</pre>"
        return _page("Live log", shown, refresh=True)

    def _rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        names = ", ".join(columns)
        sql = f"SELECT {names} FROM {table} ORDER BY {columns[0]}"  # noqa: S608  names from above
        return [tuple(row) for row in self.database.rows(sql)]

    def _workers(self) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for row in self.database.rows("SELECT name, subdomain FROM workers ORDER BY name"):
            enabled = json.loads(row["subdomain"])["enabled"]
            address = f"http://{row['name']}.localhost:{self.runtime.edge_port}" if enabled else ""
            split_ = self.desired.split(row["name"])
            found.extend(
                (row["name"], address, version, f"{share:g} %") for version, share in split_
            )
            if not split_:
                found.append((row["name"], address, "", "not deployed"))
        return found

    def _queues(self) -> list[tuple[Any, ...]]:
        consumers = {
            row["queue_id"]: row["script_name"]
            for row in self.database.rows("SELECT queue_id, script_name FROM queue_consumers")
        }
        return [
            (
                queue["queue_name"],
                queue["backlog_count"],
                queue["in_flight"],
                consumers.get(queue["queue_id"], ""),
            )
            for queue in self.broker.backlogs()
        ]

    def _crons(self) -> list[tuple[Any, ...]]:
        rows = self.database.rows(
            "SELECT w.name, s.cron, (SELECT MAX(f.fired_ms) FROM cron_firings f "
            "WHERE f.script = w.name AND f.cron = s.cron) AS last_ms "
            "FROM schedules s JOIN workers w ON w.id = s.worker_id ORDER BY w.name, s.position"
        )
        now_ms = self.clock.now_ms()
        return [
            (row["name"], row["cron"], _time(row["last_ms"]), _time(next_run(row["cron"], now_ms)))
            for row in rows
        ]

    async def _query(self, request: Request) -> str:
        """The box for a query, and the rows of the one that was asked."""
        chosen = request.query_params.get("database", "")
        sql = request.query_params.get("sql", "")
        options = "".join(
            f"<option value='{_text(uuid)}'{' selected' if uuid == chosen else ''}>"
            f"{_text(name)}</option>"
            for name, uuid in self._rows("d1_databases", "name", "uuid")
        )
        if not options:
            return ""
        form = (
            f"<form><select name='database'>{options}</select> "
            f"<button>Read</button><textarea name='sql' rows='3'>{_text(sql, limit=MAX_SQL)}"
            "</textarea></form>"
        )
        return form + (await self._answer(chosen, sql) if sql.strip() else "")

    async def _answer(self, database_id: str, sql: str) -> str:
        if len(sql) > MAX_SQL:
            return f"<p>A query has at most {MAX_SQL} characters.</p>"
        if not self.database.row("SELECT 1 FROM d1_databases WHERE uuid = ?", database_id):
            return "<p>There is no such database.</p>"
        try:
            statements = split(sql)
            if len(statements) > 1:
                return "<p>Ask one query at a time.</p>"
            # Only a query can stand in these brackets, so nothing is ever written.
            wrapped = f"SELECT * FROM (\n{statements[0]}\n) LIMIT {MAX_ROWS}"  # noqa: S608
            client = await self.runtime.client()
            asked = [{"sql": wrapped, "params": []}]
            (found,) = await client.query(database_id, asked, columns=True)
        except (StatementError, HostError, RuntimeDown) as error:
            return f"<p><strong>{_text(error)}</strong></p>"
        rows = found["results"]
        return _table("", rows["columns"], rows["rows"])


def next_run(cron: str, now_ms: int) -> int | None:
    """Return the first minute after now in which an expression fires, None within a year."""
    expression = CronExpression.parse(cron)
    for window_ms in _WINDOWS_MS:
        until_ms, found = now_ms + window_ms, None
        while (run_ms := expression.latest(now_ms, until_ms)) is not None:
            found, until_ms = run_ms, run_ms - 1
        if found is not None:
            return found
    return None


def _page(title: str, body: str, *, refresh: bool = False) -> HTMLResponse:
    again = "<meta http-equiv='refresh' content='3'>" if refresh else ""
    return HTMLResponse(
        f"<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'>{again}"
        f"<title>{title}</title><style>{_STYLE}</style></head>"
        f"<body><h1>{title}</h1>{body}</body></html>",
        headers=_HEADERS,
    )


def _table(title: str, names: Iterable[Any], rows: Sequence[Iterable[Any]]) -> str:
    heading = f"<h2>{_text(title)}</h2>" if title else ""
    if not rows:
        return f"{heading}<p>None.</p>"
    head = "".join(f"<th>{_text(name)}</th>" for name in names)
    body = "".join(
        f"<tr>{''.join(f'<td>{_text(value)}</td>' for value in row)}</tr>" for row in rows
    )
    return f"{heading}<table><tr>{head}</tr>{body}</table>"


def _text(value: Any, *, limit: int = MAX_CELL) -> str:
    """Anything as text that is safe in an element and in an attribute."""
    text = "" if value is None else str(value)
    return html.escape(text if len(text) <= limit else text[:limit] + "…", quote=True)


def _time(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "never"
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.strftime("%Y-%m-%d %H:%M UTC")

"""A read-only browser of a database's tables, on this machine."""

from __future__ import annotations

import hmac
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from ops.database.stack_database import StackDatabase
from ops.database.tables import quoted, table_names
from ops.stacks.errors import OperationError, UsageError

PAGE = 50
_LONGEST = 200
_HEADERS = {
    # No script, nothing from elsewhere, in no frame: what is shown is other people's data.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_STYLE = (
    "body{font:14px/1.5 system-ui,sans-serif;margin:2rem;color-scheme:light dark}"
    "table{border-collapse:collapse}th,td{text-align:left;padding:.25rem .75rem;"
    "border-bottom:1px solid #8884;vertical-align:top;max-width:32rem;overflow-wrap:anywhere}"
    "th{position:sticky;top:0;background:Canvas}nav a{margin-right:1rem}i{opacity:.6}"
)


class Studio:
    """Serves pages of the tables; every address holds a random key, so that no other page guesses.

    Only SELECT statements made here are ever run, and names come from the schema itself.
    """

    def __init__(self, database: StackDatabase) -> None:
        self._database = database
        self._key = secrets.token_urlsafe(16)

    def application(self) -> Starlette:
        """The pages: ``/KEY/`` and ``/KEY/TABLE?page=N``."""
        return Starlette(
            routes=[
                Route("/{key}/", self._index),
                Route("/{key}/{table}", self._table),
            ],
            exception_handlers={OperationError: _failed},
        )

    def serve(self, port: int, *, ready: Callable[[str], None]) -> None:
        """Serve on 127.0.0.1 until interrupted; ``ready`` gets the address.

        Raises:
            UsageError: the port is taken.
        """
        import uvicorn

        listener = socket.socket()
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            raise UsageError(f"Port {port} is taken. Give another one by --port.") from None
        ready(f"http://127.0.0.1:{listener.getsockname()[1]}{self.path}")
        config = uvicorn.Config(self.application(), log_level="error", lifespan="off")
        uvicorn.Server(config).run(sockets=[listener])

    @property
    def path(self) -> str:
        """The first page's path."""
        return f"/{self._key}/"

    def _index(self, request: Request) -> Response:
        if not self._is_known(request):
            return PlainTextResponse("Not found", status_code=404)
        names = table_names(self._database)
        counts = self._database.batch(
            # The names are the schema's own.
            [f"SELECT count(*) AS n FROM {quoted(name)}" for name in names]  # noqa: S608
        )
        rows = [
            {"table": name, "rows": found[0]["n"]}
            for name, found in zip(names, counts, strict=True)
        ]
        links = {name: f"{self.path}{name}" for name in names}
        return self._page("Tables", _table(["table", "rows"], rows, links))

    def _table(self, request: Request) -> Response:
        name = str(request.path_params["table"])
        if not self._is_known(request) or name not in table_names(self._database):
            return PlainTextResponse("Not found", status_code=404)
        text = request.query_params.get("page", "1")
        page = int(text) if text.isdecimal() and 1 <= int(text) <= 10**6 else 1
        rows = self._database.query(
            f"SELECT * FROM {quoted(name)} ORDER BY 1 DESC "  # noqa: S608  a name of the schema
            f"LIMIT {PAGE + 1} OFFSET {(page - 1) * PAGE}"
        )
        columns = list(rows[0]) if rows else []
        links = [f'<a href="{self.path}">Tables</a>']
        for title, other, there in (
            ("Newer", page - 1, page > 1),
            ("Older", page + 1, len(rows) > PAGE),
        ):
            if there:
                address = f"{self.path}{name}?{urlencode({'page': other})}"
                links.append(f'<a href="{escape(address)}">{title}</a>')
        body = f"<nav>{' '.join(links)}</nav>{_table(columns, rows[:PAGE], {})}"
        return self._page(name, body)

    def _is_known(self, request: Request) -> bool:
        given = str(request.path_params["key"])
        return hmac.compare_digest(given.encode(), self._key.encode())

    def _page(self, title: str, body: str) -> Response:
        heading = escape(f"{title} · {self._database.stack}")
        return HTMLResponse(
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{heading}</title>'
            f"<style>{_STYLE}</style><h1>{heading}</h1>{body}</html>",
            headers=_HEADERS,
        )


def _table(
    columns: Sequence[str], rows: Sequence[Mapping[str, Any]], links: Mapping[str, str]
) -> str:
    if not rows:
        return "<p>No rows.</p>"
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    lines = [
        "<tr>" + "".join(f"<td>{_cell(row[name], links)}</td>" for name in columns) + "</tr>"
        for row in rows
    ]
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _cell(value: Any, links: Mapping[str, str]) -> str:
    if value is None:
        return "<i>NULL</i>"
    text = str(value)
    shown = escape(text if len(text) <= _LONGEST else text[:_LONGEST] + " …")
    return f'<a href="{escape(links[text])}">{shown}</a>' if text in links else shown


def _failed(_: Request, error: Exception) -> Response:
    return PlainTextResponse(str(error), status_code=502, headers=_HEADERS)

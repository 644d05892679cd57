"""A browser of a snapshot's tables, on this machine: Datasette behind one login."""

from __future__ import annotations

import secrets
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from d1.statements import StatementError
from ops.database.backup_file import BackupFile, now
from ops.database.d1_transfer import D1Transfer, Told, untold
from ops.database.dump import run_file
from ops.database.stack_database import StackDatabase
from ops.stacks.errors import OperationError, UsageError

if TYPE_CHECKING:
    import uvicorn

# Nothing from elsewhere, and in no frame: what is shown is other people's data.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


@dataclass(frozen=True)
class Snapshot:
    """A database as it was at one moment.

    Attributes:
        stack: the stack that it was taken from.
        taken_at: when, in UTC.
        sql: a file with the database as SQL.
        name: what it is shown as; the stack if left out.
    """

    stack: str
    taken_at: datetime
    sql: Path
    name: str = ""

    @property
    def shown_as(self) -> str:
        """What it is called beside others, in the pages and their paths."""
        return self.name or self.stack

    @classmethod
    def taken_now(cls, database: StackDatabase, sql: Path, told: Told = untold) -> Snapshot:
        """Export the database into a file. D1 answers no query meanwhile.

        Raises:
            OperationError: the export failed.
        """
        taken_at = now()
        D1Transfer(database.account, database.database_id).export(sql, told)
        return cls(database.stack, taken_at, sql)

    @classmethod
    def of_backup(cls, backup: BackupFile, sql: Path, passphrase: str | None) -> Snapshot:
        """Write a backup's dump into a file. Raises as ``BackupFile.unpack``."""
        backup.unpack(sql, passphrase)
        return cls(backup.stack, backup.taken_at, sql)

    def described(self, at: datetime | None = None) -> str:
        """Say whose snapshot it is and how old it is at a moment, now if left out.

        >>> taken = datetime(2026, 11, 29, 5, 0, tzinfo=UTC)
        >>> Snapshot("local", taken, Path()).described(datetime(2026, 11, 29, 7, 30, tzinfo=UTC))
        "snapshot of 'local', taken 2026-11-29 05:00 UTC, 2 hours old"
        """
        seconds = max(0, int(((at or datetime.now(UTC)) - self.taken_at).total_seconds()))
        size, unit = next(
            (size, unit)
            for size, unit in ((86_400, "day"), (3600, "hour"), (60, "minute"), (0, "second"))
            if seconds >= 2 * size
        )
        age = f"{seconds // size} {unit}s" if size else f"{seconds} seconds"
        return f"snapshot of '{self.stack}', taken {self.taken_at:%Y-%m-%d %H:%M} UTC, {age} old"

    def load(self, connection: sqlite3.Connection) -> None:
        """Run it in an empty database.

        Raises:
            OperationError: it doesn't load.
        """
        try:
            run_file(connection, self.sql)
        except (sqlite3.Error, StatementError, UnicodeDecodeError) as error:
            raise OperationError(
                f"The snapshot doesn't load ({type(error).__name__}): it is damaged. Take another "
                "one."
            ) from None


def described_together(snapshots: Sequence[Snapshot]) -> str:
    """Say whose the snapshots are, and how old the oldest is."""
    oldest = min(snapshots, key=lambda snapshot: snapshot.taken_at).described()
    if len(snapshots) == 1:
        return oldest
    return f"{len(snapshots)} databases, the oldest one a {oldest}"


class Studio:
    """Serves Datasette on 127.0.0.1; only the browser that opens the address once gets in.

    Several databases of a stack stand beside each other, each under its name.

    The address holds a random key that is good for one login, and the login is a cookie that is
    signed for this run. So neither another user of the machine nor a page from elsewhere sees the
    data. It is shown from a file beside the snapshot, so that a large one needs little memory.

    Args:
        snapshots: what is shown; whoever made their files removes the folder.

    Raises:
        OperationError: a snapshot doesn't load.
    """

    def __init__(self, *snapshots: Snapshot) -> None:
        # Here, since no other command of 'notifyctl db' should wait for it and hold it in memory.
        from datasette.app import Datasette
        from datasette.database import Database
        from datasette.plugins import pm

        # With rich it prints a traceback and the rows in it for every mistake in a page's SQL.
        pm.get_plugin("datasette.handle_exception").rich = None
        self._key = secrets.token_urlsafe(32)
        files = {}
        for snapshot in snapshots:
            files[snapshot.shown_as] = file = snapshot.sql.with_suffix(".sqlite")
            with closing(sqlite3.connect(file, isolation_level=None)) as connection:
                file.chmod(0o600)
                snapshot.load(connection)
        described = described_together(snapshots)
        datasette = Datasette(
            metadata={
                "title": described[0].upper() + described[1:],
                # Stands at the foot of the lists and the tables.
                "about": described,
                "about_url": "/",
                "allow": {"id": "root"},
            },
            secret=secrets.token_hex(32),
        )
        # What 'datasette --root' sets: the key of '/-/auth-token', taken away by its first use.
        datasette._root_token = self._key
        for name, file in files.items():
            shown = Database(datasette, path=str(file), is_mutable=True)
            datasette.add_database(shown, name=name)
        self.application: ASGIApp = _with_headers(datasette.app())

    @property
    def path(self) -> str:
        """The path that logs in."""
        return f"/-/auth-token?token={self._key}"

    def serve(self, port: int, *, ready: Callable[[str], None]) -> None:
        """Serve until Ctrl-C, SIGTERM or a lost terminal; ``ready`` gets the address.

        Raises:
            UsageError: the port is taken.
        """
        import uvicorn

        with closing(socket.socket()) as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                raise UsageError(f"Port {port} is taken. Give another one by --port.") from None
            listener.listen()  # whoever opens the address at once waits instead of being refused
            config = uvicorn.Config(self.application, log_level="error", lifespan="on")
            server = uvicorn.Server(config)
            with _ended_by_signals(server):
                ready(f"http://127.0.0.1:{listener.getsockname()[1]}{self.path}")
                server.run(sockets=[listener])


@contextmanager
def _ended_by_signals(server: uvicorn.Server) -> Iterator[None]:
    """Let a signal end the server in order, even before it serves.

    Uvicorn listens to signals only while it serves, and raises what it heard again afterwards. An
    exception in its event loop is logged with a stack trace.
    """
    usual = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if (handler := signal.getsignal(number)) is not signal.SIG_IGN
    }
    try:
        for number in usual:
            signal.signal(number, server.handle_exit)
        yield
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)


def _with_headers(app: ASGIApp) -> ASGIApp:
    async def answering(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                has = {name.lower() for name, _ in message["headers"]}
                added = [(name, value) for name, value in _HEADERS if name not in has]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await app(scope, receive, sending)

    return answering

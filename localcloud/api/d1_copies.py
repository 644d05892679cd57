"""The copies of D1 databases that time travel returns to, and files that take a database's place.

A small import is one call of workerd. A larger one runs on a copy of the database's file, which
then takes its place: one call takes at most 32 MiB. Until then the database's queries wait, as D1's
do while it imports.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from d1.statements import StatementError, split
from localcloud import d1_dump
from localcloud.api import d1_load
from localcloud.api.envelope import ApiError
from localcloud.api.resources import Account
from localcloud.host_client import HostError

_MALFORMED = 7400
_SQL_ERROR = 7500
_KEPT_BOOKMARKS = 20
_ONE_CALL_BYTES = 4 * 1024 * 1024
_ONE_CALL_STATEMENTS = 20_000
"""workerd's RPC takes 32 MiB, answers included; one statement's is about 300 bytes."""


class D1Copies:
    """What happens to the files of an account's databases."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._replacing: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def file(self, uuid: str) -> Path:
        """The file of a database; it is there."""
        client = await self._account.runtime.client()
        # One that was never asked has no file yet.
        await client.query(uuid, [{"sql": "SELECT 1", "params": []}])
        return (await client.files(uuid)).file

    async def keep(self, uuid: str, *, beside: str = "") -> str:
        """Keep a copy of the database as it is and return the bookmark of it.

        The oldest copies go, but for that of the bookmark `beside`.
        """
        source = await self.file(uuid)
        bookmark = new_bookmark(self._account.clock.now_ms())
        folder = self._folder(uuid)
        part = folder / f"{bookmark}.part"
        try:
            await asyncio.to_thread(d1_dump.copy, source, part)
            part.rename(folder / f"{bookmark}.sqlite")
        finally:
            part.unlink(missing_ok=True)
        for old in self.kept(uuid)[:-_KEPT_BOOKMARKS]:
            if old != beside:
                self._path(uuid, old).unlink(missing_ok=True)
        return bookmark

    def kept(self, uuid: str) -> list[str]:
        """The bookmarks of a database, oldest first."""
        return sorted(path.stem for path in self._folder(uuid).glob("*.sql*"))

    def before(self, uuid: str, timestamp: str) -> str:
        """The last bookmark at or before an ISO 8601 time, which is UTC where it names no zone."""
        try:
            moment = datetime.fromisoformat(timestamp)
        except ValueError:
            raise ApiError(400, _MALFORMED, "timestamp must be an ISO 8601 time.") from None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        limit = f"{int(moment.timestamp() * 1000):016x}"
        earlier = [name for name in self.kept(uuid) if name.partition("-")[0] <= limit]
        if not earlier:
            raise ApiError(400, _MALFORMED, "There is no bookmark at or before that time.")
        return earlier[-1]

    async def restore(self, uuid: str, bookmark: str) -> str:
        """Return a database to a bookmark; the answer is the bookmark of what was there before."""
        if bookmark not in self.kept(uuid):
            raise ApiError(400, _MALFORMED, "There is no such bookmark.")
        kept = self._path(uuid, bookmark)
        before = await self.keep(uuid, beside=bookmark)

        def make(_file: Path, target: Path) -> None:
            if kept.suffix == ".sql":  # of an earlier local cloud
                d1_load.load(target, kept, lambda _count, _read: None)
            else:
                shutil.copyfile(kept, target)

        await self._replace(uuid, make)
        return before

    async def ingest(
        self, uuid: str, path: Path, told: Callable[[str], None]
    ) -> tuple[int, dict[str, Any]]:
        """Run a file of SQL as one transaction; returns how many statements, and their sums."""
        try:
            if (found := await asyncio.to_thread(_small, path)) is not None:
                return await self._run(uuid, found)
            return await self._load(uuid, path, told)
        except UnicodeDecodeError as error:
            raise ApiError(400, _MALFORMED, "The uploaded file isn't UTF-8 text.") from error
        except (StatementError, d1_load.LoadRefused) as error:
            raise ApiError(400, _SQL_ERROR, str(error)) from error

    def forget(self, uuid: str) -> None:
        """Remove the kept copies of a database that is gone."""
        shutil.rmtree(self._folder(uuid), ignore_errors=True)

    async def _load(
        self, uuid: str, path: Path, told: Callable[[str], None]
    ) -> tuple[int, dict[str, Any]]:
        size = path.stat().st_size  # noqa: ASYNC240  one call, of a file that is there
        loaded: list[d1_load.Loaded] = []

        def say(count: int, read: int) -> None:
            told(f"Ran {count} statements, {min(99, read * 100 // size)} % of the file.")

        def make(file: Path, target: Path) -> None:
            d1_dump.copy(file, target)
            loaded.append(d1_load.load(target, path, say))

        await self._replace(uuid, make)
        (done,) = loaded
        return done.statements, {
            "served_by": "local",
            "rows_written": done.changes,
            "changes": done.changes,
            "changed_db": done.changes > 0,
            "size_after": (await self.file(uuid)).stat().st_size,
        }

    async def _run(self, uuid: str, statements: Sequence[str]) -> tuple[int, dict[str, Any]]:
        """Run statements as one transaction; returns how many, and their sums."""
        client = await self._account.runtime.client()
        try:
            results = await client.query(uuid, [{"sql": sql, "params": []} for sql in statements])
        except HostError as error:
            if error.code == "sql_error":
                raise ApiError(400, _SQL_ERROR, error.message) from error
            raise
        metas = [result["meta"] for result in results]
        sums = {
            name: sum(meta.get(name, 0) for meta in metas)
            for name in ("rows_read", "rows_written", "changes", "duration")
        }
        last = metas[-1]
        return len(statements), {
            "served_by": "local",
            **sums,
            "changed_db": any(meta.get("changed_db") for meta in metas),
            "last_row_id": last.get("last_row_id", 0),
            "size_after": last.get("size_after", 0),
        }

    async def _replace(self, uuid: str, make: Callable[[Path, Path], None]) -> None:
        """Put another file in a database's place, whole or not at all; its queries wait meanwhile.

        `make` gets the database's file and the path where the other one is to be.
        """
        client = await self._account.runtime.client()
        async with self._replacing[uuid]:
            made = False
            try:
                found = await client.hold(uuid)
                await asyncio.to_thread(make, found.file, found.next)
                made = True
            finally:
                await client.release(uuid, swap=made)

    def _path(self, uuid: str, bookmark: str) -> Path:
        text = self._folder(uuid) / f"{bookmark}.sql"
        return text if text.exists() else text.with_suffix(".sqlite")

    def _folder(self, uuid: str) -> Path:
        path = self._account.home.cloud / "d1-bookmarks" / uuid
        path.mkdir(parents=True, mode=0o700, exist_ok=True)
        return path


def _small(path: Path) -> list[str] | None:
    """The statements of a file that one call of workerd takes, None of a larger one."""
    if path.stat().st_size > _ONE_CALL_BYTES:
        return None
    # As bytes: reading as text would turn the line ends inside of values into other ones.
    found = split(path.read_bytes().decode("utf-8"))
    return found if len(found) <= _ONE_CALL_STATEMENTS else None


def new_bookmark(now_ms: int) -> str:
    """An id that sorts by time, in the shape of D1's: groups of hexadecimal digits."""
    return f"{now_ms:016x}-{secrets.token_hex(4)}-{secrets.token_hex(16)}"

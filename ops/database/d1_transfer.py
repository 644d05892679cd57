"""Whole databases in and out of D1, and back in time, by the account's own means.

Source: Cloudflare API reference, D1: "Export D1 Database as SQL", "Import SQL into your D1
Database", and the time-travel endpoints.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import httpx

from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError

if TYPE_CHECKING:
    from cloudflare.types.d1 import DatabaseExportResponse, DatabaseImportResponse

_POLLS = 600
_POLL_SECONDS = 1.0
_CHUNK = 1 << 20
_MD5 = partial(hashlib.md5, usedforsecurity=False)
_TIMEOUT = httpx.Timeout(300.0, connect=10.0)


Told = Callable[[str], None]
"""Hears how far a transfer is, with its total: ``sent 12 of 430 MB``."""


def untold(_text: str) -> None:
    """Tell nobody how far a transfer is."""


@dataclass(frozen=True)
class D1Transfer:
    """Exports, imports and time travel of one database. D1 answers no query meanwhile.

    Attributes:
        account: where the database lies.
        database_id: its UUID.
    """

    account: StackAccount
    database_id: str

    def export(self, to: Path, told: Told = untold) -> None:
        """Write the whole database as SQL, as of one moment, into a file.

        Raises:
            OperationError: the export failed, or took longer than ten minutes.
        """
        bookmark = ""
        for _ in range(_POLLS):
            found = self._ask_export(bookmark)
            if found.status == "complete" and found.result is not None:
                with self.account.understood("export the database"):
                    url = str(found.result.signed_url)
                self._download(url, to, told)
                return
            if found.status == "error":
                raise OperationError(f"The export failed: {found.error or 'no reason given'}.")
            _tell(found.messages, told)
            bookmark = found.at_bookmark or ""
            time.sleep(_POLL_SECONDS)
        raise OperationError("The export wasn't done after ten minutes. Try again later.")

    def ingest(self, sql: Path, told: Told = untold) -> None:
        """Run a file of SQL as a whole; a failure leaves the database as it was.

        Raises:
            OperationError: the import was refused, or took longer than ten minutes.
        """
        # The API identifies an upload by its MD5; nothing here takes it for a proof.
        etag = _md5(sql)
        begun = self._ask_import("init", etag=etag)
        if begun.upload_url:
            self._upload(begun.upload_url, sql, told)
        found = self._ask_import("ingest", etag=etag, filename=begun.filename or "")
        for _ in range(_POLLS):
            if found.status == "complete":
                return
            if found.status == "error":
                raise OperationError(
                    f"The import failed: {found.error or 'no reason given'}. The database is as it "
                    "was before."
                )
            _tell(found.messages, told)
            time.sleep(_POLL_SECONDS)
            found = self._ask_import("poll", current_bookmark=found.at_bookmark or "")
        raise OperationError(
            "The import wasn't done after ten minutes. 'notifyctl db status' shows what is there."
        )

    def bookmark(self, at: str | None = None) -> str:
        """Return the time-travel bookmark of now, or of an ISO 8601 time."""
        from cloudflare import omit

        found = self.account.ask(
            "give a time-travel bookmark",
            lambda client: client.d1.database.time_travel.get_bookmark(
                self.database_id, account_id=self.account.account_id, timestamp=at or omit
            ),
        )
        with self.account.understood("give a time-travel bookmark"):
            bookmark = found.bookmark if found is not None else None
        if not bookmark:
            raise OperationError("The account gave no bookmark: it has no time travel.")
        return bookmark

    def travel(self, bookmark: str) -> str:
        """Return to a bookmark; the answer is the bookmark that undoes it."""
        found = self.account.ask(
            "return to the bookmark",
            lambda client: client.d1.database.time_travel.restore(
                self.database_id, account_id=self.account.account_id, bookmark=bookmark
            ),
        )
        before = getattr(found, "previous_bookmark", None)
        if not before:
            raise OperationError("The account doesn't say whether it went back. Check the data.")
        return str(before)

    def _ask_export(self, bookmark: str) -> DatabaseExportResponse:
        from cloudflare import omit

        found = self.account.ask(
            "export the database",
            lambda client: client.d1.database.export(
                self.database_id,
                account_id=self.account.account_id,
                output_format="polling",
                current_bookmark=bookmark or omit,
            ),
        )
        if found is None or not hasattr(found, "status"):
            raise OperationError("The export was answered in a form that isn't known. Try again.")
        return found

    def _ask_import(
        self, action: Literal["init", "ingest", "poll"], **fields: str
    ) -> DatabaseImportResponse:
        found = self.account.ask(
            "import into the database",
            # The client's overloads want each action's fields by name; the API checks them too.
            lambda client: client.d1.database.import_(  # type: ignore[call-overload]
                self.database_id, account_id=self.account.account_id, action=action, **fields
            ),
        )
        if not hasattr(found, "status"):
            raise OperationError("The import was answered in a form that isn't known. Try again.")
        return found  # type: ignore[no-any-return]

    def _download(self, url: str, to: Path, told: Told) -> None:
        with self._transferred(), self._client() as client, client.stream("GET", url) as answer:
            answer.raise_for_status()
            length = answer.headers.get("content-length", "")
            size = int(length) if length.isdecimal() else 0
            with to.open("wb") as file:
                for chunk in answer.iter_bytes(_CHUNK):
                    file.write(chunk)
                    told(f"received {progress(file.tell(), size)}")

    def _upload(self, url: str, path: Path, told: Told) -> None:
        size = path.stat().st_size

        def content() -> Iterator[bytes]:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    yield chunk
                    told(f"sent {progress(file.tell(), size)}")

        # With its length, as a store of objects wants it.
        headers = {"Content-Length": str(size)}
        with self._transferred(), self._client() as client:
            client.put(url, content=content(), headers=headers).raise_for_status()

    def _client(self) -> httpx.Client:
        return httpx.Client(timeout=_TIMEOUT, trust_env=not self.account.is_local)

    @contextmanager
    def _transferred(self) -> Iterator[None]:
        try:
            yield
        except httpx.HTTPStatusError as error:
            raise OperationError(
                f"The transfer was refused with {error.response.status_code}. Try again."
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OperationError(
                f"The transfer broke off ({type(error).__name__}). Try again."
            ) from None


def _tell(messages: object, told: Told) -> None:
    if isinstance(messages, list) and messages:
        told(str(messages[-1]))


def progress(done: int, total: int) -> str:
    """Return ``1 of 2 MB``, or ``1 MB`` where the whole isn't known."""
    of = f" of {total / 1e6:,.0f}" if total else ""
    return f"{done / 1e6:,.0f}{of} MB"


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, _MD5).hexdigest()

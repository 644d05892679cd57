"""One D1 database over Cloudflare's v4 REST API.

Source: Cloudflare API reference, "Query D1 Database": POST
/accounts/{account_id}/d1/database/{database_id}/query with `batch`, which is one transaction.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from infra.access.permission import Permission
from infra.account_api import TOKEN_VARIABLE
from infra.migrations.errors import D1Refused, D1SqlError, D1Unavailable, RowsLost
from infra.retries import retrying
from infra.settings.values import is_loopback

Row = Mapping[str, Any]

ATTEMPTS = 5
retry_unavailable = retrying(D1Unavailable, attempts=ATTEMPTS, first_wait=1.0, longest_wait=8.0)
"""Repeats a call that may be made twice, while the API gives no answer."""

_SQL_ERROR_CODE = 7500

LOST_ROWS = "rows lost: "
"""Begins the text, then a JSON list of tables, that a guard lets a batch fail with."""

_LOST = re.compile(re.escape(LOST_ROWS) + r"(\[.*?\])(?:'|$)")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


@dataclass(frozen=True)
class Statement:
    """One SQL statement with its parameters, which the API takes as strings only."""

    sql: str
    params: tuple[str, ...] = ()


class D1Database:
    """Runs batches of statements; each batch is carried out as a whole or not at all.

    The API token is the one given, or else read from the environment at each call and never kept.
    Timeouts are in seconds; D1 itself ends a query after 30.
    """

    def __init__(
        self,
        *,
        account_id: str,
        database_id: str,
        base_url: str,
        token: str | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._token = token
        self._path = f"{base_url}/accounts/{account_id}/d1/database/{database_id}/query"
        # A proxy from the environment can't reach this machine's loopback address.
        self._client = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(60.0, connect=10.0),
            trust_env=not is_loopback(base_url),
        )

    def __enter__(self) -> "D1Database":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def batch(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run all statements in one transaction and return each one's rows.

        Raise D1SqlError where the database refused one, D1Refused where the API refused the call,
        D1Unavailable where nobody knows whether the batch was carried out.
        """
        token = self._token or os.environ.get(TOKEN_VARIABLE)
        if not token:
            raise D1Refused(
                f"There is no API token: set the environment variable {TOKEN_VARIABLE}.", status=401
            )
        body = {"batch": [{"sql": s.sql, "params": list(s.params)} for s in statements]}
        headers = {"Authorization": f"Bearer {token}"}
        try:
            with self._client.stream("POST", self._path, json=body, headers=headers) as response:
                # Not by `read`: a response refers to itself, so that its content would stay in
                # memory until Python looks for such circles. A hundred pages are half a gigabyte.
                answer = json.loads(b"".join(response.iter_bytes()))
        except httpx.HTTPError as error:
            raise D1Unavailable(
                f"Cloudflare's API gave no answer ({type(error).__name__}). Try again."
            ) from None
        except ValueError:
            raise _unavailable(response.status_code) from None
        if response.status_code == 200 and isinstance(answer, dict) and answer.get("success"):
            return _rows(answer, len(statements))
        raise _refusal(response.status_code, answer)


def _rows(answer: Mapping[str, Any], wanted: int) -> list[list[Row]]:
    """Each statement's rows; an answer that holds less than was asked for tells nothing."""
    parts = answer.get("result")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise _unavailable(200)
    found = [part.get("results") for part in parts]
    rows = [one for one in found if isinstance(one, list) and all(isinstance(r, dict) for r in one)]
    if len(rows) != len(found) or len(rows) < wanted:
        raise _unavailable(200)
    return rows


def _refusal(status: int, answer: Any) -> Exception:
    errors = answer.get("errors") if isinstance(answer, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else {}
    if not isinstance(first, dict):
        first = {}
    reason = _without_data(str(first.get("message", "")))
    if status == 429 or status >= 500 or not first:
        return _unavailable(status, f"code {first['code']}: {reason}" if first.get("code") else "")
    if first.get("code") == _SQL_ERROR_CODE:
        return _sql_error(str(first.get("message", "")), reason)
    advice = (
        f"Check that {TOKEN_VARIABLE} may edit D1 in this account ({Permission.D1_WRITE.shown})."
        if status in (401, 403)
        else "Compare the stack's database with the account's, by `pulumi refresh`."
    )
    return D1Refused(
        f"Cloudflare refused the query: {reason} (HTTP {status}, code {first.get('code')}). "
        f"{advice}",
        status=status,
    )


def _sql_error(message: str, reason: str) -> D1SqlError:
    found = _LOST.search(message)
    if found is None:
        return D1SqlError(reason)
    try:
        names = json.loads(found[1])
    except ValueError:
        names = []
    return RowsLost(tuple(map(str, names)))


def _unavailable(status: int, reason: str = "") -> D1Unavailable:
    said = f", {reason}" if reason else " and nothing else"
    return D1Unavailable(f"Cloudflare's API answered HTTP {status}{said}. Try again.")


def _without_data(message: str) -> str:
    """Return the database's reason without quoted text, which may be SQL or somebody's data."""
    return _QUOTED.sub("…", message).strip().rstrip(".")[:200]

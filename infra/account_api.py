"""Calls of Cloudflare's API with the token of the deployment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import httpx

from infra.access.calls import permission_of
from infra.pages import MAX_PAGES, EndlessList, NoList, all_items
from infra.retries import retrying
from infra.settings.values import is_loopback

TOKEN_VARIABLE = "CLOUDFLARE_API_TOKEN"  # noqa: S105 - the variable's name, not a token
PLAN_VARIABLE = "NOTIFICATION_PLAN_ONLY"
"""Environment variable of a plan that nothing is deployed after: its token may be one that only
reads, so that nobody asks what it may write."""


_BODIES: Mapping[str, dict[str, Any]] = {"POST": {}}
"""What is sent along with a call, by its method."""


class CannotAsk(Exception):
    """The API gave no answer from which anything follows; the text says what was asked."""


class Forbidden(Exception):
    """The token may not ask; the text names the permission that is missing."""


class _NoAnswer(Exception):
    """A failure that another attempt may not have."""


_repeated = retrying(_NoAnswer, attempts=3, first_wait=0.5, longest_wait=2.0)


class AccountApi:
    """Reads and removes what lies below one account.

    Args:
        base_url: the API, without a trailing slash.
        account_id: 32 hexadecimal digits.
        transport: for tests.
        token: the API token; ``None`` reads it from the environment, and keeps it nowhere else.
    """

    def __init__(
        self,
        base_url: str,
        account_id: str,
        *,
        transport: httpx.BaseTransport | None = None,
        token: str | None = None,
    ) -> None:
        self._base_url = base_url
        self._account = f"/accounts/{account_id}"
        self._client = httpx.Client(
            transport=transport,
            timeout=httpx.Timeout(20.0, connect=5.0),
            # A proxy from the environment can't reach this machine's loopback address.
            trust_env=not is_loopback(base_url),
            headers={"Authorization": f"Bearer {token or os.environ.get(TOKEN_VARIABLE, '')}"},
        )

    def __enter__(self) -> AccountApi:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, **query: str) -> Any:
        """Return the result of a GET below the account (or from ``/`` on); ``None`` for a 404.

        Raises:
            Forbidden: the token may not read it.
            CannotAsk: there was no answer, or none of Cloudflare's API.
        """
        document = self._document(path, query)
        return None if document is None else document["result"]

    def listed(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """Yield the items of every page of a list; nothing for a 404. Raises as ``get`` does."""
        try:
            yield from all_items(lambda page: self._document(path, {**query, **page}))
        except NoList:
            raise CannotAsk(f"GET {path} was answered with no list") from None
        except EndlessList:
            raise CannotAsk(f"GET {path} has more than {MAX_PAGES} pages") from None

    def delete(self, path: str) -> None:
        """Remove what is there; nothing where it is gone already.

        Raises:
            Forbidden: the token may not remove it.
            CannotAsk: the API refused, or gave no answer.
        """
        self._document(path, {}, method="DELETE")

    def require_writing(self, path: str) -> None:
        """See that the token may make things below `path`, by a call that makes none.

        Its body is empty: who may make the call is told what is missing there, and who may not is
        told that.

        Raises:
            Forbidden: the token may not write there; the text names the permission.
            CannotAsk: the API gave no answer.
        """
        self._answer(path, {}, method="POST")

    def _document(
        self, path: str, query: dict[str, str], *, method: str = "GET"
    ) -> dict[str, Any] | None:
        answer, document = self._answer(path, query, method=method)
        if answer.status_code == 404:
            return None
        is_told = document["success"] is True and "result" in document
        if answer.status_code != 200 or not is_told:
            raise CannotAsk(f"{method} {path} was answered with HTTP {answer.status_code}")
        return document

    def _answer(
        self, path: str, query: dict[str, str], *, method: str
    ) -> tuple[httpx.Response, dict[str, Any]]:
        below = path if path.startswith("/") else f"{self._account}/{path}"
        try:
            answer = _repeated(self._ask, method, below, query)
        except _NoAnswer as error:
            raise CannotAsk(f"{method} {path}: {error}") from None
        if answer.status_code in (401, 403):
            needed = permission_of(method, below, least=True)
            lacking = f"; it needs {needed.shown}" if needed else ""
            raise Forbidden(f"The API token may not {method} {path}{lacking}.")
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict) or "success" not in document:
            # A proxy's page, say: least of all does it mean that there is no such thing.
            raise CannotAsk(f"{method} {path} was answered with no document of Cloudflare's API")
        return answer, document

    def _ask(self, method: str, path: str, query: dict[str, str]) -> httpx.Response:
        try:
            answer = self._client.request(
                method, f"{self._base_url}{path}", params=query, json=_BODIES.get(method)
            )
        except httpx.HTTPError as error:
            raise _NoAnswer(type(error).__name__) from None
        if answer.status_code == 429 or answer.status_code >= 500:
            raise _NoAnswer(f"HTTP {answer.status_code}")
        return answer

"""Cloudflare's API as one token sees it, for questions whose refusal is an answer, too."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import httpx

from ops.stacks.errors import ServiceError, reading

_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """An answer's HTTP status, the codes of its errors, and its result."""

    status: int
    codes: frozenset[int]
    result: Any

    @property
    def is_allowed(self) -> bool:
        """Whether the token may make the call, however the call itself ended."""
        return self.status not in (401, 403)

    @property
    def is_allowed_and_there(self) -> bool:
        """Whether the token may make the call, and there is what it asks about."""
        return self.status < 400


class TokenApi:
    """A client that holds nothing but the token. Use it as a context manager."""

    def __init__(self, base_url: str, token: str, *, is_local: bool) -> None:
        self._base_url = base_url
        self._client = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=_TIMEOUT_SECONDS,
            # Neither a proxy nor a redirect may lead a local stack's call off this machine.
            trust_env=not is_local,
            follow_redirects=False,
        )

    def __enter__(self) -> TokenApi:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def understood(self) -> AbstractContextManager[None]:
        """Read answers in the block: one of an unknown form says nothing of the token.

        Raises:
            ServiceError: an answer isn't of the form that the block takes it for.
        """
        return reading(
            ServiceError(
                f"{self._base_url} answered about the token in an unknown form. Check what is in "
                "between, such as a proxy, and try again."
            )
        )

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """Make one call.

        Raises:
            ServiceError: there was no answer, or none that is Cloudflare's.
        """
        try:
            response = self._client.request(method, path, json=body)
            document = response.json()
            codes = frozenset(int(item["code"]) for item in document["errors"])
        except httpx.HTTPError:
            raise ServiceError(
                f"{self._base_url} didn't answer. Check the network, or start the local cloud by "
                "'notifyctl local start', and try again."
            ) from None
        except (ValueError, KeyError, TypeError):
            raise ServiceError(
                f"{self._base_url} answered {method} {path.split('?')[0]} with "
                f"{response.status_code} and no envelope of Cloudflare's. Check the base URL.",
                status=response.status_code,
            ) from None
        return Answer(response.status_code, codes, document.get("result"))

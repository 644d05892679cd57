"""The deployed service's HTTP API, called with signed requests."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from infra.settings.values import is_loopback
from ops.stacks.errors import ServiceError, reading
from ops.stacks.proxy import require_usable_proxies

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
"""Seconds. A send waits for its channels: at most 20 s each, side by side."""


class ServiceClient:
    r"""Calls one deployed service.

    Requests carry version 2 of the service's signature: the hex HMAC-SHA256, under the API secret
    key, of ``timestamp\\nMETHOD\\npath?query\\nsha256hex(body)``.

    Args:
        base_url: the service's URL without a path.
        api_secret_key: the key; ``None`` leaves requests unsigned.
        host: value of the ``Host`` header, where it isn't the URL's own.
        now: returns seconds since the epoch.

    Raises:
        UsageError: the service isn't on this machine, and the environment names no usable proxy.
    """

    def __init__(
        self,
        base_url: str,
        api_secret_key: str | None = None,
        *,
        host: str | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        address, own_host = connection_address(self.base_url)
        host = host or own_host
        is_local = is_loopback(address)
        if not is_local:
            require_usable_proxies()
        headers = {"User-Agent": "notifyctl"} | ({"Host": host} if host else {})
        self._key = api_secret_key
        self._now = now
        self._http = httpx.Client(
            base_url=address,
            headers=headers,
            timeout=TIMEOUT,
            # A company's proxy and authority hold for what isn't on this machine, and there alone.
            trust_env=not is_local,
        )

    @property
    def api_secret_key(self) -> str | None:
        """The key that requests are signed with; never print it."""
        return self._key

    def __enter__(self) -> ServiceClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """Make one call and return the answer whatever its status.

        Raises:
            ServiceError: there was no answer.
        """
        target = path if not query else f"{path}?{urlencode(query)}"
        content = b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if self._key is not None:
            timestamp = str(int(self._now() * 1000))
            headers |= {
                "X-Timestamp": timestamp,
                "X-Signature-Version": "2",
                "X-Signature": sign(self._key, timestamp, method, target, content),
            }
        try:
            return self._http.request(method, target, content=content, headers=headers)
        except httpx.TimeoutException:
            raise ServiceError(
                f"{self.base_url} didn't answer {method} {path} in time.", unanswered=True
            ) from None
        except httpx.HTTPError as error:
            raise ServiceError(
                f"{self.base_url} can't be reached: {error}.", unanswered=True
            ) from None

    def result(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Make one call and return its JSON object.

        Raises:
            ServiceError: no answer, a status of 400 or more, or an answer that isn't an object.
        """
        answer = self.call(method, path, query=query, body=body)
        try:
            document = answer.json()
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise ServiceError(
                f"{method} {path} answered {answer.status_code} without a JSON object. "
                "Is the service URL right?",
                status=answer.status_code,
            )
        if answer.status_code >= 400:
            code = document.get("code")
            raise ServiceError(
                f"{method} {path} was refused with {answer.status_code}"
                f"{f' {code}' if code else ''}: {document.get('error', 'no reason given')}.",
                status=answer.status_code,
                code=code if isinstance(code, str) else None,
            )
        return document

    def understood(self, what: str) -> AbstractContextManager[None]:
        """Read an answer in the block, of whatever form it may be.

        Args:
            what: method and path of the call.

        Raises:
            ServiceError: the answer isn't of the form that the block takes it for.
        """
        return reading(
            ServiceError(
                f"{what} answered in an unknown form. Is {self.base_url} the service, of this "
                "version?"
            )
        )

    def secret_fingerprints(self) -> dict[str, Any] | None:
        """Return the fingerprints of the answering version's secrets, by name (``encrypt_key``).

        ``None`` where the answer has none: something else than the service gave it.

        Raises:
            ServiceError: as `result`.
        """
        data = self.result("GET", "/api/deployment").get("data")
        told = data.get("secretFingerprints") if isinstance(data, Mapping) else None
        if not isinstance(told, Mapping):
            return None
        return {str(name).lower(): shown for name, shown in told.items()}


def sign(key: str, timestamp: str, method: str, target: str, body: bytes) -> str:
    """Return version 2 of the service's signature as lower-case hex."""
    text = f"{timestamp}\n{method}\n{target}\n{hashlib.sha256(body).hexdigest()}"
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def connection_address(base_url: str) -> tuple[str, str | None]:
    """Return where to connect, and the ``Host`` header that goes along.

    A Worker of the local cloud has a name under ``localhost`` (RFC 6761), which resolvers are not
    sure to know: the connection goes to the loopback address.
    """
    parts = urlsplit(base_url)
    if not (parts.hostname or "").endswith(".localhost"):
        return base_url, None
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://127.0.0.1{port}", parts.netloc

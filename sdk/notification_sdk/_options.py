"""What a client is made with."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from notification_sdk._arguments import over_zero
from notification_sdk._errors import (
    InvalidResponse,
    NotificationError,
    RequestTimeout,
    TransportError,
)
from notification_sdk._retry import RetryPolicy

USER_AGENT = "notification-sdk-python"
CONNECT_TIMEOUT = 5.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Functions that are called around each try; what they raise reaches the caller.

    Attributes:
        on_request: before a request goes out. Its headers hold the signature.
        on_response: after an answer came, whatever its status.
        on_error: after a try failed, before it is made again or raised.
    """

    on_request: Callable[[httpx.Request], None] | None = None
    on_response: Callable[[httpx.Response], None] | None = None
    on_error: Callable[[NotificationError], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Options:
    """The settings of one client."""

    base_url: str
    api_key: str
    retry: RetryPolicy
    hooks: Hooks
    automatic_keys: bool
    pacer: Pacer | None
    now: Callable[[], float]

    def failed(self, error: NotificationError) -> NotificationError:
        """Tell the hook about a failed try and return the error."""
        if self.hooks.on_error is not None:
            self.hooks.on_error(error)
        return error


@dataclass
class Pacer:
    """Spreads calls so that at most ``rate`` a second begin.

    Attributes:
        rate: calls a second.
    """

    rate: float
    _free_at: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __post_init__(self) -> None:
        over_zero("max_requests_per_second", self.rate)

    def wait(self, now: float) -> float:
        """Take the next place and return the seconds until it.

        Args:
            now: seconds of a clock that only moves forward.
        """
        with self._lock:
            start = max(now, self._free_at)
            self._free_at = start + 1 / self.rate
            return start - now


def request_error(error: httpx.RequestError, base_url: str, timeout: float) -> NotificationError:
    """Return the library's error for one of httpx's."""
    request, base_url = error.request, _without_password(base_url)
    asked = f"{request.method} {request.url.path}"
    if isinstance(error, httpx.DecodingError):
        return InvalidResponse(
            f"{base_url} answered {asked} with a body that isn't what its Content-Encoding says.",
            code="INVALID_RESPONSE",
            request=request,
        )
    never_arrived = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)
    if isinstance(error, httpx.ConnectTimeout):
        timeout = min(timeout, CONNECT_TIMEOUT)
    if isinstance(error, httpx.TimeoutException):
        return RequestTimeout(
            f"{base_url} didn't answer {asked} within {timeout:g} s.",
            request=request,
            never_arrived=never_arrived,
        )
    return TransportError(
        f"{base_url} can't be reached for {asked}: {_reason(error)}.",
        request=request,
        never_arrived=never_arrived,
    )


def _without_password(base_url: str) -> str:
    """Return a URL as errors show it: a name and password for a proxy stay out of logs."""
    return re.sub(r"//[^/?#]*@", "//…@", base_url) if isinstance(base_url, str) else base_url


def _reason(error: httpx.RequestError) -> str:
    return str(error).rstrip(".") or type(error).__name__


def connection(base_url: str, host: str | None) -> tuple[str, dict[str, str]]:
    """Return where to connect to and the headers that every request carries.

    Names under ``localhost`` are this machine (RFC 6761), and not every resolver knows them: the
    connection goes to the loopback address, and ``Host`` names the service.

    Args:
        base_url: the service's URL without a path.
        host: the ``Host`` header, where it isn't the URL's own.
    """
    parts = urlsplit(base_url)
    headers = {"User-Agent": USER_AGENT, "Accept": "application/json"}
    address = base_url
    if (parts.hostname or "").endswith(".localhost"):
        port = f":{parts.port}" if parts.port else ""
        address, host = f"{parts.scheme}://127.0.0.1{port}{parts.path}", host or parts.netloc
    return address, headers | ({"Host": host} if host else {})


def make_options(
    base_url: str,
    api_key: str,
    *,
    max_retries: int,
    retry_delay: float,
    retry: RetryPolicy | None,
    hooks: Hooks | None,
    automatic_keys: bool,
    max_requests_per_second: float | None,
    now: Callable[[], float] = time.time,
) -> Options:
    """Return the settings of a client from what its constructor takes.

    Raises:
        ValueError: the URL isn't one, has a path, or a number is out of its range.
    """
    if not isinstance(api_key, str):
        raise ValueError(f"api_key must be a text, and is of type {type(api_key).__name__}")
    return Options(
        base_url=_service_url(base_url),
        api_key=api_key,
        retry=retry or RetryPolicy(max_retries=max_retries, delay=retry_delay),
        hooks=hooks or Hooks(),
        automatic_keys=automatic_keys,
        pacer=None if max_requests_per_second is None else Pacer(max_requests_per_second),
        now=now,
    )


def _service_url(base_url: str) -> str:
    """Return the URL without its last slash.

    A path, query or fragment would be signed and never be what the service sees.
    """
    try:
        parts = urlsplit(base_url.rstrip("/"))
        right = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (AttributeError, ValueError):
        right = False
    if not right or parts.path or parts.query or parts.fragment:
        raise ValueError(
            "base_url must be an http or https URL without a path, such as "
            f"https://notify.example.com, and is {_without_password(base_url)!r}"
        )
    return base_url.rstrip("/")

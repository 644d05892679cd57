"""One HTTP request, independent of the runtime."""

import json
import math
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import parse_qsl, unquote

from notification.errors import ServiceError
from notification.foreign_json import TooDeep, parse_foreign_json

if TYPE_CHECKING:
    from notification.http.unread_fields import UnreadFields


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("number out of range")
    return number


class Request:
    """A request: method, target, headers and body.

    The target is path and query as transmitted, still percent-encoded. Header names are in lower
    case. The body is read on demand, up to a limit, and at most once.
    """

    __slots__ = (
        "_body",
        "_json",
        "_query",
        "_read",
        "accepted",
        "address",
        "channels",
        "failure",
        "headers",
        "host",
        "id",
        "key_id",
        "method",
        "route",
        "target",
        "undelivered",
        "unread",
    )

    def __init__(
        self,
        *,
        method: str,
        host: str,
        target: str,
        headers: dict[str, str],
        read: Callable[[int], Awaitable[bytes]],
    ) -> None:
        self.method = method
        self.host = host
        self.target = target
        self.headers = headers
        self.address = headers.get("cf-connecting-ip", "")
        self.id = ""
        self.key_id = ""
        """The id of the key that signed it; empty where none did."""
        self.route = ""
        """The path of the route that takes it; empty where none does."""
        self.failure = ""
        """The kind and place of the error that nobody expected; empty where none was."""
        self.channels: tuple[str, ...] = ()
        """The channels that it asks for, as far as its handler has come."""
        self.undelivered: tuple[str, ...] = ()
        """Those of them whose first attempt failed."""
        self.accepted: list[dict[str, Any]] = []
        """The attempts that endpoints accepted, as the request's log line tells them."""
        self.unread: UnreadFields | None = None
        """Fields of the body that nobody reads; None where there is none."""
        self._read = read
        self._body: bytes | None = None
        self._json: dict[str, Any] | None = None
        self._query: dict[str, str] | None = None

    @property
    def path(self) -> str:
        """The path as transmitted, without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The decoded query parameters; the first of a repeated name wins."""
        if self._query is None:
            text = self.target.partition("?")[2]
            pairs = parse_qsl(text, keep_blank_values=True) if text else ()
            self._query = dict(reversed(pairs))
        return self._query

    @property
    def body(self) -> bytes:
        """The body; empty before `read_body`."""
        return self._body or b""

    async def read_body(self, limit: int) -> None:
        """Read the body.

        The declared length is checked first, and the true one while reading.

        Raises:
            ServiceError: PAYLOAD_TOO_LARGE beyond `limit` bytes.
        """
        declared = self.headers.get("content-length", "")
        if declared.isascii() and declared.isdigit() and int(declared) > limit:
            self.refuse_size(limit)
        self._body = await self._read(limit)
        if len(self._body) > limit:
            self.refuse_size(limit)

    @staticmethod
    def refuse_size(limit: int) -> NoReturn:
        """Raise PAYLOAD_TOO_LARGE."""
        raise ServiceError(
            "PAYLOAD_TOO_LARGE", f"Request body too large. Maximum size: {limit} bytes"
        )

    def json_object(self, refusal: str = "Invalid request body") -> dict[str, Any]:
        """Parse the body as a JSON object, once; `refusal` begins the error's text.

        The parser is strict: UTF-8 only, no NaN or Infinity, no lone surrogates (they can't be
        stored), and no more levels than `foreign_json` reads.

        Raises:
            ServiceError: INVALID_REQUEST.
        """
        if self._json is not None:
            return self._json
        try:
            value = parse_foreign_json(self.body.decode(), parse_float=_finite)
            if b"\\u" in self.body:
                json.dumps(value, ensure_ascii=False).encode()
        except TooDeep as error:
            raise ServiceError("INVALID_REQUEST", f"{refusal}: {error}") from error
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise ServiceError("INVALID_REQUEST", refusal)
        self._json = value
        return value

    def check_fields(self, value: Any, known: AbstractSet[str], where: str = "") -> None:
        """Let the answer name the fields of an object in the body that aren't `known`, a set.

        `where` is the object's place in the body; empty for the body itself.
        """
        if not isinstance(value, dict) or value.keys() <= known:
            return
        if self.unread is None:
            # Nearly every body has known fields alone.
            from notification.http.unread_fields import UnreadFields

            self.unread = UnreadFields()
        self.unread.check(value, known, where)


def decode_segment(segment: str) -> str:
    """Percent-decode one segment of a path.

    Raises:
        ServiceError: INVALID_PARAMETER if it is not UTF-8.
    """
    try:
        return unquote(segment, errors="strict")
    except UnicodeDecodeError:
        raise ServiceError("INVALID_PARAMETER", "Invalid percent-encoding in the path") from None

"""Parsing the body of a call to the bridge, whatever its media type."""

import re
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from notification.bridge.encoding import CharsetDecoder, without_codings
from notification.foreign_json import ForeignJsonError, TooDeep, parse_foreign_json

_MAX_FIELDS = 1_000


class ParsedBody(NamedTuple):
    """A body as a JSON value, an object of form fields, or text.

    Attributes:
        value: the value.
        replaced_bytes: how many bytes were not of the declared charset, and became U+FFFD.
    """

    value: Any
    replaced_bytes: int = 0


def parse_body(
    body: bytes, content_type: str, content_encoding: str = "", *, limit: int = 1_048_576
) -> ParsedBody:
    """Parse a body as its headers declare it.

    JSON is what `application/json`, `text/json` and every `+json` type names. A form whose field
    `payload` is a JSON object is that object. Invalid JSON and a form without fields become text.

    Args:
        body: the body as it came.
        content_type: the header `Content-Type`.
        content_encoding: the header `Content-Encoding`.
        limit: bytes of the decoded body that are read.

    Raises:
        TooDeep: it is JSON that nests too deep.
        ServiceError: UNSUPPORTED_MEDIA_TYPE for a coding or charset that isn't known,
            PAYLOAD_TOO_LARGE, or INVALID_REQUEST for a body that is no gzip or deflate.
    """
    content = without_codings(body, content_encoding, limit)
    decoder = CharsetDecoder(header_parameters(content_type).get("charset", ""))
    value = _value(content, content_type, decoder)
    return ParsedBody(value, decoder.replaced_bytes)


def _value(content: bytes, content_type: str, decoder: CharsetDecoder) -> Any:
    kind = media_type(content_type)
    fields: dict[str, str] | None = None
    if kind == "multipart/form-data":
        fields = multipart_fields(content, content_type, decoder)
        if fields:
            return _form_value(fields)
    text = decoder.text(content).removeprefix("\ufeff")
    if kind in ("application/json", "text/json") or kind.endswith("+json"):
        return _json(text)
    if kind == "application/x-www-form-urlencoded":
        fields = _form(text, decoder)
    return _form_value(fields) if fields else text


def _form_value(fields: dict[str, str]) -> Any:
    """Return the fields, or the object that a form carries whole as `payload`."""
    payload = _json(fields.get("payload", ""))
    return payload if isinstance(payload, dict) else fields


def _json(text: str) -> Any:
    try:
        return parse_foreign_json(text)
    except TooDeep:
        raise
    except ForeignJsonError:
        return text


def _form(text: str, decoder: CharsetDecoder) -> dict[str, str] | None:
    if "=" not in text:
        return None
    try:
        pairs = parse_qsl(
            text.strip(),
            keep_blank_values=True,
            encoding=decoder.codec,
            errors=decoder.errors(),
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:
        return None
    return dict(reversed(pairs))


MAX_PARTS = 1_000
"""Parts that are read; more are ignored."""
MAX_HEADER = 2_000
"""Characters of a header field that are read."""
_PARAMETER = re.compile(r';\s*([A-Za-z*]+)\s*=\s*(?:"((?:[^"\\]|\\.){0,256}+)"|([^;\s"]*+))')
_QUOTED = re.compile(r'\\(["\\])')


def media_type(header: str) -> str:
    """Return the media type of a `Content-Type` header, in lower case and without parameters."""
    return header.partition(";")[0].strip().lower()


def header_parameters(header: str) -> dict[str, str]:
    """Parse the parameters of a header field; names are in lower case, quoted values unquoted."""
    found: dict[str, str] = {}
    for match in _PARAMETER.finditer(header[:MAX_HEADER]):
        name, quoted, token = match.groups()
        text = token if quoted is None else _QUOTED.sub(r"\1", quoted)
        found.setdefault(name.lower(), text)
    return found


def multipart_fields(
    body: bytes, content_type: str, decoder: CharsetDecoder
) -> dict[str, str] | None:
    """Parse `multipart/form-data` (RFC 7578); the first of a repeated name wins.

    Files, parts without a name and parts that are neither text nor JSON are left out. From a
    truncated body the complete fields are returned.

    Args:
        body: the body, without its content codings.
        content_type: the header, which names the boundary.
        decoder: reads the fields whose part declares no charset.

    Returns:
        The text fields by name, or None if the header names no boundary.
    """
    boundary = header_parameters(content_type).get("boundary", "")
    if not boundary:
        return None
    delimiter = b"\r\n--" + boundary.encode()
    _, *parts = (b"\r\n" + body).split(delimiter, MAX_PARTS + 1)
    fields: dict[str, str] = {}
    # The rest after the last delimiter is the epilogue, or an incomplete part.
    for part in parts[:-1]:
        if part.startswith(b"--"):
            break
        head, separator, content = part.partition(b"\r\n\r\n")
        field = _field(head.decode(errors="replace")) if separator else None
        if field is None:
            continue
        own = CharsetDecoder(field.charset) if field.charset else decoder
        fields.setdefault(field.name, own.text(content))
        if own is not decoder:
            decoder.replaced_bytes += own.replaced_bytes
    return fields


class _Field(NamedTuple):
    name: str
    charset: str


def _field(head: str) -> _Field | None:
    name, charset = None, ""
    for line in head.split("\r\n"):
        field, _, value = line.partition(":")
        folded = field.strip().lower()
        if folded == "content-disposition":
            parameters = header_parameters(value)
            if "filename" in parameters or "filename*" in parameters:
                return None
            name = parameters.get("name")
        elif folded == "content-type":
            kind = media_type(value)
            if not kind.startswith("text/") and kind != "application/json":
                return None
            charset = header_parameters(value).get("charset", "")
    if name is None:
        return None
    # Browsers encode quotes and line ends of a name like this (HTML, "multipart/form-data").
    return _Field(name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n"), charset)

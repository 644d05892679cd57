"""Parsing the body of a call to the bridge, whatever its media type."""

import re
from typing import Any
from urllib.parse import parse_qsl

from notification.foreign_json import ForeignJsonError, TooDeep, parse_foreign_json

_MAX_FIELDS = 1_000


def parse_body(body: bytes, content_type: str) -> Any:
    """Parse a body into a JSON value, an object of form fields, or text.

    Invalid JSON and a form without fields become text. Bytes that are not UTF-8 become U+FFFD.

    Raises:
        TooDeep: it is JSON that nests too deep.
    """
    text = body.decode("utf-8-sig", errors="replace")
    kind = media_type(content_type)
    if kind == "application/json":
        return _json(text)
    fields: dict[str, str] | None = None
    if kind == "application/x-www-form-urlencoded":
        fields = _form(text)
    elif kind == "multipart/form-data":
        fields = multipart_fields(body, content_type)
    return fields or text


def _json(text: str) -> Any:
    try:
        return parse_foreign_json(text)
    except TooDeep:
        raise
    except ForeignJsonError:
        return text


def _form(text: str) -> dict[str, str] | None:
    if "=" not in text:
        return None
    try:
        pairs = parse_qsl(
            text.strip(), keep_blank_values=True, errors="replace", max_num_fields=_MAX_FIELDS
        )
    except ValueError:
        return None
    return dict(reversed(pairs))


MAX_PARTS = 1_000
"""Parts that are read; more are ignored."""
MAX_HEADER = 2_000
"""Characters of a header field that are read."""
_PARAMETER = re.compile(r';\s*([A-Za-z*]+)\s*=\s*(?:"((?:[^"\\]|\\.)*+)"|([^;\s"]*+))')
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


def multipart_fields(body: bytes, content_type: str) -> dict[str, str] | None:
    """Parse `multipart/form-data` (RFC 7578); the first of a repeated name wins.

    Files, parts without a name and parts that are not text are left out. From a truncated body the
    complete fields are returned.

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
        name = _field_name(head.decode(errors="replace")) if separator else None
        if name is not None:
            fields.setdefault(name, content.decode(errors="replace"))
    return fields


def _field_name(head: str) -> str | None:
    name = None
    for line in head.split("\r\n"):
        field, _, value = line.partition(":")
        folded = field.strip().lower()
        if folded == "content-disposition":
            parameters = header_parameters(value)
            if "filename" in parameters or "filename*" in parameters:
                return None
            name = parameters.get("name")
        elif folded == "content-type" and not media_type(value).startswith("text/"):
            return None
    # Browsers encode quotes and line ends of a name like this (HTML, "multipart/form-data").
    return name and name.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")

"""Parsing of whatever a caller of the bridge sends."""

import json
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from notification.bridge.multipart import media_type, multipart_fields

_MAX_FIELDS = 1_000


def parse_body(body: bytes, content_type: str) -> Any:
    """A JSON value, an object of form fields, or the text of the body.

    `application/json` that is no JSON, and a form without fields, are text. Bytes that are no
    UTF-8 become U+FFFD. Never raises.
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
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
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


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")

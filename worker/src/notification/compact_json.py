"""JSON as the service writes it: UTF-8, without spaces."""

import json
from collections.abc import Callable, Iterable, Iterator
from json import encoder
from typing import Any


def _encoder() -> Callable[[object], str]:
    """Return one encoder for all calls.

    `json.dumps` makes a new one whenever an option is set, and `JSONEncoder.encode` makes its part
    in C anew for each value: for a send that was a tenth of all Python.
    """
    whole = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return whole.encode
    options = (whole.sort_keys, whole.skipkeys, whole.allow_nan)
    # Without the memory of what it is inside of: no value of ours holds itself.
    parts = make(None, whole.default, encoder.encode_basestring, None, ":", ",", *options)
    return lambda value: "".join(parts(value, 0))


compact_json = _encoder()
"""Encode a value; raises `TypeError` and `ValueError` as `json.dumps` does."""

_decode = json.JSONDecoder().raw_decode


def parse_compact_json(text: str) -> Any:
    """Parse JSON as this service and JavaScript's `JSON.stringify` write it: no space around it.

    Raises:
        ValueError: the text doesn't begin with a JSON value. What follows the value isn't looked
            at.
    """
    return _decode(text)[0]


_MOST = 400_000
"""Characters of a parameter that holds many rows: of up to four bytes each, they stay below the
2,000,000 bytes of a string (Cloudflare D1, "Limits")."""


def json_arrays(values: Iterable[object], *, most: int = _MOST) -> Iterator[str]:
    """Encode values as arrays of at most `most` characters each; a longer value is alone in one."""
    texts: list[str] = []
    size = 0
    for value in values:
        text = compact_json(value)
        if texts and size + len(text) > most:
            yield f"[{','.join(texts)}]"
            texts, size = [], 0
        texts.append(text)
        size += len(text) + 1
    if texts:
        yield f"[{','.join(texts)}]"

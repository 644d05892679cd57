"""JSON as the service writes it: UTF-8, without spaces."""

import json
from collections.abc import Iterable, Iterator

# One encoder for all calls: `json.dumps` makes a new one whenever an option is set.
compact_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
"""Encode a value; raises `TypeError` and `ValueError` as `json.dumps` does."""

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

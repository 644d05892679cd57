"""Values of variables as text, and JSON as ECMAScript writes it."""

import json
from collections.abc import Iterator
from math import isnan
from typing import Any

from notification.markup.plain_text import clean

_quoted = json.JSONEncoder(ensure_ascii=False).encode


def number_text(number: float) -> str:
    """Write a number as ECMAScript's `Number::toString` does; "null" if JSON has no such number.

    An integer keeps all its digits.

    >>> number_text(99.90), number_text(1.0), number_text(1e21), number_text(1e-5)
    ('99.9', '1', '1e+21', '0.00001')
    """
    if isinstance(number, int):
        try:
            return str(int(number))
        except ValueError:  # more digits than the interpreter converts
            return "null"
    if number != number or number in (float("inf"), float("-inf")):
        return "null"
    written = repr(number)
    if "e" not in written:
        return "0" if written in ("0.0", "-0.0") else written.removesuffix(".0")
    sign = "-" if number < 0 else ""
    mantissa, _, exponent = written.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    power = int(exponent)
    if -7 < power < 0:
        return f"{sign}0.{'0' * (-power - 1)}{whole}{fraction}"
    if 0 <= power < 21:
        return f"{sign}{(whole + fraction).ljust(power + 1, '0')}"
    return f"{sign}{mantissa}e{power:+d}"


def scalar_text(value: object) -> str:
    """Write a string, number, boolean or null as JSON; anything else is `null`."""
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return number_text(value)
    return "null"


def json_text(value: object, *, indent: int = 0, limit: int | None = None) -> str:
    """Write `value` as JSON, compact or with `indent` spaces a level.

    Writing stops soon after `limit` characters: what would be cut anyway costs nothing. Any depth
    of nesting is written without recursion.
    """
    written: list[str] = []
    length = 0
    for piece in _pieces(value, indent):
        written.append(piece)
        length += len(piece)
        if limit is not None and length > limit:
            break
    return "".join(written)


def _pieces(value: object, indent: int) -> Iterator[str]:
    levels: list[Iterator[tuple[str, object]]] = [iter([("", value)])]
    closers = [""]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            closer = closers.pop()
            if closer:
                yield _line(indent, len(levels) - 1) + closer
            continue
        written, member = entry
        if isinstance(member, dict | list | tuple):
            opening, closer = "{}" if isinstance(member, dict) else "[]"
            if member:
                yield written + opening
                levels.append(_members(member, indent, len(levels)))
                closers.append(closer)
            else:
                yield written + opening + closer
        else:
            yield written + scalar_text(member)


def _members(
    container: dict[Any, Any] | list[Any] | tuple[Any, ...], indent: int, depth: int
) -> Iterator[tuple[str, object]]:
    """Return each member with the text before it: comma, line break and key."""
    line = _line(indent, depth)
    before = line
    if isinstance(container, dict):
        colon = ": " if indent else ":"
        for key, member in container.items():
            yield before + _quoted(str(key)) + colon, member
            before = "," + line
    else:
        for member in container:
            yield before, member
            before = "," + line


def _line(indent: int, depth: int) -> str:
    return "\n" + " " * (indent * depth) if indent else ""


MAX_VALUE = 5_000
"""Code points of one value; the rest is cut."""


def value_text(value: object) -> str:
    """Write a JSON value as a template shows it, before escaping.

    Null is empty; numbers and booleans are as in JSON; a list of scalars is joined with commas;
    objects and lists that hold objects are compact JSON. The text is trimmed, loses its control
    characters and is cut to `MAX_VALUE`.

    >>> value_text(True), value_text(1.0), value_text([1, None, "a"]), value_text({"a": [1]})
    ('true', '1', '1,,a', '{"a":[1]}')
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, list | tuple) and not any(
        isinstance(member, dict | list | tuple) for member in value
    ):
        text = ",".join(_scalar(member) for member in value)
    elif isinstance(value, dict | list | tuple):
        # JSON begins with a bracket: nothing is trimmed at its start, and the end is cut.
        text = json_text(value, limit=MAX_VALUE)
    else:
        text = _scalar(value)
    return clean(text)[:MAX_VALUE]


def is_truthy(value: object) -> bool:
    """Return False for null, false, 0, an empty string or list; True for an object."""
    if isinstance(value, dict):
        return True
    return bool(value) and not (isinstance(value, float) and isnan(value))


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return value
    text = scalar_text(value)
    return "" if text == "null" else text

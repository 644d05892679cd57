"""Values of variables as text."""

from notification.markup.plain_text import clean
from notification.templates.json_text import json_text, scalar_text

MAX_VALUE = 5_000
"""Code points of one value; the rest is cut."""


def value_text(value: object) -> str:
    """A JSON value as a template shows it, before escaping.

    Null is empty; numbers and booleans are as in JSON; a list of scalars is joined with
    commas; objects and lists that hold objects are compact JSON. The text is trimmed, loses
    its control characters and is cut to `MAX_VALUE`.

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
        # JSON begins with a bracket: nothing is trimmed, and what follows the limit is cut.
        text = json_text(value, limit=MAX_VALUE)
    else:
        text = _scalar(value)
    return clean(text)[:MAX_VALUE]


def is_truthy(value: object) -> bool:
    """False for null, false, 0, an empty string and an empty list; an object is true."""
    if isinstance(value, dict):
        return True
    return bool(value) and value == value


def _scalar(value: object) -> str:
    if isinstance(value, str):
        return value
    text = scalar_text(value)
    return "" if text == "null" else text

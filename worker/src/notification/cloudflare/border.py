"""Crossing the border between Python and JavaScript, in as few steps as possible.

A value goes over as one JSON text instead of property by property, and the functions that do it
are looked up once per isolate: each look-up would be a crossing of its own.
"""

import json
from functools import lru_cache
from typing import Any

import js
from notification.compact_json import compact_json


@lru_cache(maxsize=1)
def _functions() -> tuple[Any, Any]:
    return js.JSON.parse, js.JSON.stringify


@lru_cache(maxsize=1)
def _with_resolvers() -> Any:
    return js.Promise.withResolvers


def promise_with_resolvers() -> Any:
    """A promise and the two functions that settle it."""
    return _with_resolvers()()


def to_object(value: Any) -> Any:
    """A JavaScript value from JSON-compatible Python."""
    return _functions()[0](compact_json(value))


def from_object(value: Any) -> Any:
    """Python from a JavaScript value that JSON can express."""
    return json.loads(_functions()[1](value))

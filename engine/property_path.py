"""Property paths of ``ignore_changes`` and ``replace_on_changes``: ``a.b[0]["c"]`` and ``*``."""

from __future__ import annotations

import re
from typing import Any

from engine.goal import Goal
from engine.property_value import Properties, PropertyValue, Secret
from engine.resource_state import ResourceState

_PART = re.compile(
    r"""\[(?P<index>\d+|\*)\]|\["(?P<quoted>(?:[^"\\]|\\.)*)"\]|\.?(?P<name>[^.\[]+)"""
)
_MISSING: Any = object()


def parse(path: str) -> tuple[str | int, ...]:
    """The path's parts; indexes are ints and ``*`` stays a text."""
    parts: list[str | int] = []
    for match in _PART.finditer(path):
        index, quoted = match["index"], match["quoted"]
        if index is not None:
            parts.append(index if index == "*" else int(index))
        elif quoted is not None:
            parts.append(quoted.replace('\\"', '"'))
        else:
            parts.append(match["name"])
    return tuple(parts)


def matches_any(key: str, paths: tuple[str, ...]) -> bool:
    """True where one of the paths starts at the top-level property ``key``."""
    return any(parse(path)[:1] in ((key,), ("*",)) for path in paths)


def keep_ignored(goal: Goal, old: ResourceState | None) -> Properties:
    """The goal's inputs with every ignored path as it was in the old inputs
    (``processIgnoreChanges`` of pulumi/pulumi pkg/resource/deploy).
    """
    if old is None or not goal.ignore_changes:
        return goal.inputs
    inputs: Properties = goal.inputs
    for path in goal.ignore_changes:
        inputs = _keep(inputs, old.inputs, parse(path))
    return inputs


def _keep(new: PropertyValue, old: PropertyValue, path: tuple[str | int, ...]) -> PropertyValue:
    if not path:
        return old
    if isinstance(new, Secret) or isinstance(old, Secret):
        kept = _keep(_bare(new), _bare(old), path)
        return kept if kept is _MISSING else Secret(kept)
    head, rest = path[0], path[1:]
    if isinstance(new, dict):
        return _keep_in_object(new, old if isinstance(old, dict) else {}, head, rest)
    if isinstance(new, list) and isinstance(old, list):
        chosen = range(len(new)) if head == "*" else [head]
        return [
            _keep(item, old[n], rest) if n in chosen and n < len(old) else item
            for n, item in enumerate(new)
        ]
    return new


def _keep_in_object(
    new: Properties, old: Properties, head: str | int, rest: tuple[str | int, ...]
) -> Properties:
    result = dict(new)
    for key in {*new, *old} if head == "*" else {str(head)}:
        if not rest and key not in old:
            result.pop(key, None)
        elif not rest:
            result[key] = old[key]
        elif key in new and key in old:
            result[key] = _keep(new[key], old[key], rest)
    return result


def _bare(value: PropertyValue) -> PropertyValue:
    return value.value if isinstance(value, Secret) else value

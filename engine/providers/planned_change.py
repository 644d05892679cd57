"""What applying inputs to a resource would change, as the real provider's plan sees it.

The plan compares what the program wants, defaults filled in, with what the state says is there;
it is not the old inputs that count, so drift which a refresh has found is put right.
"""

from __future__ import annotations

import json
from typing import Any

from engine.property_value import UNKNOWN
from engine.providers.resource_type import Properties, ResourceType


def changed_keys(
    type_: ResourceType, *, old_inputs: Properties, outputs: Properties, news: Properties
) -> tuple[str, ...]:
    """The inputs that differ, by name, sorted."""
    wanted = type_.fill(news)
    return tuple(
        sorted(key for key in type_.inputs if _differs(type_, key, wanted, old_inputs, outputs))
    )


def _differs(
    type_: ResourceType,
    key: str,
    wanted: Properties,
    old_inputs: Properties,
    outputs: Properties,
) -> bool:
    want, have = wanted.get(key), outputs.get(key)
    if want is None:
        return key in type_.optional and have is not None
    if key in type_.sets:
        want, have = _ordered(want, type_.sets[key]), _ordered(have, type_.sets[key])
    return not covers(want, have) or _dropped(old_inputs.get(key), want)


def covers(want: Any, have: Any) -> bool:
    """True where ``have`` is what is wanted; properties that only the service fills don't count."""
    if isinstance(want, str) and want == UNKNOWN:
        return False
    if isinstance(want, dict):
        have = have if isinstance(have, dict) else {}
        return all(covers(item, have.get(key)) for key, item in want.items())
    if isinstance(want, list):
        if not isinstance(have, list) or len(want) != len(have):
            return False
        return all(covers(item, other) for item, other in zip(want, have, strict=True))
    return bool(want == have)


def _dropped(before: Any, want: Any) -> bool:
    """True where the program gave a nested property before and gives it no more."""
    if isinstance(before, dict) and isinstance(want, dict):
        gone = any(value is not None and key not in want for key, value in before.items())
        return gone or any(_dropped(before.get(key), item) for key, item in want.items())
    return False


def _ordered(items: Any, name: str) -> Any:
    if not isinstance(items, list):
        return items

    def key(item: Any) -> str:
        return str(item.get(name)) if name and isinstance(item, dict) else json.dumps(item)

    return sorted(items, key=key)

"""What applying inputs to a resource would change, as the real provider's plan sees it.

The plan compares what the program wants, defaults filled in, with what the state says is there;
it is not the old inputs that count, so drift which a refresh has found is put right.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from engine.property_value import UNKNOWN
from engine.providers.resource_type import Properties, ResourceType

Kind = Literal["add", "delete", "update"]
"""What happens to a property."""


def changed_keys(
    type_: ResourceType, *, old_inputs: Properties, outputs: Properties, news: Properties
) -> tuple[str, ...]:
    """The inputs that differ, by name, sorted."""
    wanted = type_.fill(news)
    return tuple(
        sorted(key for key in type_.inputs if _differs(type_, key, wanted, old_inputs, outputs))
    )


def changed_paths(
    type_: ResourceType, keys: Sequence[str], *, outputs: Properties, news: Properties
) -> dict[str, Kind]:
    """Return where the inputs of these names differ, as property paths with the kind of change.

    A set is compared element by element, as pkg/tfbridge/detailed_diff.go of
    pulumi/pulumi-terraform-bridge does: an element that is the same in both has no path. What the
    CLI shows of a path is the element in the old outputs beside the one in the new inputs
    (pulumi/pulumi pkg/engine/detailedDiff.go), so a changed module is shown with its name.
    """
    wanted, found = type_.fill(news), dict[str, Kind]()
    for key in keys:
        want, have = wanted.get(key), outputs.get(key)
        name = type_.sets.get(key)
        if name and isinstance(want, list) and isinstance(have, list):
            wants = {item.get(name): item for item in want}
            haves = {item.get(name): item for item in have}
            same = {one for one in wants.keys() & haves.keys() if covers(wants[one], haves[one])}
            gone = {at for at, item in enumerate(have) if item.get(name) not in same}
            come = {at for at, item in enumerate(want) if item.get(name) not in same}
            for at in sorted(gone | come):
                found[f"{key}[{at}]"] = _kind(have=at in gone, want=at in come)
        else:
            found[key] = _kind(have=have is not None, want=want is not None)
    return found


def _kind(*, have: bool, want: bool) -> Kind:
    if have and want:
        return "update"
    return "delete" if have else "add"


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

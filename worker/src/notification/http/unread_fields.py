"""Fields of a body that nobody reads: a misspelt one must not change a send without a word."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from notification.errors import ServiceError

MAX_NAMED = 5
"""Fields that one warning names; the others are counted."""
_SHOWN = 60
"""Characters that are shown of a name."""
_LIKENESS = 0.8


class UnreadFields:
    """Collects them, for one warning of bounded length."""

    __slots__ = ("_count", "_named")

    def __init__(self) -> None:
        self._count = 0
        self._named: list[tuple[str, str]] = []

    def check(self, value: Any, known: AbstractSet[str], where: str = "") -> None:
        """Note the fields of an object that aren't `known`; anything else has none.

        Args:
            value: a part of a body.
            known: the fields that are read, as a set.
            where: the object's own place in the body, empty for the body itself.
        """
        if not isinstance(value, Mapping) or value.keys() <= known:
            return
        for name in value:
            if name not in known:
                self._count += 1
                if len(self._named) < MAX_NAMED:
                    meant = _nearest(name[:_SHOWN], known)
                    self._named.append((_place(where, name), _place(where, meant) if meant else ""))

    def warnings(self) -> list[dict[str, Any]]:
        """Return the warning, as an answer carries it; empty if every field is read."""
        if not self._named:
            return []
        told = [f"{name} (did you mean {meant}?)" if meant else name for name, meant in self._named]
        if self._count > len(told):
            told.append(f"and {self._count - len(told)} more")
        return [
            {
                "code": "UNKNOWN_FIELDS",
                "message": f"These fields have no effect: {', '.join(told)}",
                "fields": [name for name, _ in self._named],
            }
        ]


def refuse_unknown_fields(body: Mapping[str, Any], *known: str) -> None:
    """Refuse a field that a route doesn't know, where it would have said what the route touches.

    Ignored, `task_ids` would end every retry, and `dry_run` migrate.

    Raises:
        ServiceError: INVALID_PARAMETER, naming the fields that the route takes.
    """
    for name in body:
        if name not in known:
            meant = _nearest(name[:_SHOWN], frozenset(known))
            question = f" (did you mean {meant}?)" if meant else ""
            raise ServiceError(
                "INVALID_PARAMETER",
                f"Unknown field {_visible(name)}{question}; the body takes: {', '.join(known)}",
            )


def _place(where: str, name: str) -> str:
    """Return a field's place, with everything written out that can't be seen."""
    return f"{_visible(where)}.{_visible(name)}" if where else _visible(name)


def _visible(name: str) -> str:
    text = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
    if text and text.isprintable() and text == text.strip():
        return text
    return repr(text)


def _nearest(name: str, known: AbstractSet[str]) -> str:
    """Return the field that was probably meant; empty if none is near."""
    spellings = {_folded(each): each for each in sorted(known)}
    folded = _folded(name)
    if folded in spellings:
        return spellings[folded]
    # Only who misspells a field pays for the import.
    from difflib import get_close_matches

    near = get_close_matches(folded, spellings, n=1, cutoff=_LIKENESS)
    return spellings[near[0]] if near else ""


def _folded(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")

"""Reading the service's JSON: a missing or wrong field is an error, never an empty value."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from notification_sdk._errors import InvalidResponse


class Fields:
    """The fields of one JSON object of an answer.

    Every method raises `InvalidResponse`, which names the field, where the value has another type.

    Args:
        value: what should be an object.
        place: where it stands in the answer, for the error.
    """

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, Mapping):
            raise _wrong(place, "an object", value)
        self._value: Mapping[str, Any] = value
        self._place = place

    @property
    def document(self) -> Mapping[str, Any]:
        """The whole object."""
        return self._value

    def get(self, name: str) -> Any:
        """Return a field of any type, ``None`` where there is none."""
        return self._value.get(name)

    def text(self, name: str) -> str:
        """Return a text."""
        found: str = self._of(name, str, "a text")
        return found

    def text_or_none(self, name: str) -> str | None:
        """Return a text, ``None`` where it is null or missing."""
        return None if self.get(name) is None else self.text(name)

    def whole(self, name: str, *, default: int | None = None) -> int:
        """Return a whole number; ``default`` where it is missing and a default is given."""
        found = self.get(name)
        if found is None and default is not None:
            return default
        if isinstance(found, bool):
            raise _wrong(f"{self._place}.{name}", "a whole number", found)
        number: int = self._of(name, int, "a whole number")
        return number

    def whole_or_none(self, name: str) -> int | None:
        """Return a whole number, ``None`` where it is null or missing."""
        return None if self.get(name) is None else self.whole(name)

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """Return a truth value; ``default`` where it is missing and a default is given."""
        if self.get(name) is None and default is not None:
            return default
        found: bool = self._of(name, bool, "true or false")
        return found

    def time(self, name: str) -> datetime:
        """Return a time with its zone."""
        found = self.time_or_none(name)
        if found is None:
            raise _wrong(f"{self._place}.{name}", "a time", None)
        return found

    def time_or_none(self, name: str) -> datetime | None:
        """Return a time with its zone, ``None`` where it is null or missing."""
        text = self.text_or_none(name)
        if text is None:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            raise _wrong(f"{self._place}.{name}", "a time", text) from None
        if found.tzinfo is None:
            raise _wrong(f"{self._place}.{name}", "a time with its zone", text)
        return found

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return an object."""
        found: Mapping[str, Any] = self._of(name, dict, "an object")
        return found

    def mapping_or_none(self, name: str) -> Mapping[str, Any] | None:
        """Return an object, ``None`` where it is null or missing."""
        return None if self.get(name) is None else self.mapping(name)

    def inner(self, name: str) -> Fields:
        """Return the fields of an object."""
        return Fields(self.get(name), f"{self._place}.{name}")

    def items(self, name: str) -> list[Fields]:
        """Return the fields of each object of a list."""
        found = self._of(name, list, "a list")
        return [Fields(item, f"{self._place}.{name}[{n}]") for n, item in enumerate(found)]

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of a list."""
        found = self._of(name, list, "a list")
        for n, item in enumerate(found):
            if not isinstance(item, str):
                raise _wrong(f"{self._place}.{name}[{n}]", "a text", item)
        return tuple(found)

    def _of(self, name: str, kind: type, what: str) -> Any:
        found = self.get(name)
        if not isinstance(found, kind):
            raise _wrong(f"{self._place}.{name}", what, found)
        return found


def _wrong(place: str, expected: str, found: object) -> InvalidResponse:
    shown = "nothing" if found is None else f"of type {type(found).__name__}"
    return InvalidResponse(
        f"{place} should be {expected} and is {shown}: the answer isn't the service's, or this "
        "library is too old for it.",
        code="INVALID_RESPONSE",
    )

"""How old a stack's secrets are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic.alias_generators import to_snake

from infra.settings import StackFile
from ops.access.keys.generation import GENERATED

ROTATE_AFTER_DAYS = 90


@dataclass(frozen=True)
class KeyAge:
    """One secret of one stack.

    Attributes:
        stack: the stack's name.
        key: the secret's setting.
        days: days since it was set; ``None`` where nobody recorded it.
    """

    stack: str
    key: str
    days: int | None

    @property
    def is_due(self) -> bool:
        """Whether it has to be rotated, or nobody knows."""
        return self.days is None or self.days > ROTATE_AFTER_DAYS

    def document(self) -> dict[str, Any]:
        """Return it as plain values, for ``--json``."""
        return {"stack": self.stack, "key": self.key, "days": self.days, "due": self.is_due}


def key_ages(file: StackFile, *, today: date) -> Iterator[KeyAge]:
    """Yield the age of every secret that the stack's file has; values are never read."""
    known = file.known
    for key in GENERATED:
        if file.checked.is_set(key):
            set_on: date | None = getattr(known, f"{to_snake(key)}_set_on")
            days = None if set_on is None else (today - set_on).days
            yield KeyAge(file.stack, key, days)

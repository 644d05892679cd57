"""How old a stack's secrets are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from infra.settings.problems import PROJECT
from ops.access.keys.generation import GENERATED
from ops.stacks.settings_file import StackFile

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


def key_ages(path: Path, *, today: date) -> Iterator[KeyAge]:
    """Yield the age of every secret that the stack's file has; values are never read."""
    config = StackFile.read(path).config
    stack = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    for key in GENERATED:
        if f"{PROJECT}:{key}" not in config:
            continue
        set_on = config.get(f"{PROJECT}:{key}SetOn")
        yield KeyAge(stack, key, _days(set_on, today))


def _days(set_on: object, today: date) -> int | None:
    try:
        day = set_on if isinstance(set_on, date) else date.fromisoformat(str(set_on))
    except ValueError:
        return None
    return (today - day).days

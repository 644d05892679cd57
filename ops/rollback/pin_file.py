"""The pin in a stack's settings file: which version serves in place of which bundle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ops.errors import UsageError
from ops.stacks.settings_file import StackFile

KEY = "notification-system:pin"
_MOST_REASON = 500
"""Characters (`infra.settings.traffic.Pin`)."""


@dataclass(frozen=True)
class Pin:
    """A version that serves as long as the program's bundle is ``instead_of``.

    Attributes:
        version: the version's id.
        instead_of: SHA-256 of the bad bundle.
        reason: one line for whoever reads the file later.
    """

    version: str
    instead_of: str
    reason: str = ""

    @classmethod
    def of_file(cls, path: Path) -> Pin | None:
        """Return the pin that a stack's file has, if it has one."""
        value: Any = StackFile.read(path).config.get(KEY)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return None
        if not isinstance(value, Mapping):
            return None
        return cls(
            version=str(value.get("version", "")),
            instead_of=str(value.get("insteadOf", "")),
            reason=str(value.get("reason", "")),
        )

    def write(self, path: Path) -> None:
        """Put the pin into the file, in place of one that is there; comments stay as they are.

        Raises:
            UsageError: the file is written in a way that can't be changed without losing some.
        """
        content = {"version": self.version, "insteadOf": self.instead_of}
        if self.reason:
            content["reason"] = " ".join(self.reason.split())[:_MOST_REASON]
        _replace(path, content)


def remove_pin(path: Path) -> None:
    """Take the pin out of the file; nothing happens where there is none."""
    if KEY in StackFile.read(path).config:
        _replace(path, None)


def _replace(path: Path, content: Mapping[str, str] | None) -> None:
    before = StackFile.read(path)
    wanted = {k: v for k, v in before.config.items() if k != KEY}
    if content is not None:
        wanted[KEY] = dict(content)
    text = path.read_text(encoding="utf-8")
    changed = _edited(text, content)
    if (yaml.safe_load(changed) or {}).get("config") != wanted:
        raise UsageError(
            f"{path.name} can't be changed in place: write its settings as a block under 'config:' "
            f"with one key a line, or set {KEY} by hand to {json.dumps(content)}."
        )
    staged = path.with_name(f".{path.name}.new")
    staged.write_text(changed, encoding="utf-8")
    staged.chmod(path.stat().st_mode)
    staged.replace(path)


def _edited(text: str, content: Mapping[str, str] | None) -> str:
    """Return the text with the key's lines replaced, right after ``config:`` where it is new."""
    lines = text.splitlines(keepends=True)
    kept: list[str] = []
    at: int | None = None
    indent = "  "
    inside = False
    for line in lines:
        depth = len(line) - len(line.lstrip(" "))
        if inside and line.strip() and depth > len(indent):
            continue
        inside = line.strip().startswith(f"{KEY}:")
        if inside:
            indent, at = " " * depth, len(kept)
            continue
        kept.append(line)
        if line.rstrip() == "config:" and at is None:
            at = len(kept)
    if content is None:
        return "".join(kept)
    if at is None:
        kept.append("config:\n")
        at = len(kept)
    block = [f"{indent}{KEY}:\n"]
    block += [f"{indent}  {name}: {json.dumps(value)}\n" for name, value in content.items()]
    if at and not kept[at - 1].endswith("\n"):
        kept[at - 1] += "\n"
    return "".join([*kept[:at], *block, *kept[at:]])

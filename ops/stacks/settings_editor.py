"""Changes single settings in a stack's file and leaves everything else in it as it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ops.stacks.errors import UsageError
from ops.stacks.settings_file import StackFile

_INDENT = "  "
SALT_KEY = "encryptionsalt"


def edit_settings(
    path: Path, changes: Mapping[str, Any | None], *, salt: str | None = None
) -> None:
    """Set each key of ``changes``, by its full name, in the file; ``None`` takes a key out.

    Comments and other keys stay. ``salt`` becomes the file's encryption salt. The file is replaced
    as a whole: who reads it meanwhile sees the old one or the new one.

    Raises:
        UsageError: the file is written in a way that can't be changed without losing some of it.
    """
    before = StackFile.read(path)
    wanted = {key: value for key, value in before.config.items() if key not in changes}
    wanted |= {key: value for key, value in changes.items() if value is not None}
    text = path.read_text(encoding="utf-8")
    for key, value in changes.items():
        text = _with(text, key, value)
    document = dict(before.content)
    if salt is not None:
        document[SALT_KEY] = salt
        if SALT_KEY not in before.content:
            text = f"{text.rstrip()}\n{SALT_KEY}: {salt}\n"
    try:
        found = yaml.safe_load(text) or {}
    except yaml.YAMLError:
        found = None  # Added to a file that isn't a block, it is no document any more.
    if found != {**document, "config": wanted}:
        raise UsageError(
            f"{path.name} can't be changed in place: write its settings as a block under 'config:' "
            f"with one key a line, or set {', '.join(changes)} by hand."
        )
    staged = path.with_name(f".{path.name}.new")
    staged.write_text(text, encoding="utf-8")
    staged.chmod(path.stat().st_mode)
    staged.replace(path)


def _with(text: str, key: str, value: Any | None) -> str:
    """Return the text with the key's lines replaced; a new key goes after the last setting."""
    kept: list[str] = []
    at: int | None = None
    end: int | None = None
    indent = _INDENT
    in_config = inside = False
    for line in text.splitlines(keepends=True):
        depth = len(line) - len(line.lstrip(" "))
        if inside and line.strip() and depth > len(indent):
            continue
        inside = in_config and line.strip().startswith((f"{key}:", f'"{key}":'))
        if inside:
            indent, at = _INDENT if depth == 0 else " " * depth, len(kept)
            continue
        kept.append(line)
        if depth == 0 and line.strip() and not line.startswith("#"):
            in_config = line.rstrip() == "config:"
        if in_config and line.strip():
            end = len(kept)
    at = end if at is None else at
    if value is None:
        return "".join(kept)
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    if at is None:
        if any(line.startswith("config:") for line in kept):
            return text  # Not a block: the caller sees that nothing has changed.
        kept.append("config:\n")
        at = len(kept)
    return "".join([*kept[:at], *_lines(indent, key, value), *kept[at:]])


def _lines(indent: str, key: str, value: Any) -> list[str]:
    if isinstance(value, Mapping) and value:
        parts = (f"{indent}  {name}: {json.dumps(item)}\n" for name, item in value.items())
        return [f"{indent}{key}:\n", *parts]
    return [f"{indent}{key}: {json.dumps(value)}\n"]

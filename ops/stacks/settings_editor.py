"""Changes single settings in a stack's file and leaves everything else in it as it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from localcloud.atomic_write import write_whole
from ops.stacks.context import read_stack_file
from ops.stacks.errors import UsageError

SALT_KEY = "encryptionsalt"
_INDENT = 2


def edit_settings(
    path: Path, changes: Mapping[str, Any | None], *, salt: str | None = None
) -> None:
    """Set each key of ``changes``, by its full name, in the file; ``None`` takes a key out.

    Everything else stays byte for byte: comments, order, quotes, indentation, line ends, a byte
    order mark. The file is replaced as a whole: who reads it meanwhile sees the old one or the new.

    Args:
        path: the stack's file.
        changes: new values by full key.
        salt: becomes the file's encryption salt where it has none.

    Raises:
        UsageError: the file is written in a way that can't be changed without losing some of it.
    """
    write_whole(path, _edited(path, changes, salt), mode=stat.S_IMODE(path.stat().st_mode))


def check_editable(path: Path, changes: Mapping[str, Any | None]) -> None:
    """Find out whether `edit_settings` can make these changes, before something depends on it.

    Raises:
        UsageError: the file is written in a way that can't be changed, or can't be replaced.
    """
    _edited(path, changes, None)
    if not os.access(path.parent, os.W_OK):
        raise UsageError(
            f"{path.name} can't be replaced, since nothing may be written into {path.parent}: "
            "make that folder writable."
        )


def _edited(path: Path, changes: Mapping[str, Any | None], salt: str | None) -> str:
    """Return the file's new text."""
    before = read_stack_file(path)
    wanted = {key: value for key, value in before.config.items() if key not in changes}
    wanted |= {key: value for key, value in changes.items() if value is not None}
    document = {**before.content, "config": wanted}
    if salt is not None:
        document[SALT_KEY] = salt
    # Decoded by hand: reading as text would take the line ends of Windows away.
    text = path.read_bytes().decode("utf-8")
    try:
        for key, value in changes.items():
            text = _with_setting(text, key, value)
        if salt is not None and SALT_KEY not in before.content:
            text = _with_lines(text, len(text), [f"{SALT_KEY}: {salt}"])
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        found = None  # What was added doesn't fit, or an anchor that is used elsewhere went.
    if found != document:
        raise UsageError(
            f"{path.name} can't be changed in place: write its settings as a block under 'config:' "
            f"with one key a line and without anchors, or set {', '.join(changes)} by hand."
        )
    return text


class _Loader(yaml.SafeLoader):
    """Tells where each node stands; an alias stands where it is written, not at its anchor."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if not self.check_event(yaml.AliasEvent):
            return super().compose_node(parent, index)
        alias: Any = self.peek_event()  # type: ignore[no-untyped-call]
        super().compose_node(parent, index)
        return yaml.ScalarNode("", alias.anchor, alias.start_mark, alias.end_mark)


class _Dumper(yaml.SafeDumper):
    """Quotes every text, so that none is taken for a number or a switch."""


_Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def _with_setting(text: str, key: str, value: Any | None) -> str:
    """Return the text with one setting changed, added after the last one, or taken out."""
    root = yaml.compose(text, Loader=_Loader)
    config = _find(root, "config")
    if config is None:
        if value is None:
            return text
        text = _with_lines(text, len(text), ["config:"])
        return _with_lines(text, len(text), _lines(_INDENT, key, value))
    holder, settings = config
    if not settings.value:
        if value is None:
            return text
        text = text[: holder.end_mark.index + 1] + text[settings.end_mark.index :]
        return _with_lines(text, holder.end_mark.index, _lines(_INDENT, key, value))
    found = _find(settings, key)
    column = settings.start_mark.column
    if found is None:
        end = _end(text, settings)
        return text if value is None else _with_lines(text, end, _lines(column, key, value))
    name, old = found
    start, end = name.end_mark.index, _end(text, old)
    if value is None:
        return text[: start - name.end_mark.column] + text[_next_line(text, end) :]
    first, *block = _lines(column, "", value)
    if old.start_mark.line > name.end_mark.line:
        # What follows the key on its line is a comment.
        first += text[start + 1 : _next_line(text, start)].rstrip()
    return text[:start] + _newline(text).join([first.lstrip(" "), *block]) + text[end:]


def _find(mapping: yaml.Node | None, key: str) -> tuple[yaml.Node, yaml.Node] | None:
    pairs = mapping.value if isinstance(mapping, yaml.MappingNode) else []
    # Of two equal keys the last one counts.
    return next((pair for pair in reversed(pairs) if pair[0].value == key), None)


def _end(text: str, node: yaml.Node) -> int:
    """Return where a node's last character stands; a block reaches no further than its content."""
    while isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(node, yaml.MappingNode) else last
    start, end = node.start_mark.index, node.end_mark.index
    return start + len(text[start:end].rstrip())


def _lines(column: int, key: str, value: Any) -> list[str]:
    indent = " " * column
    if isinstance(value, Mapping) and value:
        inner = " " * (column + _INDENT)
        return [f"{indent}{key}:", *(f"{inner}{name}: {_flow(v)}" for name, v in value.items())]
    return [f"{indent}{key}: {_flow(value)}"]


def _flow(value: Any) -> str:
    """Return a value as YAML on one line."""
    # In a list, since a bare number would be followed by the mark of a document's end.
    text = yaml.dump(
        [value],
        Dumper=_Dumper,
        default_flow_style=True,
        allow_unicode=True,
        sort_keys=False,
        width=2**31,
    )
    return text.strip()[1:-1]


def _with_lines(text: str, index: int, lines: list[str]) -> str:
    """Return the text with lines added below the line of that character."""
    newline = _newline(text)
    at = _next_line(text, index)
    head = text[:at] if not at or text[at - 1] == "\n" else text[:at] + newline
    return head + "".join(line + newline for line in lines) + text[at:]


def _next_line(text: str, index: int) -> int:
    return text.find("\n", index) + 1 or len(text)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"

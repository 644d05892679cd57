"""Rows of an answer as a table, or as records where the terminal is too narrow for it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells

NARROW = 80
"""Below so many columns a table that doesn't fit becomes records, one below the other."""

_GAP = 2
_LEAST = 10
"""What a column that gives way keeps, so that its words can still be read."""

_KEPT = frozenset("\n\t")


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        name: its heading.
        whole: never cut or wrapped: ids, times, addresses, whatever is copied.
        number: aligned to the right; whole as well.
    """

    name: str
    whole: bool = False
    number: bool = False

    @property
    def is_rigid(self) -> bool:
        """Whether the column keeps its width."""
        return self.whole or self.number


def whole(name: str) -> Column:
    """Return a column that is never cut."""
    return Column(name, whole=True)


def number(name: str) -> Column:
    """Return a column of numbers."""
    return Column(name, number=True)


def visible(text: str, *, line_breaks: bool = True) -> str:
    """Return a text with what a terminal would obey written out: escapes, bells, bidi marks.

    Args:
        text: any text, foreign ones among them.
        line_breaks: whether line breaks and tabs stay; in a table's cell they are written out too.
    """
    if text.isprintable():
        return text
    kept = _KEPT if line_breaks else frozenset()
    return "".join(each if each in kept or not _obeyed(each) else _written(each) for each in text)


def lay_out(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int | None
) -> list[str]:
    """Return the lines of a table.

    Args:
        columns: the columns, in their order.
        rows: a text for each column.
        width: columns of the terminal; ``None``: as many as it takes (a file, a pipe).

    Returns:
        A heading and at least one line for each row; where the width holds no table, a record for
        each row: a line for each of its columns that isn't empty.
    """
    cells = [[visible(cell, line_breaks=False) for cell in row] for row in rows]
    natural = [
        max(cell_len(text) for text in (column.name, *(row[at] for row in cells)))
        for at, column in enumerate(columns)
    ]
    widths = _fitted(columns, natural, width)
    if widths is None:
        return _records(columns, cells, width or NARROW)
    lines = _row(columns, [column.name for column in columns], widths)
    for row in cells:
        lines += _row(columns, row, widths)
    return lines


def _fitted(
    columns: Sequence[Column], natural: Sequence[int], width: int | None
) -> list[int] | None:
    """Return each column's width, or ``None`` where there is no room for a table."""
    widths = list(natural)
    too_many = sum(widths) + _GAP * (len(widths) - 1) - (width or 0)
    if width is None or too_many <= 0:
        return widths
    givers = [at for at, column in enumerate(columns) if not column.is_rigid]
    if width < NARROW or sum(max(0, widths[at] - _LEAST) for at in givers) < too_many:
        return None
    for _ in range(too_many):
        widths[max(givers, key=lambda at: widths[at])] -= 1
    return widths


def _row(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    parts = [_wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    lines = []
    for at in range(max(map(len, parts))):
        texts = [part[at] if at < len(part) else "" for part in parts]
        placed = (
            _padded(text, width, right=column.number)
            for column, text, width in zip(columns, texts, widths, strict=True)
        )
        lines.append((" " * _GAP).join(placed).rstrip())
    return lines


def _records(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    indent = max(cell_len(column.name) for column in columns) + _GAP
    lines: list[str] = []
    for row in rows:
        if lines:
            lines.append("")
        for column, cell in zip(columns, row, strict=True):
            if not cell:
                continue
            room = max(_LEAST, width - indent)
            parts = [cell] if column.is_rigid else _wrapped(cell, room)
            name = _padded(column.name, indent)
            lines += [f"{name if not at else ' ' * indent}{part}" for at, part in enumerate(parts)]
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    """Break a text between words, and within a word only where it is longer than a line."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cell_len(joined) <= width:
            lines[-1] = joined
            continue
        if not lines[-1]:
            lines.pop()
        lines += chop_cells(word, width)
    return lines


def _padded(text: str, width: int, *, right: bool = False) -> str:
    room = " " * (width - cell_len(text))
    return room + text if right else text + room


def _obeyed(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Zl", "Zp") and letter != "\u200d"


def _written(letter: str) -> str:
    """Write a letter out as a string of Python has it, with a backslash."""
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")

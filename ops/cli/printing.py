"""Plain text for standard output: what comes from elsewhere is shown, and never obeyed."""

from __future__ import annotations

import json
import re
from typing import Any

import typer

from ops.stacks.table import visible


def say(text: object, *, err: bool = False, nl: bool = True) -> None:
    """Print a text with what a terminal would obey written out.

    Args:
        text: what to print; its line breaks stay.
        err: print on standard error.
        nl: end with a line break.
    """
    typer.echo(visible(str(text)), err=err, nl=nl)


def say_json(document: Any) -> None:
    """Print what ``--json`` asks for: a document over several lines, in ASCII."""
    say(json.dumps(document, indent=2))


def json_text(document: Any, *, indent: int | None = 2) -> str:
    """Return JSON in which letters of any script are themselves, and what is obeyed is an escape.

    Args:
        document: plain values.
        indent: spaces of a level; ``None`` puts everything on one line.
    """
    text = json.dumps(document, indent=indent, ensure_ascii=False)
    return re.sub(r"[^\x00-\x7e]", lambda found: _escaped(found[0]), text)


def _escaped(letter: str) -> str:
    return letter if visible(letter) == letter else json.dumps(letter)[1:-1]

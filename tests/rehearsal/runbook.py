"""The runbook's commands, section by section, as a person on duty would paste them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.docs.document import ROOT

_FENCE = re.compile(r"```(?P<info>[a-z ]*)$")
_PART = re.compile(r"\*\*(?P<name>[A-Z][a-z ]+)\.?\*\*")
FIRST, COMMANDS, OVER = "First command", "Commands", "It is over when"
OURS = "notifyctl "
"""What is run here. `git`, `dig` and `curl` against a real domain are no part of the product."""


def commands(section: str, part: str) -> list[str]:
    """Return the commands of one part of a section, each as one line.

    Raises:
        KeyError: there is no such section, or it has no command there.
    """
    found = _sections()[section].get(part)
    if not found:
        raise KeyError(f"{section}, {part}")
    return found


def sections() -> list[str]:
    """Return the sections that begin with a first command: those of an incident."""
    return [name for name, parts in _sections().items() if FIRST in parts]


def filled_in(command: str, values: Mapping[str, str]) -> str:
    """Return a command for the stack `local`, with the placeholders of this incident filled in."""
    text = command.replace("--stack production", "--stack local").replace("production", "local")
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _sections() -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    heading, part = "", ""
    block: list[str] | None = None
    for line in (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8").splitlines():
        if block is not None:
            if line.startswith("```"):
                text = "\n".join(block).replace("\\\n", " ")
                found[heading].setdefault(part, []).extend(text.splitlines())
                block = None
            else:
                block.append(line)
        elif line.startswith("## "):
            heading, part = line.removeprefix("## "), ""
            found[heading] = {}
        elif (fence := _FENCE.match(line)) and fence["info"].startswith("console"):
            block = []
        elif named := _PART.match(line):
            part = named["name"].strip()
        if part == OVER and not line.startswith("```"):
            over = [text for text in re.findall(r"`([^`]+)`", line) if text.startswith(OURS)]
            found[heading].setdefault(part, []).extend(over)
    return found

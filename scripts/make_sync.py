"""Make the sync client of the async one: ``python scripts/make_sync.py``.

The two differ in ``async``, ``await`` and a few names, so one is written and the other made. A
regular expression also rewrites docstrings, which is why this isn't a tokenizer's work.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "sdk" / "notification_sdk"
_NAMES = {
    "_async": "_sync",
    "aclose": "close",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "map_with_tasks": "map_with_threads",
    "anyio": "time",
    "AsyncBaseTransport": "BaseTransport",
    "AsyncIterator": "Iterator",
}
_WORD = re.compile(r"\basync |\bawait |\b[A-Za-z_]\w*")
_MADE = "Made of the async package by ``scripts/make_sync.py``: change that one."


def sync_text(text: str) -> str:
    """Return the sync form of an async module."""

    def replaced(found: re.Match[str]) -> str:
        word = found[0]
        if word in ("async ", "await "):
            return ""
        if word in _NAMES:
            return _NAMES[word]
        return word.removeprefix("Async")

    changed = _WORD.sub(replaced, text).replace("import time\nimport time\n", "import time\n")
    changed = re.sub(r"^(import time\n)(.*?)\nimport time\n", r"\1\2\n", changed, flags=re.M | re.S)
    end = changed.index('"""', 3)
    return f"{changed[:end].rstrip()}\n\n{_MADE}\n{changed[end:]}"


def formatted(text: str, name: str) -> str:
    """Return the text as ruff writes it."""
    for command in (("check", "--fix-only", "--select", "I,F401"), ("format",)):
        text = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "-q", "--stdin-filename", name, "-"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    return text


def made() -> dict[Path, str]:
    """Return the sync package's files and their text."""
    return {
        PACKAGE / "_sync" / source.name: formatted(
            sync_text(source.read_text(encoding="utf-8")),
            f"sdk/notification_sdk/_sync/{source.name}",
        )
        for source in sorted((PACKAGE / "_async").glob("*.py"))
    }


if __name__ == "__main__":
    for file, text in made().items():
        file.write_text(text, encoding="utf-8")

"""States as they were before something could have spoilt them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

KEPT = 10
"""Files for each stack; the oldest go."""


def keep_state(home: Path, stack: str, exported: Mapping[str, Any]) -> Path:
    """Write a state below ``home`` and return its file, which ``pulumi stack import`` takes.

    Args:
        home: the project's folder of local files, which is in no commit.
        stack: the stack's name.
        exported: the state as its driver exports it, secrets encrypted.
    """
    folder = home / "states" / stack
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / f"{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%fZ')}.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(exported, indent=2) + "\n", encoding="utf-8")
    for old in sorted(folder.glob("*.json"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return file

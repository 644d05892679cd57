"""What the pictures of the console were made from, so that old ones are noticed."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.docs.document import ROOT

RECORD = ROOT / "docs" / "images" / "console-sources.sha256"
MAKE_AGAIN = (
    "The console's sources have changed since its pictures were made. Make them again: "
    "CONSOLE_SCREENSHOTS=docs/images .venv/bin/python -m pytest tests/console/test_screenshots.py"
)


def sources_sha256(folder: Path = ROOT / "console") -> str:
    """Return the hash over what is seen of the console: scripts, styles, page and icons by name."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        seen = path.suffix in {".tsx", ".ts", ".css", ".html", ".svg"}
        if path.is_file() and seen and not path.name.endswith(".d.ts"):
            content = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
    return digest.hexdigest()

"""Static assets on disk, one file per hash, with their content types in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from localcloud.atomic_write import write_whole
from localcloud.database import Database

MANIFEST = "asset_manifest"  # where a version's document keeps it
Manifest = dict[str, dict[str, Any]]
"""Path → {"hash", "size"}: what a version serves, as the client declared it."""


class AssetStore:
    """Files are written once: a hash that is there already is never written again."""

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder = folder
        self._database = database

    def put(self, name: str, content: bytes, content_type: str | None) -> None:
        """Store a file under its hash. Raises OSError or sqlite3.Error."""
        write_whole(self._folder / name, content)
        self._database.execute(
            "INSERT OR REPLACE INTO assets VALUES (?, ?, ?)", name, content_type, len(content)
        )

    def missing(self, manifest: Manifest) -> list[str]:
        """The hashes that aren't stored yet, each once, sorted."""
        hashes = {entry["hash"] for entry in manifest.values()}
        return sorted(name for name in hashes if self._content_type(name) is None)

    def served(self, manifest: Manifest) -> dict[str, dict[str, Any]]:
        """The manifest with each file's content type, for the host."""
        found = {}
        for path, entry in manifest.items():
            (content_type,) = self._content_type(entry["hash"]) or (None,)
            found[path] = {**entry, "contentType": content_type}
        return found

    def keep_only(self, hashes: Iterable[str]) -> None:
        """Remove all files but these, and what a kill left half written."""
        kept = set(hashes)
        for entry in self._folder.iterdir():
            if entry.name not in kept:
                entry.unlink(missing_ok=True)
        for row in self._database.rows("SELECT hash FROM assets"):
            if row["hash"] not in kept:
                self._database.execute("DELETE FROM assets WHERE hash = ?", row["hash"])

    def _content_type(self, name: str) -> tuple[str | None] | None:
        """The type in a tuple, since a file may have none; None where there is no such file."""
        row = self._database.row("SELECT content_type FROM assets WHERE hash = ?", name)
        if row is None or not (self._folder / name).is_file():
            return None
        return (row["content_type"],)


def used_hashes(database: Database, now_ms: int) -> set[str]:
    """Hashes that a version serves, or that an upload under way has sent."""
    manifests = [
        json.loads(row["document"]).get(MANIFEST) or {}
        for row in database.rows("SELECT document FROM versions")
    ]
    sessions = database.rows("SELECT manifest FROM asset_sessions WHERE expires_ms > ?", now_ms)
    manifests += [json.loads(row["manifest"]) for row in sessions]
    return {entry["hash"] for manifest in manifests for entry in manifest.values()}

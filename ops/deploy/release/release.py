"""One release of a stack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ops.stacks.active_deployment import short_version


@dataclass(frozen=True)
class Release:
    """One entry of the stack's list of releases (``infra.release_ledger``).

    Attributes:
        version_id: the Worker version that was uploaded for it.
        at: when it was deployed, ISO-8601 in UTC.
        commit: git commit of its code; empty where nobody gave it.
        bundle_sha256: digest of its bundle.
        assets_sha256: digest of its console's assets; empty where it serves none.
        code_level: level of the migrations that its code came with.
        schema_level: level of the database after it.
        fingerprints: its secrets' fingerprints, by their key.
        serving: percent of the requests by version id, after it.
        settings: its ordinary settings that weren't the defaults, by their short names; ``None``
            for a release of a program that didn't keep them.
    """

    version_id: str
    at: str
    commit: str
    bundle_sha256: str
    assets_sha256: str
    code_level: int
    schema_level: int
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    serving: Mapping[str, float] = field(default_factory=dict)
    settings: Mapping[str, Any] | None = None

    @classmethod
    def of_entry(cls, entry: Mapping[str, Any]) -> Release:
        """Read one entry of the output ``releases``."""
        return cls(
            version_id=str(entry["version_id"]),
            at=str(entry.get("at", "")),
            commit=str(entry.get("commit", "")),
            bundle_sha256=str(entry["bundle_sha256"]),
            assets_sha256=str(entry.get("assets_sha256", "")),
            code_level=int(entry.get("code_level", entry["schema_level"])),
            schema_level=int(entry["schema_level"]),
            fingerprints=dict(entry.get("secret_fingerprints") or {}),
            serving={
                str(share["version_id"]): float(share["percentage"])
                for share in entry.get("serving") or []
            },
            settings=entry.get("settings"),
        )

    @property
    def short(self) -> str:
        """The first eight characters of the version id, as in its preview URL."""
        return short_version(self.version_id)

    def rotated_since(self, today: Mapping[str, str]) -> list[str]:
        """Return the keys of secrets that are others today, or weren't there, or are gone."""
        keys = self.fingerprints.keys() | today.keys()
        return sorted(key for key in keys if self.fingerprints.get(key) != today.get(key))

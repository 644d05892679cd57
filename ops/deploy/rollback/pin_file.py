"""The pin in a stack's settings file: which version serves in place of which release."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.deploy.release.release import Release
from ops.stacks.settings_editor import edit_settings
from ops.stacks.settings_file import StackFile

KEY = "notification-system:pin"
_MOST_REASON = 500
"""Characters (`infra.settings.traffic.Pin`)."""


@dataclass(frozen=True)
class Pin:
    """A version that serves in place of a bad release.

    Attributes:
        version: the version's id.
        instead_of: SHA-256 of the bad bundle.
        instead_of_assets: SHA-256 of its console's assets; empty where it is not known.
        reason: one line for whoever reads the file later.
    """

    version: str
    instead_of: str
    reason: str = ""
    instead_of_assets: str = ""

    @classmethod
    def of_file(cls, path: Path) -> Pin | None:
        """Return the pin that a stack's file has, if it has one."""
        value: Any = StackFile.read(path).config.get(KEY)
        if isinstance(value, str):
            try:
                value = json.loads(value)
            except ValueError:
                return None
        if not isinstance(value, Mapping):
            return None
        return cls(
            version=str(value.get("version", "")),
            instead_of=str(value.get("insteadOf", "")),
            reason=str(value.get("reason", "")),
            instead_of_assets=str(value.get("insteadOfAssets") or ""),
        )

    def holds_against(self, release: Release) -> bool:
        """Say whether that release is the one that the pin keeps from serving."""
        known = self.instead_of_assets and release.assets_sha256
        same_assets = not known or self.instead_of_assets == release.assets_sha256
        return self.instead_of == release.bundle_sha256 and same_assets

    def write(self, path: Path) -> None:
        """Put the pin into the file, in place of one that is there; comments stay as they are.

        Raises:
            UsageError: the file is written in a way that can't be changed without losing some.
        """
        content = {"version": self.version, "insteadOf": self.instead_of}
        if self.instead_of_assets:
            content["insteadOfAssets"] = self.instead_of_assets
        if self.reason:
            content["reason"] = " ".join(self.reason.split())[:_MOST_REASON]
        edit_settings(path, {KEY: content})


def remove_pin(path: Path) -> None:
    """Take the pin out of the file; nothing happens where there is none."""
    if KEY in StackFile.read(path).config:
        edit_settings(path, {KEY: None})

"""The ordinary settings of an earlier release, back into a stack's file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.release import OF_THE_STACK
from infra.settings import Settings
from infra.settings.problems import PROJECT
from ops.deploy.release.release import Release
from ops.stacks.context import read_stack_file
from ops.stacks.errors import GateClosed
from ops.stacks.settings_editor import edit_settings

_KEPT = frozenset({"accountId", "environment", "serviceUrl", "manageAccess", *OF_THE_STACK})
"""Settings that say what the stack is; no release changes them."""


def settings_changes(path: Path, release: Release) -> dict[str, Any | None]:
    """Return what a stack's file would have to change, by full key; ``None`` takes a key out.

    Raises:
        GateClosed: the release has kept no settings.
    """
    if release.settings is None:
        raise GateClosed(
            f"Release {release.short} kept no settings: it was deployed before releases did. Go "
            "back without --settings, and correct the settings by hand."
        )
    names = {field.alias or name: name for name, field in Settings.model_fields.items()}
    file = read_stack_file(path)
    config, today = file.config, _today(file.known.model_dump(mode="json", by_alias=True))
    defaults = {alias: Settings.model_fields[name].get_default() for alias, name in names.items()}
    changes: dict[str, Any | None] = {}
    for alias in names:
        if alias in _KEPT or ":" in alias or alias.startswith("adopt"):
            continue
        key = f"{PROJECT}:{alias}"
        wanted = release.settings.get(alias, defaults[alias])
        if alias not in release.settings:
            if key in config and today.get(alias) != _plain(wanted):
                changes[key] = None
        elif today.get(alias) != wanted:
            changes[key] = wanted
    return changes


def restore_settings(path: Path, release: Release) -> list[str]:
    """Bring the release's settings back into the file; return the names of those that changed.

    Raises:
        GateClosed: the release has kept no settings.
        UsageError: the file is written in a way that can't be changed without losing some of it.
    """
    changes = settings_changes(path, release)
    if changes:
        edit_settings(path, changes)
    return sorted(key.partition(":")[2] for key in changes)


def _today(document: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) for key, value in document.items()}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: a tuple is a list there."""
    return list(value) if isinstance(value, tuple) else value

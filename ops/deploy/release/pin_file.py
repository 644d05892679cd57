"""The pin in a stack's settings file: which version serves in place of which release."""

from __future__ import annotations

from pathlib import Path

from infra.settings.problems import PROJECT
from infra.settings.traffic import Pin
from ops.deploy.release.release import Release
from ops.stacks.context import read_stack_file
from ops.stacks.settings_editor import check_editable, edit_settings

KEY = f"{PROJECT}:pin"
_MAX_REASON = 500
"""Characters (`infra.settings.traffic.Pin`)."""


def read_pin(path: Path) -> Pin | None:
    """Return the pin that a stack's file has, if it has one."""
    return read_stack_file(path).known.pin


def check_pin(path: Path) -> None:
    """Find out whether a pin can be put into the file, and taken out, before traffic moves.

    Raises:
        UsageError: it can't.
    """
    example = {"version": "0" * 36, "insteadOf": "0" * 64, "reason": "an example"}
    for content in (example, None):
        check_editable(path, {KEY: content})


def write_pin(path: Path, *, version: str, bad: Release, reason: str) -> None:
    """Put a pin into the file, in place of one that is there; comments stay as they are.

    Args:
        path: the stack's settings file.
        version: id of the version that serves.
        bad: the release that it serves in place of.
        reason: one line for whoever reads the file later.

    Raises:
        UsageError: the file is written in a way that can't be changed without losing some of it.
    """
    content = {"version": version, "insteadOf": bad.bundle_sha256}
    if bad.assets_sha256:
        content["insteadOfAssets"] = bad.assets_sha256
    if reason:
        content["reason"] = " ".join(reason.split())[:_MAX_REASON]
    edit_settings(path, {KEY: content})


def remove_pin(path: Path) -> None:
    """Take the pin out of the file; nothing happens where there is none."""
    if KEY in read_stack_file(path).config:
        edit_settings(path, {KEY: None})

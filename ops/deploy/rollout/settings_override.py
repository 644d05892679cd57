"""Settings that hold for some updates only and are never written into the stack's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ops.stacks.project import Project
from ops.stacks.settings_file import StackFile
from ops.stacks.temporary_settings import temporary_settings


@contextmanager
def settings_override(project: Project, stack: str, settings: Mapping[str, Any]) -> Iterator[None]:
    """Let every driver of the stack read its file with ``settings`` over it, by short names."""
    file = StackFile.read(project.stack_file(stack))
    config = dict(file.config)
    config |= {f"notification-system:{name}": value for name, value in settings.items()}
    with temporary_settings(stack, {**file.content, "config": config}):
        yield

"""Settings that hold for some updates only and are never written into the stack's file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ops.project import CONFIG_FILE_VARIABLE, Project
from ops.stacks.settings_file import StackFile


@contextmanager
def settings_override(project: Project, stack: str, settings: Mapping[str, Any]) -> Iterator[None]:
    """Let every driver of the stack read its file with ``settings`` over it, by short names."""
    file = StackFile.read(project.stack_file(stack))
    config = dict(file.config)
    config |= {f"notification-system:{name}": value for name, value in settings.items()}
    before = os.environ.get(CONFIG_FILE_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="notifyctl-settings-") as folder:
        path = Path(folder) / f"Pulumi.{stack}.yaml"
        path.write_text(yaml.safe_dump({**file.content, "config": config}), encoding="utf-8")
        path.chmod(0o600)
        os.environ[CONFIG_FILE_VARIABLE] = str(path)
        try:
            yield
        finally:
            if before is None:
                del os.environ[CONFIG_FILE_VARIABLE]
            else:
                os.environ[CONFIG_FILE_VARIABLE] = before

"""A stack's settings that hold for some updates only, in no tracked file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from ops.stacks.project import CONFIG_FILE_VARIABLE


@contextmanager
def temporary_settings(stack: str, document: Mapping[str, Any]) -> Iterator[None]:
    """Let every driver of the stack read ``document`` as its settings file inside the block."""
    before = os.environ.get(CONFIG_FILE_VARIABLE)
    with tempfile.TemporaryDirectory(prefix="notifyctl-settings-") as folder:
        path = Path(folder) / f"Pulumi.{stack}.yaml"
        path.write_text(yaml.safe_dump(dict(document)), encoding="utf-8")
        path.chmod(0o600)
        os.environ[CONFIG_FILE_VARIABLE] = str(path)
        try:
            yield
        finally:
            if before is None:
                del os.environ[CONFIG_FILE_VARIABLE]
            else:
                os.environ[CONFIG_FILE_VARIABLE] = before

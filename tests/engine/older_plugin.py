"""What an older Cloudflare plugin on PATH can read of a state for the pinned one."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

_FIRST_WITH_SCHEMAS = (6, 17)
_WITHOUT_SCHEMA = ("d1Database:D1Database", "worker:Worker", "workersDeployment:WorkersDeployment")
"""Types whose states older plugins count from schema 0, and refuse when they are newer."""


def fit_to_plugin(stack_file: Path) -> None:
    """Take out of a state the notes that the plugin on PATH is too old for; else leave it alone."""
    if shutil.which("pulumi-resource-cloudflare") is None:
        return  # The stand-in is as new as the pinned plugin.
    told = subprocess.run(
        ["pulumi-resource-cloudflare", "-version"], capture_output=True, text=True, check=True
    ).stdout
    if tuple(map(int, told.strip().removeprefix("v").split(".")[:2])) >= _FIRST_WITH_SCHEMAS:
        return
    document = json.loads(stack_file.read_text())
    for resource in document["checkpoint"]["latest"]["resources"]:
        if resource["type"].endswith(_WITHOUT_SCHEMA):
            resource["outputs"].pop("__meta", None)
    stack_file.write_text(json.dumps(document))

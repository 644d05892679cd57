"""The entry that an operation leaves in the stack's history."""

from __future__ import annotations

import json
import platform
import sys
from typing import Any

from engine.deployment_codec import ENGINE_VERSION
from engine.operation import Operation
from engine.stack_config import StackConfig


def history_entry(
    operation: Operation, config: StackConfig, *, message: str, began: float, ended: float
) -> dict[str, Any]:
    """``UpdateInfo`` of pulumi/pulumi pkg/backend: times in whole seconds since the epoch,
    config as in the file (ciphertexts stay ciphertexts), version always 0 on this backend.
    """
    return {
        "kind": operation.run_context.kind,
        "startTime": int(began),
        "message": message,
        "environment": {
            "exec.kind": "embedded",
            "pulumi.arch": platform.machine(),
            "pulumi.os": sys.platform,
            "pulumi.version": ENGINE_VERSION,
            "runtime.name": "python",
            "runtime.version": platform.python_version(),
        },
        "config": {key: _entry(value) for key, value in sorted(config.raw.items())},
        "version": 0,
        "result": "succeeded" if operation.failure is None else "failed",
        "endTime": int(ended),
        "resourceChanges": operation.changes,
    }


def _entry(value: Any) -> Any:
    """A secret is ``{"secure": …}``, an object ``{"object": …}``; a text stands for itself."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and set(value) == {"secure"}:
        return {"secure": value["secure"]}
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return {"object": text, "secure": '"secure":' in text}

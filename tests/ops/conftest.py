from __future__ import annotations

from pathlib import Path

import pytest

from tests.ops.cli.in_process import Commands


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Commands:
    """Commands of a test, whose local stack keeps nothing."""
    monkeypatch.delenv("NOTIFYCTL_STACK", raising=False)
    return Commands(monkeypatch, tmp_path)

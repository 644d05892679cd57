"""A plan that only looks starts no local cloud."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.deploy import deployment as module
from ops.deploy.account_state import AccountState
from ops.deploy.deployment import Deployment
from ops.stacks.driver import StackUpdate
from tests.ops.contexts import context_of


@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize("start", [True, False])
def test_a_plan_that_only_looks_requires_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_local: bool, start: bool
) -> None:
    url = "http://127.0.0.1:9/client/v4" if is_local else "https://api.cloudflare.com/client/v4"
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config: {{cloudflare:baseUrl: '{url}'}}\n")
    calls: list[Any] = []
    update = StackUpdate("preview", {"same": 1})
    driver = SimpleNamespace(preview=lambda _: update)
    monkeypatch.setattr(module, "require_local_cloud", lambda _, stack: calls.append(stack))
    monkeypatch.setattr(module, "introduce", lambda _: calls.append("introduced"))
    monkeypatch.setattr(module, "choose_driver", lambda _: driver)
    monkeypatch.setattr(module, "AccountState", lambda _: AccountState.__new__(AccountState))
    monkeypatch.setattr(AccountState, "require_free_names", lambda _: calls.append("names"))
    for name in ("_check_settings", "_bundle", "prepare"):
        monkeypatch.setattr(Deployment, name, lambda _, name=name: calls.append(name))
    assert Deployment(context_of(tmp_path, "dev")).preview(start=start) is update
    looked = ["dev"] if is_local and not start else []
    assert calls == [*looked, "_check_settings", "introduced", "_bundle", "prepare", "names"]

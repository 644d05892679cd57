"""Which engine runs a stack's operations, and that no other is chosen by a slip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.stacks import choice
from ops.stacks.choice import (
    ENGINE_VARIABLE,
    baseline_driver,
    choose_driver,
    first_outputs,
    runs_cli,
    throwaway_driver,
)
from ops.stacks.context import StackContext
from ops.stacks.embedded import EmbeddedDriver
from ops.stacks.errors import StackFailed, StackMissing, ToolMissing, UsageError
from ops.stacks.local_stack import LocalStack
from tests.ops.contexts import context_of

LOCAL = "config:\n  cloudflare:baseUrl: http://127.0.0.1:8787/client/v4\n"
ACCOUNT = "config:\n  notification-system:environment: production\n"


def stack(folder: Path, text: str, **environment: str) -> StackContext:
    (folder / "Pulumi.x.yaml").write_text(text)
    bare = {"PATH": str(folder / "bin"), "PULUMI_HOME": str(folder / "pulumi"), "CI": "true"}
    return context_of(folder, "x", environment={**bare, **environment})


def with_cli(folder: Path) -> None:
    program = folder / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho v3.274.1\n")
    program.chmod(0o755)


def driver(context: StackContext, choose: Callable[..., Any]) -> Any:
    local: Any = LocalStack("x", Path(), Path(), "p", {})
    return choose(context, local)


def test_a_local_stack_runs_on_the_embedded_engine(tmp_path: Path) -> None:
    assert isinstance(choose_driver(stack(tmp_path, LOCAL)), EmbeddedDriver)
    assert isinstance(
        choose_driver(stack(tmp_path, LOCAL, NOTIFYCTL_ENGINE="embedded")), EmbeddedDriver
    )


def test_an_account_is_never_planned_by_the_embedded_engine(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'x' talks to https://api\.cloudflare\.com"):
        choose_driver(stack(tmp_path, ACCOUNT, NOTIFYCTL_ENGINE="embedded"))
    for choose in (choose_driver, lambda context: driver(context, baseline_driver)):
        with pytest.raises(ToolMissing, match="by the Pulumi CLI"):
            choose(stack(tmp_path, ACCOUNT))


@pytest.mark.parametrize("name", ["choose", "throwaway", "runs_cli", "baseline"])
@pytest.mark.parametrize("wanted", ["CLI", "clii", "yes"])
def test_another_engine_is_refused_by_whatever_chooses(
    tmp_path: Path, name: str, wanted: str
) -> None:
    context = stack(tmp_path, LOCAL, NOTIFYCTL_ENGINE=wanted)
    choose: dict[str, Callable[[], object]] = {
        "choose": lambda: choose_driver(context),
        "throwaway": lambda: driver(context, throwaway_driver),
        "runs_cli": lambda: runs_cli(context),
        "baseline": lambda: driver(context, baseline_driver),
    }
    with pytest.raises(UsageError, match=f"{ENGINE_VARIABLE} is '{wanted}'; it must be"):
        choose[name]()


def test_the_cli_runs_a_local_stack_where_it_and_the_real_plugin_are_there(tmp_path: Path) -> None:
    context = stack(tmp_path, LOCAL)
    plugin = tmp_path / "pulumi" / "plugins" / "resource-cloudflare-v6.17.0"
    assert not runs_cli(context)
    with_cli(tmp_path)
    assert not runs_cli(context)
    plugin.mkdir(parents=True)
    assert runs_cli(context)
    assert not runs_cli(stack(tmp_path, LOCAL, NOTIFYCTL_ENGINE="embedded"))
    (tmp_path / "bin" / "pulumi").unlink()
    assert not runs_cli(context)
    assert runs_cli(stack(tmp_path, LOCAL, NOTIFYCTL_ENGINE="cli"))


def test_a_cli_that_was_asked_for_and_is_not_there_is_told(tmp_path: Path) -> None:
    context = stack(tmp_path, LOCAL, NOTIFYCTL_ENGINE="cli")
    for choose in (choose_driver, lambda found: driver(found, throwaway_driver)):
        with pytest.raises(ToolMissing, match=f"{ENGINE_VARIABLE} asks for the Pulumi CLI"):
            choose(context)


def test_a_plan_against_an_empty_account_runs_on_the_embedded_engine(tmp_path: Path) -> None:
    assert isinstance(driver(stack(tmp_path, ACCOUNT), throwaway_driver), EmbeddedDriver)
    assert isinstance(driver(stack(tmp_path, LOCAL), baseline_driver), EmbeddedDriver)


def test_a_stack_that_is_not_there_yet_has_no_outputs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Driver:
        error: Exception = StackMissing("none")

        def outputs(self, *, show_secrets: bool) -> dict[str, object]:
            if show_secrets:
                return {"a": 1}
            raise self.error

    monkeypatch.setattr(choice, "choose_driver", lambda _: Driver())
    context = stack(tmp_path, LOCAL)
    assert first_outputs(context, show_secrets=False) == {}
    assert first_outputs(context, show_secrets=True) == {"a": 1}
    Driver.error = StackFailed("locked")
    with pytest.raises(StackFailed):
        first_outputs(context, show_secrets=False)

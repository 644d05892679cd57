"""Which stacks a backend has, and what becomes of those whose pull request is closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.deploy import pull_request_sweep
from ops.deploy.pull_request_sweep import sweep
from ops.stacks.context import StackContext
from ops.stacks.errors import StackFailed
from ops.stacks.listing import stack_names
from tests.ops.contexts import context_of


@pytest.fixture
def local(tmp_path: Path) -> StackContext:
    """A stack on this machine, beside three others."""
    (tmp_path / "Pulumi.local.yaml").write_text(
        "config:\n  cloudflare:baseUrl: http://127.0.0.1:1/client/v4\n"
        "  notification-system:allowLoopbackEndpoints: true\n"
    )
    context = context_of(tmp_path, "local")
    assert context.is_local
    folder = context.project.backend_dir / ".pulumi" / "stacks" / "notification-system"
    folder.mkdir(parents=True)
    for name in ("pr-7.json", "local.json", "local.json.bak", "pr-9.json", "pr-x.json"):
        (folder / name).write_text("{}")
    return context


def test_a_stack_is_a_checkpoint_and_no_copy_of_one(local: StackContext) -> None:
    assert stack_names(local) == ["local", "pr-7", "pr-9", "pr-x"]


def test_only_stacks_whose_pull_request_is_closed_go_and_a_failure_stops_no_other(
    local: StackContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[int] = []

    class Stack:
        def __init__(self, base: StackContext, number: int) -> None:
            assert base is local
            self._number = number

        def destroy(self) -> None:
            gone.append(self._number)
            if self._number == 7:
                raise StackFailed("not now")

    monkeypatch.setattr(pull_request_sweep, "PullRequestStack", Stack)
    done = sweep(local, open_numbers={12})
    assert (done.kept, done.removed, done.failed) == ((), ("pr-9",), {"pr-7": "not now"})
    assert gone == [7, 9]
    done = sweep(local, open_numbers={7, 9})
    assert (done.kept, done.removed, done.failed) == (("pr-7", "pr-9"), (), {})
    assert gone == [7, 9]

"""The stack of a pull request: whose settings and secrets it has, and what is left of it."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from ops.access.keys.key_file import KeyFile
from ops.deploy import pull_request_stack as module
from ops.deploy.pull_request_stack import (
    PullRequestStack,
    derived_settings,
    pull_request_of,
    stack_of,
)
from ops.stacks.context import StackContext
from ops.stacks.local_stack import SECRET_KEYS
from tests.ops.contexts import context_of

P = "notification-system"
KEY = "ab" * 32


@pytest.mark.parametrize(
    ("stack", "number"),
    [("pr-1", 1), ("pr-120", 120), ("pr-0", None), ("pr-", None), ("xpr-1", None), ("pr-1x", None)],
)
def test_a_stacks_name_has_the_pull_requests_number(stack: str, number: int | None) -> None:
    assert pull_request_of(stack) == number
    if number is not None:
        assert stack_of(number) == stack


def test_settings_derive_from_the_bases() -> None:
    base = {
        f"{P}:logLevel": "debug",
        f"{P}:crons": ["* * * * *"],
        f"{P}:protectStores": True,
        f"{P}:environment": "production",
    }
    derived = derived_settings(base)
    assert derived[f"{P}:logLevel"] == "debug"
    assert {key.removeprefix(f"{P}:"): value for key, value in derived.items()} == {
        "logLevel": "debug",
        "environment": "development",
        "crons": [],
        "protectStores": False,
        "manageAccess": False,
        "workersDev": True,
    }


class World:
    """A base stack, and what is done to a pull request's."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path, *, is_local: bool) -> None:
        self.root = root
        url = "http://127.0.0.1:9" if is_local else "https://api.cloudflare.com/client/v4"
        document = {
            "secretsprovider": "awskms://alias/key",
            "config": {"cloudflare:baseUrl": url, f"{P}:logLevel": "debug"},
        }
        file = root / "Pulumi.development.yaml"
        file.write_text(yaml.safe_dump(document))
        self.base = context_of(root, "development", home=root / "home")
        self.deployed: list[tuple[StackContext, dict[str, Any]]] = []
        self.removed: list[Any] = []
        self.given: list[dict[str, str]] = []
        self.names = ["pr-12"]
        patch.setattr(module, "Deployment", self._deployment)
        patch.setattr(module, "stack_names", lambda _: self.names)
        removal = lambda context: SimpleNamespace(  # noqa: E731
            run=lambda **how: self.removed.append((context.stack, how))
        )
        patch.setattr(module, "Removal", removal)
        driver = SimpleNamespace(remove=lambda: self.removed.append("stack"))
        patch.setattr(module, "choose_driver", lambda _: driver)
        patch.setattr(module, "remove_rendered", lambda _, name: self.removed.append(name))
        keys = SimpleNamespace(read=lambda name: f"{name} {KEY}")
        patch.setattr(KeyFile, "of", lambda _: keys)
        cli = SimpleNamespace(set_secrets=self.given.append)
        patch.setattr("ops.stacks.cli.CliDriver", lambda _: cli)
        workspace = SimpleNamespace(for_account=lambda context: context)
        patch.setattr("ops.stacks.cli_workspace.CliWorkspace", workspace)

    def _deployment(self, context: StackContext) -> Any:
        def run(**how: Any) -> str:
            self.deployed.append((context, how))
            return "report"

        return SimpleNamespace(run=run)

    @property
    def stack(self) -> PullRequestStack:
        return PullRequestStack(self.base, 12)


@pytest.mark.parametrize("is_local", [True, False])
def test_it_is_deployed_from_a_file_of_its_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_local: bool
) -> None:
    world = World(monkeypatch, tmp_path, is_local=is_local)
    assert str(world.stack.up(verify=False)) == "report"
    [(context, how)] = world.deployed
    assert context.stack == "pr-12"
    assert how == {"message": "Pull request 12", "verify": False}
    folder = tmp_path / "home" / "pull-requests" if is_local else tmp_path
    assert context.file.path == folder / "Pulumi.pr-12.yaml"
    written = yaml.safe_load(context.file.path.read_text())
    assert written["secretsprovider"] == "awskms://alias/key"
    assert written["config"][f"{P}:logLevel"] == "debug"
    assert written["config"][f"{P}:crons"] == []


def test_an_accounts_stack_gets_secrets_that_follow_from_the_bases(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world = World(monkeypatch, tmp_path, is_local=False)
    world.stack.up(verify=True)
    [secrets] = world.given
    first = SECRET_KEYS[0]
    for name, value in secrets.items():
        text = f"pr-12/{name}".encode()
        digest = hmac.new(f"{first} {KEY}".encode(), text, hashlib.sha256).hexdigest()
        assert value == (digest[:32] if name == "encryptKey" else digest)
    assert set(secrets) == set(SECRET_KEYS)
    local = tmp_path / "local"
    local.mkdir()
    world = World(monkeypatch, local, is_local=True)
    world.stack.up(verify=True)
    assert world.given == []


def test_secrets_that_an_accounts_stack_has_stay(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world = World(monkeypatch, tmp_path, is_local=False)
    kept = {
        "encryptionsalt": "v1:salt",
        "encryptedkey": "key",
        "config": {
            f"{P}:{SECRET_KEYS[0]}": {"secure": "v1:a:b"},
            f"{P}:logLevel": "error",
            f"{P}:allowedOrigins": {"not": "secure"},
        },
    }
    (tmp_path / "Pulumi.pr-12.yaml").write_text(yaml.safe_dump(kept))
    world.stack.up(verify=True)
    assert world.given == []
    written = yaml.safe_load((tmp_path / "Pulumi.pr-12.yaml").read_text())
    assert written["config"][f"{P}:{SECRET_KEYS[0]}"] == {"secure": "v1:a:b"}
    assert written["config"][f"{P}:logLevel"] == "debug"
    assert f"{P}:allowedOrigins" not in written["config"]
    assert (written["encryptionsalt"], written["encryptedkey"]) == ("v1:salt", "key")


@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize("existed", [True, False])
def test_nothing_is_left_of_a_removed_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_local: bool, existed: bool
) -> None:
    world = World(monkeypatch, tmp_path, is_local=is_local)
    world.names = ["pr-12"] if existed else ["pr-1"]
    assert world.stack.destroy() is existed
    removed = [("pr-12", {"erase": False}), "stack"] if existed else []
    assert world.removed == [*removed, *(["pr-12"] if is_local else [])]
    assert not list(tmp_path.rglob("Pulumi.pr-12.yaml"))


def test_the_file_is_in_the_order_of_the_alphabet_so_that_two_runs_write_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world = World(monkeypatch, tmp_path, is_local=True)
    world.stack.up(verify=False)
    lines = world.deployed[0][0].file.path.read_text().splitlines()
    keys = [line.split(": ")[0].strip() for line in lines if line.startswith("  ") and ":" in line]
    assert keys == sorted(keys)
    assert len(keys) > 4
    assert [line for line in lines if not line.startswith(" ")] == [
        "config:",
        "secretsprovider: awskms://alias/key",
    ]

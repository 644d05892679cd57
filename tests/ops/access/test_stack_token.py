"""Which token of a stack is checked, and against what."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.access.token import stack_token as module
from ops.access.token.stack_token import check_stack_token
from ops.access.token.token_api import Answer
from ops.access.token.token_report import TokenReport
from ops.stacks.account import StackAccount
from ops.stacks.errors import UsageError
from ops.stacks.local_stack import LocalStack
from tests.infra.test_stack_settings import stack_file
from tests.ops.contexts import context_of

TOKEN, OTHER = "t" * 40, "o" * 40


class World:
    """An API that answers as told, and a check that notes what it is made with."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path) -> None:
        self.root = root
        self.patch = patch
        self.made: list[Any] = []
        self.asked: list[Any] = []
        self.answer = Answer(200, frozenset(), {"id": "t1"})
        self.account = StackAccount("production", "a" * 32, "https://api", False, TOKEN)
        put = patch.setattr
        put(module, "TokenApi", self._api)
        world = self

        class Check:
            def __init__(self, _api: Any, *given: Any, **named: Any) -> None:
                world.made.append((given, named))

            def run(self, needed: Any) -> Any:
                return "run", needed

            @staticmethod
            def compare(result: Any, needed: Any) -> Any:
                return "compared", result, needed

        put(module, "TokenCheck", Check)
        put(module, "required_permissions", lambda settings: ["needed", settings.environment])
        put(StackAccount, "of", lambda _: self.account)

    def _api(self, url: str, token: str, *, is_local: bool) -> Any:
        self.asked.append((url, token, is_local))

        def ask(method: str, path: str) -> Answer:
            self.asked.append((method, path))
            return self.answer

        return nullcontext(SimpleNamespace(ask=ask, understood=nullcontext))

    def check(self, *, environment: dict[str, str] | None = None, **options: Any) -> Any:
        file = stack_file(self.root, customDomain="n.example.com", zoneName="example.com")
        context = context_of(
            self.root, "production", file=file, environment=environment or {"OTHER": OTHER}
        )
        found: Any = check_stack_token(context, **options)
        return found


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    return World(monkeypatch, tmp_path)


NEEDED = ["needed", "production"]


def test_the_stacks_own_token_is_checked_against_its_settings(world: World) -> None:
    assert world.check() == ("run", NEEDED)
    assert world.asked == [("https://api", TOKEN, False)]
    assert world.made == [(("a" * 32,), {"zone_id": None, "zone_name": "example.com"})]


def test_a_variable_may_hold_the_token(world: World) -> None:
    assert world.check(token_variable="OTHER") == ("run", NEEDED)
    assert world.asked == [("https://api", OTHER, False)]
    with pytest.raises(UsageError, match="The environment variable MISSING isn't set"):
        world.check(token_variable="MISSING")
    with pytest.raises(UsageError, match="OTHER isn't set"):
        world.check(token_variable="OTHER", environment={"OTHER": ""})


def test_what_is_no_token_is_sent_nowhere(world: World) -> None:
    report = world.check(token_variable="OTHER", environment={"OTHER": "no token"})
    assert report == TokenReport("malformed")
    assert world.asked == []


def test_a_token_may_be_named_by_its_id(world: World) -> None:
    assert world.check(token_id="t1") == ("compared", {"id": "t1"}, NEEDED)
    assert world.asked[1] == ("GET", f"/accounts/{'a' * 32}/tokens/t1")
    assert world.made == []
    world.answer = Answer(404, frozenset(), None)
    with pytest.raises(UsageError, match=r"The token t1 can't be read \(404\)"):
        world.check(token_id="t1")


def test_mistakes_in_the_settings_are_told(world: World) -> None:
    (world.root / "Pulumi.x.yaml").write_text("config: {notification-system:logLevel: loud}\n")
    context = context_of(world.root, "x", environment={})
    with pytest.raises(UsageError, match="logLevel"):
        check_stack_token(context)
    assert world.asked == []


def test_a_local_stacks_settings_are_its_rendered_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.account = StackAccount("local", "a" * 32, "http://127.0.0.1:9", True, TOKEN)
    rendered = stack_file(world.root, environment="development", serviceUrl="https://x.example")
    moved = world.root / "rendered.yaml"
    rendered.rename(moved)
    local = SimpleNamespace(config_file=moved)
    monkeypatch.setattr(LocalStack, "prepare", lambda _: local)
    monkeypatch.setattr(
        module, "read_settings", lambda file: SimpleNamespace(
            environment=file.name, zone_id=None, zone_name=None
        )
    )  # fmt: skip
    assert world.check() == ("run", ["needed", "rendered.yaml"])
    assert world.asked == [("http://127.0.0.1:9", TOKEN, True)]

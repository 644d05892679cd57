"""The examples of docs/sdk.md, run in their order, and what they print."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from notification_sdk import _errors
from notification_sdk.testing import FakeNotificationService
from tests.docs.document import ROOT, Document, Fence

PAGE = Document(ROOT / "docs" / "sdk.md")
EXAMPLES = [fence for fence in PAGE.fences if fence.info == "python"]
KEY = "the-key-of-the-page"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> FakeNotificationService:
    """The service that every connection leads to."""
    made = FakeNotificationService(KEY)
    made.add_user("bob", "lark")

    async def handle(self: object, request: httpx.Request) -> httpx.Response:
        return made.handle(request)

    monkeypatch.setattr(httpx.HTTPTransport, "handle_request", lambda self, r: made.handle(r))
    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", handle)
    return made


def expected(fence: Fence) -> list[str]:
    return re.findall(r"^ *# -> (.*)$", fence.text, re.MULTILINE)


def run(fence: Fence, names: dict[str, Any]) -> None:
    code = compile("\n" * fence.line + fence.text, str(ROOT / fence.document), "exec")
    exec(code, names)  # noqa: S102 the page's own examples


def test_every_example_runs_and_prints_what_the_page_says(
    service: FakeNotificationService, capsys: pytest.CaptureFixture[str]
) -> None:
    names: dict[str, Any] = {"KEY": KEY, "__name__": "example"}
    for fence in EXAMPLES:
        run(fence, names)
        assert capsys.readouterr().out.splitlines() == expected(fence), str(fence)
    assert len(EXAMPLES) > 10
    assert sum(len(expected(fence)) for fence in EXAMPLES) > 12
    tests: list[Callable[..., None]] = [v for n, v in names.items() if n.startswith("test_")]
    for test in tests:
        test(service := FakeNotificationService(), service.client())
    assert len(tests) == 1


def test_the_page_draws_the_errors_as_the_module_does() -> None:
    drawn = next(fence.text for fence in PAGE.fences if fence.info == "text")
    module = [line.strip() for line in (_errors.__doc__ or "").splitlines()]
    assert [line.strip() for line in drawn.splitlines()] == [
        line for line in module if line in {each.strip() for each in drawn.splitlines()}
    ]
    assert {line.strip() for line in drawn.splitlines()} >= {
        line for line in module if line.startswith(("├", "└", "│"))
    }

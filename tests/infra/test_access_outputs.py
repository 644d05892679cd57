"""The outputs of an access stack name the tokens that there are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from infra.components.access import Access


def tokens(identifier: str) -> Any:
    return SimpleNamespace(newest=SimpleNamespace(id=identifier))


def outputs(watch: Any, plan: Any) -> dict[str, object]:
    settings = SimpleNamespace(account_id="a" * 32)
    stack: Any = SimpleNamespace(
        _args=SimpleNamespace(settings=settings),
        tokens=tokens("ci"),
        watch_tokens=watch,
        plan_tokens=plan,
        repository=SimpleNamespace(outputs=lambda: ["production"]),
    )
    return Access.outputs(stack)


def test_only_tokens_that_there_are_have_an_id() -> None:
    always = {
        "account_id": "a" * 32,
        "ci_token_id": "ci",
        "github_environments": ["production"],
    }
    assert outputs(None, None) == always
    both = outputs(tokens("watch"), tokens("plan"))
    assert both == {**always, "watch_token_id": "watch", "plan_token_id": "plan"}
    assert outputs(None, tokens("plan")) == {**always, "plan_token_id": "plan"}

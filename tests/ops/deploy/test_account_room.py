"""An account that refuses a name, has no room or doesn't answer stops before anything is made."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.preconditions.questions import Answers
from ops.deploy import account_state
from ops.deploy.account_state import AccountState
from ops.stacks.errors import StackFailed
from tests.ops.contexts import context_of

FULL = "The account has 500 Workers, this stack needs 1 more, and Cloudflare allows 500."
ANSWERS = {
    "a name": (Answers(refusals=("the queue q (1)",)), "not from this stack: the queue q (1)."),
    "no room": (Answers(full=(FULL,)), f"Nothing was made: {FULL}"),
    "no answer": (Answers(unknown=("GET queues: HTTP 500. Try again.",)), "GET queues: HTTP 500"),
}


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AccountState:
    """The account of a stack that has nothing yet."""
    driver = SimpleNamespace(export=lambda: {"deployment": {}})
    monkeypatch.setattr(account_state, "choose_driver", lambda _: driver)
    monkeypatch.setattr(AccountState, "_claims", lambda _: Answers())
    (tmp_path / "Pulumi.production.yaml").write_text("config: {}\n")
    return AccountState(context_of(tmp_path, "production"))


def answered(monkeypatch: pytest.MonkeyPatch, answers: Answers) -> None:
    monkeypatch.setattr(AccountState, "_names", lambda _: answers)


@pytest.mark.parametrize(("answers", "told"), ANSWERS.values(), ids=ANSWERS)
def test_a_deployment_ends_with_what_is_in_the_way(
    account: AccountState, monkeypatch: pytest.MonkeyPatch, answers: Answers, told: str
) -> None:
    answered(monkeypatch, answers)
    with pytest.raises(StackFailed) as refused:
        account.require_free_names()
    assert told in str(refused.value)
    [outcome] = account.outcomes()
    assert outcome.result == "fail"
    [sentence] = (*answers.refusals, *answers.full, *answers.unknown)
    assert sentence in outcome.found


def test_an_account_with_room_and_free_names_lets_it_go_on(
    account: AccountState, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(monkeypatch, Answers())
    account.require_free_names()
    [outcome] = account.outcomes()
    assert outcome.result == "ok"

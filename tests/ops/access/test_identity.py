"""Whose the token is, is asked before anything moves, and told once for each command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.access.permission import Permission
from ops.access.identity import Identity, ask_identity
from ops.stacks.account import StackAccount
from ops.stacks.errors import ServiceError, UsageError
from tests.ops.answering_service import AnsweringService, answering_service

ACCOUNT = "a" * 32
HERE = f"/accounts/{ACCOUNT}"
ACTIVE = {"id": "t1", "status": "active", "expires_on": "2027-01-31T00:00:00Z"}
ENDLESS = {"id": "t1", "status": "active"}


def answer(result: Any, status: int = 200, *codes: int) -> tuple[int, bytes]:
    errors = [{"code": code, "message": "no"} for code in codes]
    document = {"success": status < 400, "errors": errors, "result": result}
    return status, json.dumps(document).encode()


REFUSED = answer(None, 403, 10000)
NAMED = answer({"id": ACCOUNT, "name": "Ada's"})


@pytest.fixture
def api() -> Iterator[AnsweringService]:
    with answering_service() as started:
        yield started


def asked(
    api: AnsweringService,
    *answers: tuple[int, bytes],
    needed: tuple[Permission, ...] = (),
    is_pipeline: bool = False,
) -> Identity:
    api.answers, api.seen = list(answers), []
    account = StackAccount("production", ACCOUNT, api.url, is_local=False, token="t" * 40)
    ask_identity.cache_clear()
    return ask_identity(account, needed, is_pipeline=is_pipeline)


def targets(api: AnsweringService) -> list[str]:
    return [call["target"] for call in api.seen]


def test_an_accounts_own_token_names_the_account_and_its_end(api: AnsweringService) -> None:
    found = asked(api, answer(ACTIVE), NAMED, REFUSED)
    assert str(found) == f"Ada's ({ACCOUNT}), token valid until 2027-01-31"
    assert targets(api) == [f"{HERE}/tokens/verify", HERE, f"{HERE}/tokens/t1"]
    assert api.seen[0]["headers"]["authorization"] == f"Bearer {'t' * 40}"


def test_a_users_token_is_asked_about_at_the_users_place(api: AnsweringService) -> None:
    found = asked(api, REFUSED, answer(ENDLESS), NAMED, REFUSED)
    assert str(found) == f"Ada's ({ACCOUNT}), token valid without an end"
    assert targets(api)[:2] == [f"{HERE}/tokens/verify", "/user/tokens/verify"]


def test_it_is_asked_once_for_each_command(api: AnsweringService) -> None:
    first = asked(api, answer(ACTIVE), NAMED, REFUSED)
    account = StackAccount("production", ACCOUNT, api.url, is_local=False, token="t" * 40)
    assert ask_identity(account, (), is_pipeline=False) is first
    assert len(api.seen) == 3


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_token_that_nobody_knows_is_refused(api: AnsweringService, status: int) -> None:
    with pytest.raises(UsageError, match=r"Cloudflare doesn't know it.*Nothing was planned"):
        asked(api, answer(None, status, 1000))
    assert len(api.seen) == 2


def test_a_verification_of_another_form_is_no_proof(api: AnsweringService) -> None:
    for found in (answer(None, 404, 7003), answer({}), answer({"status": "active"}), answer([5])):
        with pytest.raises(ServiceError, match="in an unknown form"):
            asked(api, found)


@pytest.mark.parametrize(
    ("status", "is_pipeline", "words"),
    [
        ("disabled", False, "is disabled. Enable it"),
        ("expired", False, "is expired. Make a new one in the dashboard"),
        ("expired", True, "is expired. Let an operator add a generation"),
        ("strange", False, "is strange. Use another one"),
    ],
)
def test_a_token_that_is_not_active_is_refused_with_what_to_do(
    api: AnsweringService, status: str, is_pipeline: bool, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        asked(api, answer({"id": "t1", "status": status}), is_pipeline=is_pipeline)
    assert len(api.seen) == 1


def test_an_account_whose_name_is_hidden_is_known_by_its_workers(api: AnsweringService) -> None:
    found = asked(api, answer(ENDLESS), REFUSED, answer([]), REFUSED)
    assert str(found) == f"{ACCOUNT}, token valid without an end"
    assert targets(api)[2] == f"{HERE}/workers/workers?per_page=1"


def test_a_token_of_another_account_is_refused_with_those_that_it_reaches(
    api: AnsweringService,
) -> None:
    others = [{"name": f"Account {number}", "id": f"{number}" * 4} for number in range(1, 8)]
    with pytest.raises(UsageError) as refused:
        asked(api, answer(ENDLESS), REFUSED, answer(None, 404, 7003), answer([*others, 5]))
    told = str(refused.value)
    assert f"doesn't reach the account {ACCOUNT} that the settings of 'production' name" in told
    assert "It reaches Account 1 (1111), Account 2 (2222)" in told
    assert told.count("Account ") == 5
    with pytest.raises(UsageError) as refused:
        asked(api, answer(ENDLESS), REFUSED, REFUSED, answer(None, 403, 1))
    assert "It reaches" not in str(refused.value)


def test_a_permission_that_is_missing_is_named_where_the_token_may_read_itself(
    api: AnsweringService,
) -> None:
    own = answer({"status": "active", "policies": []})
    with pytest.raises(UsageError, match=r"The token lacks Account → D1 → Edit"):
        asked(api, answer(ENDLESS), NAMED, own, needed=(Permission.D1_WRITE,))
    assert asked(api, answer(ENDLESS), NAMED, REFUSED, needed=(Permission.D1_WRITE,))
    assert asked(api, answer(ENDLESS), NAMED, own)


@pytest.mark.parametrize("busy", [answer(None, 429, 971), answer(None, 500, 1)])
def test_an_api_that_is_busy_is_asked_again_and_then_told(
    api: AnsweringService, busy: tuple[int, bytes]
) -> None:
    assert asked(api, busy, busy, answer(ENDLESS), NAMED, REFUSED)
    with pytest.raises(ServiceError, match=rf"is busy \(HTTP {busy[0]}\)"):
        asked(api, busy)
    assert len(api.seen) == 5


def test_what_is_no_token_is_sent_nowhere(api: AnsweringService) -> None:
    account = StackAccount("production", ACCOUNT, api.url, is_local=False, token="t" * 39)
    with pytest.raises(UsageError, match="It isn't a token"):
        ask_identity(account, is_pipeline=False)
    assert api.seen == []

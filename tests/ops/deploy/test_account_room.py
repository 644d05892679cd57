"""An account that refuses a name, has no room or doesn't answer stops before anything is made."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.account_api import CannotAsk
from infra.names import Names
from infra.preconditions.questions import Answers
from ops.deploy import account_state
from ops.deploy.account_state import AccountState
from ops.stacks.errors import StackFailed, StackMissing
from ops.stacks.resource_kinds import STORES
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


def deployment(**state: Any) -> dict[str, Any]:
    return {"deployment": state}


def made(count: int) -> list[dict[str, Any]]:
    """Stores of the state, as many as are asked for."""
    kinds = sorted(STORES)
    return [{"id": f"id{n}", "type": kinds[n % len(kinds)], "urn": f"u{n}"} for n in range(count)]


def state_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported: Any, config: str = "{}"
) -> AccountState:
    def export() -> Any:
        if isinstance(exported, Exception):
            raise exported
        return exported

    monkeypatch.setattr(account_state, "choose_driver", lambda _: SimpleNamespace(export=export))
    (tmp_path / "Pulumi.production.yaml").write_text(f"config: {config}\n")
    return AccountState(context_of(tmp_path, "production"))


def test_only_resources_with_an_id_and_a_stores_type_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = made(2)
    others = [{"type": stores[0]["type"]}, {"id": "x", "type": "pulumi:pulumi:Stack"}]
    found = state_of(tmp_path, monkeypatch, deployment(resources=[*stores, *others]))
    assert found.made == stores
    for empty in (StackMissing("none"), {"deployment": None}, deployment(resources=None)):
        assert state_of(tmp_path, monkeypatch, empty).made == []


@pytest.mark.parametrize(
    ("exported", "config", "asks"),
    [
        (deployment(), "{}", True),
        (deployment(resources=made(len(Names.__dataclass_fields__) - 1)), "{}", True),
        (deployment(resources=made(len(Names.__dataclass_fields__))), "{}", False),
        # Several databases: more stores than names.
        (deployment(resources=made(len(Names.__dataclass_fields__) + 1)), "{}", False),
        (deployment(pending_operations=[{"type": "creating"}]), "{}", False),
        (deployment(), "{notification-system:manageAccess: true}", False),
    ],
)
def test_names_are_asked_for_while_the_stack_lacks_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exported: Any, config: str, asks: bool
) -> None:
    answered(monkeypatch, Answers(refusals=("the queue q (1)",)))
    found = state_of(tmp_path, monkeypatch, exported, config)
    if asks:
        with pytest.raises(StackFailed, match=r"the queue q \(1\)"):
            found.require_free_names()
    else:
        found.require_free_names()


def test_an_access_stack_claims_no_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = "{notification-system:manageAccess: true}"
    [outcome] = state_of(tmp_path, monkeypatch, deployment(), config).outcomes()
    assert (outcome.result, outcome.found) == ("ok", "an access stack claims no names")


@pytest.mark.parametrize("is_rendered", [True, False])
def test_a_local_stack_has_no_account_before_its_first_deployment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_rendered: bool
) -> None:
    rendered = tmp_path / "rendered.yaml"
    if is_rendered:
        rendered.write_text("")
    monkeypatch.setattr(account_state, "rendered_file", lambda *_: rendered)
    monkeypatch.setattr(AccountState, "_claims", lambda _: Answers(refusals=("A route is taken.",)))
    answered(monkeypatch, Answers(unknown=("No answer.",)))
    config = "{cloudflare:baseUrl: 'http://127.0.0.1:9/client/v4'}"
    [outcome] = state_of(tmp_path, monkeypatch, deployment(), config).outcomes()
    if is_rendered:
        assert (outcome.result, outcome.found) == ("fail", "A route is taken.")
        assert "notifyctl import --stack production" in outcome.advice
    else:
        assert (outcome.result, outcome.found) == ("ok", "the first deployment starts it, empty")


def test_what_is_owned_or_adopted_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def taken(_api: Any, names: Names, owned: set[str], *, shards: int) -> Answers:
        asked.append((names, owned, shards))
        return Answers()

    monkeypatch.setattr(account_state, "taken_names", taken)
    api = SimpleNamespace()
    monkeypatch.setattr(AccountState, "_api", lambda _: nullcontext(api))
    adopted = "f174e90a-fafe-4643-bbbc-4a0ed4fc8415"
    config = f"{{notification-system:adoptDatabaseId: {adopted}, notification-system:shards: 3}}"
    state_of(tmp_path, monkeypatch, deployment(resources=made(1)), config).require_free_names()
    [(names, owned, shards)] = asked
    assert (names, shards) == (Names.of_stack("production"), 3)
    assert owned == {"id0", adopted, "None"}


@pytest.mark.parametrize(
    ("domain", "route", "zone", "found"),
    [
        ("n.example.com", None, "example.com", "z2"),
        (None, "n.example.com/*", "example.com", "z2"),
        (None, None, "example.com", None),
        ("n.example.com", None, None, None),
    ],
)
def test_a_zone_is_looked_up_for_an_address_in_it(
    domain: str | None, route: str | None, zone: str | None, found: str | None
) -> None:
    settings: Any = SimpleNamespace(custom_domain=domain, route_pattern=route, zone_name=zone)
    zones = [{"id": "z1", "name": "a.example.com"}, {"id": "z2", "name": "example.com"}]
    api: Any = SimpleNamespace(
        listed=lambda path, name: zones if (path, name) == ("/zones", zone) else []
    )
    assert account_state._zone_id(api, settings) == found
    zones.pop()
    if found is not None:
        with pytest.raises(CannotAsk, match=r"there is no zone example\.com in the account"):
            account_state._zone_id(api, settings)

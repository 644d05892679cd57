"""Which level the serving code is of: asked from the account, not remembered."""

import json
import re
from typing import Any

import httpx
import pytest

from infra.migrations import lifecycle
from infra.migrations.errors import D1Refused, D1Unavailable
from infra.migrations.serving_level import ServingLevel

BASE = "http://127.0.0.1:9/client/v4"
BEFORE = {"level": 7}


class Account:
    """The active deployment and each version's level, as the API tells them."""

    def __init__(self, **levels: int | str | None) -> None:
        self.levels = levels
        self.status = 200

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.status != 200:
            return httpx.Response(self.status, json={"success": False, "errors": []})
        if request.url.path.endswith("/workers/scripts/notifier/deployments"):
            shares = [{"version_id": name, "percentage": 50} for name in self.levels]
            active = [{"versions": shares}] if shares else []
            older = [{"versions": [{"version_id": "older", "percentage": 100}]}]
            return result({"deployments": [*active, *older] if shares else []})
        found = re.search(r"/workers/workers/w1/versions/(\w+)$", request.url.path)
        assert found is not None, request.url.path
        level = self.levels[found[1]]
        own = {"name": "SCHEMA_LEVEL", "type": "plain_text", "text": str(level)}
        others = [{"name": name, "text": "1"} for name in ("LOG_LEVEL", "ZONE")]
        bindings = [*others, "no binding", *([own] if level is not None else [])]
        return result({"bindings": bindings})

    def level(self) -> int | None:
        transport = httpx.MockTransport(self)
        asked = ServingLevel(account_id="a", base_url=BASE, transport=transport)
        return asked.of(worker="notifier", worker_id="w1")


def result(document: Any) -> httpx.Response:
    return httpx.Response(200, content=json.dumps({"success": True, "result": document}))


@pytest.mark.parametrize(
    ("levels", "expected"),
    [({"one": 6}, 6), ({"new": 7, "old": 6}, 6), ({"foreign": None}, None), ({}, None)],
)
def test_the_lowest_level_of_what_serves_counts(
    levels: dict[str, int | None], expected: int | None
) -> None:
    assert Account(**levels).level() == expected


def test_a_worker_that_is_not_there_serves_nothing() -> None:
    account = Account(one=6)
    account.status = 404
    assert account.level() is None


def test_a_level_that_is_no_number_is_another_services() -> None:
    assert Account(one="7b").level() is None
    assert Account(one="\u00b2", two="3").level() == 3


@pytest.mark.parametrize("status", [429, 500, 503, 400])
def test_an_api_that_is_busy_is_asked_again_later(status: int) -> None:
    account = Account(one=6)
    account.status = status
    with pytest.raises(D1Unavailable, match=f"HTTP {status}"):
        account.level()


@pytest.mark.parametrize(
    "listed",
    [
        {},
        {"deployments": None},
        {"deployments": ["one"]},
        {"deployments": [{}]},
        {"deployments": [{"versions": ["one"]}]},
        {"deployments": [{"versions": [{"version_id": 7}]}]},
        ["one"],
    ],
)
def test_deployments_that_cant_be_read_are_not_taken_for_none(listed: Any) -> None:
    transport = httpx.MockTransport(lambda _: result(listed))
    with pytest.raises(D1Unavailable, match="scripts/notifier/deployments was answered without"):
        ServingLevel(account_id="a", base_url=BASE, transport=transport).of(
            worker="notifier", worker_id="w1"
        )


def test_a_version_whose_bindings_cant_be_read_opens_no_gate() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/deployments"):
            return result({"deployments": [{"versions": [{"version_id": "one"}]}]})
        return result({"bindings": "none"})

    transport = httpx.MockTransport(answer)
    with pytest.raises(D1Unavailable, match="without a list of bindings"):
        ServingLevel(account_id="a", base_url=BASE, transport=transport).of(
            worker="notifier", worker_id="w1"
        )


def test_an_api_that_does_not_tell_opens_no_gate() -> None:
    account = Account(one=6)
    account.status = 403
    with pytest.raises(D1Refused, match="no migration was applied"):
        account.level()

    def silent(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no", request=request)

    asked = ServingLevel(account_id="a", base_url=BASE, transport=httpx.MockTransport(silent))
    with pytest.raises(D1Unavailable):
        asked.of(worker="notifier", worker_id="w1")


@pytest.mark.parametrize("body", ["<html>sign in</html>", '{"success": false}', "[]"])
def test_an_answer_that_is_no_document_opens_no_gate_either(body: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, text=body))
    with pytest.raises(D1Unavailable, match="no migration was applied: GET workers/scripts"):
        ServingLevel(account_id="a", base_url=BASE, transport=transport).of(
            worker="notifier", worker_id="w1"
        )


def test_a_migration_whose_release_was_never_deployed_does_not_raise_the_level(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The step before reached level 7 and its deployment failed: code of level 6 still serves."""
    asked: list[dict[str, str]] = []

    def of(_: ServingLevel, **names: str) -> int:
        asked.append(names)
        return 6

    monkeypatch.setattr(ServingLevel, "of", of)
    properties = {"account_id": "a", "base_url": BASE, "worker": "notifier", "worker_id": "w1"}
    assert lifecycle._serving_level(properties, BEFORE) == 6
    assert asked == [{"worker": "notifier", "worker_id": "w1"}]
    assert lifecycle._serving_level({}, BEFORE) == 7

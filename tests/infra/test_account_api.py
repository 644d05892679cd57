"""Calls of an account's API: what is sent, how often, and which answer means what."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from infra.account_api import TOKEN_VARIABLE, AccountApi, CannotAsk, Forbidden

API = "https://api.example.test/client/v4"
BELOW = "/client/v4/accounts/acc"
EMPTY = {"success": False, "errors": [], "result": None}


class Cloud:
    """Gives one answer to every call, and keeps the calls."""

    def __init__(self, status: int = 200, document: Any = None) -> None:
        self._status = status
        self._document = {"success": True, "result": {"a": 1}} if document is None else document
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self._status, json=self._document)

    def api(self, token: str | None = "t") -> AccountApi:  # noqa: S107
        return AccountApi(API, "acc", transport=httpx.MockTransport(self), token=token)


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (lambda api: api.get("queues"), "GET", f"{BELOW}/queues", None),
        (lambda api: api.get("/zones", name="a b"), "GET", "/client/v4/zones?name=a+b", None),
        (lambda api: api.delete("queues/q1"), "DELETE", f"{BELOW}/queues/q1", None),
        (lambda api: api.require_writing("queues"), "POST", f"{BELOW}/queues", {}),
    ],
)
def test_only_what_would_make_something_has_a_body_and_it_is_empty(
    call: Callable[[AccountApi], Any], method: str, path: str, body: dict[str, Any] | None
) -> None:
    cloud = Cloud()
    with cloud.api() as api:
        call(api)
    [sent] = cloud.requests
    assert (sent.method, sent.url.raw_path.decode()) == (method, path)
    assert sent.headers["authorization"] == "Bearer t"
    assert (json.loads(sent.content) if sent.content else None) == body


def test_the_token_is_the_environments_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN_VARIABLE, "from-outside")
    cloud = Cloud()
    for token in (None, "given"):
        with cloud.api(token) as api:
            api.get("queues")
    monkeypatch.delenv(TOKEN_VARIABLE)
    with cloud.api(None) as api:
        api.get("queues")
    sent = [request.headers["authorization"].strip() for request in cloud.requests]
    assert sent == ["Bearer from-outside", "Bearer given", "Bearer"]


@pytest.mark.parametrize(
    ("status", "calls"),
    [(400, 1), (404, 1), (409, 1), (428, 1), (429, 3), (430, 1), (499, 1), (500, 3), (503, 3)],
)
def test_a_call_is_made_again_where_the_api_is_busy_or_broken_and_not_otherwise(
    status: int, calls: int
) -> None:
    cloud = Cloud(status, EMPTY)
    with cloud.api() as api:
        if status == 404:
            assert api.get("queues") is None
        else:
            with pytest.raises(CannotAsk, match=f"HTTP {status}$"):
                api.get("queues")
    assert len(cloud.requests) == calls


@pytest.mark.parametrize("status", [201, 204, 300, 400, 402, 405, 410])
def test_only_a_404_says_that_there_is_no_such_thing(status: int) -> None:
    with Cloud(status).api() as api:
        with pytest.raises(CannotAsk, match=f"^GET queues was answered with HTTP {status}$"):
            api.get("queues")
        with pytest.raises(CannotAsk, match=f"^DELETE queues/q was answered with HTTP {status}$"):
            api.delete("queues/q")


@pytest.mark.parametrize("document", [{"success": True}, {"success": 1, "result": 2}, EMPTY])
def test_an_answer_without_success_and_result_is_none(document: dict[str, Any]) -> None:
    with Cloud(200, document).api() as api, pytest.raises(CannotAsk, match=r"HTTP 200$"):
        api.get("queues")


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_names_the_call_and_the_permission_that_it_needs(status: int) -> None:
    with Cloud(status, EMPTY).api() as api:
        for call, told in (
            (lambda: api.get("queues"), "GET queues; it needs Account → Queues → Read."),
            (lambda: api.delete("queues/q"), "DELETE queues/q; it needs Account → Queues → Edit."),
            (
                lambda: api.require_writing("d1/database"),
                "POST d1/database; it needs Account → D1 → Edit.",
            ),
            (lambda: api.get("/user"), "GET /user."),
        ):
            with pytest.raises(Forbidden) as refused:
                call()
            assert str(refused.value) == f"The API token may not {told}"


@pytest.mark.parametrize("status", [200, 400, 404, 409])
def test_whoever_may_write_is_told_anything_but_a_refusal(status: int) -> None:
    with Cloud(status, EMPTY).api() as api:
        api.require_writing("queues")


def test_a_call_without_an_answer_is_told_with_its_cause() -> None:
    calls: list[httpx.Request] = []

    def silent(request: httpx.Request) -> httpx.Response:
        calls.append(request)
        raise httpx.ReadTimeout("late", request=request)

    api = AccountApi(API, "acc", transport=httpx.MockTransport(silent), token="t")
    with api, pytest.raises(CannotAsk, match=r"^GET queues: ReadTimeout$"):
        api.get("queues")
    assert len(calls) == 3


@pytest.mark.parametrize(
    ("sizes", "told", "asked"),
    [
        ([0], None, 1),
        ([49], None, 1),
        ([50, 0], None, 2),
        ([50, 1], None, 2),
        ([51], None, 1),
        ([120], None, 1),
        ([7], 1, 1),
        ([50], 1, 1),
        ([3, 3, 3], 3, 3),
    ],
)
def test_a_list_is_asked_for_no_more_often_than_it_has_pages(
    sizes: list[int], told: int | None, asked: int
) -> None:
    seen: list[dict[str, str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.url.params))
        items = [{"id": f"{len(seen)}-{at}"} for at in range(sizes[len(seen) - 1])]
        info = {"total_pages": told} if told else None
        return httpx.Response(200, json={"success": True, "result": items, "result_info": info})

    with AccountApi(API, "acc", transport=httpx.MockTransport(answer), token="t") as api:
        assert len(list(api.listed("queues", name="q"))) == sum(sizes)
    assert seen == [
        {"name": "q", "page": str(page), "per_page": "50"} for page in range(1, asked + 1)
    ]


@pytest.mark.parametrize("result", [{"id": "1"}, "text", [1], [{"id": "1"}, None]])
def test_a_list_of_another_form_is_no_list(result: Any) -> None:
    cloud = Cloud(200, {"success": True, "result": result})
    with cloud.api() as api, pytest.raises(CannotAsk, match=r"GET queues was .* with no list"):
        list(api.listed("queues"))


@pytest.mark.parametrize("result", [[], None])
def test_an_empty_list_is_one(result: Any) -> None:
    with Cloud(200, {"success": True, "result": result}).api() as api:
        assert list(api.listed("queues")) == []
    with Cloud(404, EMPTY).api() as api:
        assert list(api.listed("queues")) == []

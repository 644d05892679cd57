"""Calls of D1's REST endpoint: what is sent, and which answer means what."""

import gc
import json
import tracemalloc

import httpx
import pytest

from infra.migrations.d1 import D1Database, Statement
from infra.migrations.errors import D1Refused, D1SqlError, D1Unavailable, RowsLost
from tests.ops.answering_service import answering_service

TOKEN = "canary-token-0123456789-0123456789-abcdef"


def database(answer: httpx.Response, seen: list[httpx.Request] | None = None) -> D1Database:
    def handle(request: httpx.Request) -> httpx.Response:
        if seen is not None:
            seen.append(request)
        return answer

    return D1Database(
        account_id="acc",
        database_id="db",
        base_url="https://api.example/client/v4",
        transport=httpx.MockTransport(handle),
    )


def refusal(status: int, code: int, message: str) -> httpx.Response:
    errors = [{"code": code, "message": message}]
    return httpx.Response(status, json={"success": False, "errors": errors, "result": None})


@pytest.fixture(autouse=True)
def _token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)


def test_a_batch_is_one_call_with_the_token_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[httpx.Request] = []
    rows = [{"success": True, "results": [{"n": 1}]}, {"success": True, "results": []}]
    api = database(httpx.Response(200, json={"success": True, "result": rows}), seen)
    assert api.batch([Statement("SELECT ?1", ("1",)), Statement("SELECT 2 WHERE 0")]) == [
        [{"n": 1}],
        [],
    ]
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "another")
    api.batch([])
    assert str(seen[0].url) == "https://api.example/client/v4/accounts/acc/d1/database/db/query"
    assert json.loads(seen[0].content) == {
        "batch": [
            {"sql": "SELECT ?1", "params": ["1"]},
            {"sql": "SELECT 2 WHERE 0", "params": []},
        ]
    }
    assert [request.headers["authorization"] for request in seen] == [
        f"Bearer {TOKEN}",
        "Bearer another",
    ]


def test_a_refused_statement_is_an_sql_error_without_quoted_text() -> None:
    api = database(refusal(400, 7500, 'near "s3cret": syntax error at offset 7: SQLITE_ERROR'))
    with pytest.raises(D1SqlError, match="syntax error at offset 7") as caught:
        api.batch([])
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "answer",
    [
        refusal(500, 7500, "internal error"),
        refusal(429, 10000, "slow down"),
        httpx.Response(502, text="<html>"),
        httpx.Response(200, text="not json"),
        httpx.Response(200, json={"success": False, "errors": []}),
        httpx.Response(400, json=["odd"]),
        httpx.Response(200, json={"success": True, "result": [{}]}),
        httpx.Response(200, json={"success": True, "result": None}),
        httpx.Response(200, json={"success": True, "result": 7}),
        httpx.Response(200, json={"success": True, "result": {"results": []}}),
        httpx.Response(200, json={"success": True, "result": [{"results": [1]}]}),
        httpx.Response(200, json={"success": True, "result": [{"results": []}, 1]}),
        httpx.Response(400, json={"success": False, "errors": {"code": 7500}}),
        httpx.Response(400, json={"success": False, "errors": ["odd"]}),
        refusal(500, 7404, "no such database"),
        httpx.Response(199, json={"success": True, "result": [{"results": []}]}),
        httpx.Response(201, json={"success": True, "result": [{"results": []}]}),
    ],
)
def test_an_answer_that_says_nothing_sure_is_unavailable(answer: httpx.Response) -> None:
    with pytest.raises(D1Unavailable, match="Try again"):
        database(answer).batch([Statement("SELECT 1")])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refusal(403, 10000, "Authentication error"), "may edit D1"),
        (refusal(401, 10000, "Authentication error"), "may edit D1"),
        (refusal(404, 7404, "The database could not be found"), "pulumi refresh"),
        *((refusal(status, 1, "No"), "pulumi refresh") for status in (400, 402, 428, 430, 499)),
        *((refusal(400, code, "No"), f"HTTP 400, code {code}") for code in (7499, 7501)),
    ],
)
def test_a_refused_call_says_what_to_check(answer: httpx.Response, words: str) -> None:
    with pytest.raises(D1Refused, match=words) as caught:
        database(answer).batch([])
    assert TOKEN not in str(caught.value)


def test_a_failure_of_cloudflares_names_its_code_and_no_quoted_text() -> None:
    api = database(refusal(500, 7500, "D1 DB is overloaded: 'SELECT secret'"))
    with pytest.raises(D1Unavailable) as caught:
        api.batch([Statement("SELECT 1")])
    told = str(caught.value)
    assert "HTTP 500, code 7500: D1 DB is overloaded" in told
    assert "secret" not in told


def test_the_first_of_several_errors_is_told() -> None:
    errors = [{"code": 7404, "message": "first"}, {"code": 7500, "message": "second"}]
    answer = httpx.Response(400, json={"success": False, "errors": errors, "result": None})
    with pytest.raises(D1Refused) as refused:
        database(answer).batch([])
    assert str(refused.value) == (
        "Cloudflare refused the query: first (HTTP 400, code 7404). Compare the stack's database "
        "with the account's, by `pulumi refresh`."
    )


def test_a_long_reason_is_cut_and_loses_its_full_stop() -> None:
    for message, told in (("x" * 300, "x" * 200), (" no rows. ", "no rows"), ("a 'b' c.", "a … c")):
        with pytest.raises(D1SqlError) as refused:
            database(refusal(400, 7500, message)).batch([])
        assert str(refused.value) == told


@pytest.mark.parametrize(
    ("message", "tables"),
    [
        ('bad JSON path: \'rows lost: ["a","b"]\': SQLITE_ERROR', ("a", "b")),
        ("rows lost: []", ()),
        ("rows lost: [a]", ()),
    ],
)
def test_rows_that_a_guard_misses_are_told_by_their_tables(
    message: str, tables: tuple[str, ...]
) -> None:
    with pytest.raises(RowsLost) as lost:
        database(refusal(400, 7500, message)).batch([])
    assert lost.value.tables == tables


def test_an_answer_is_gone_from_memory_with_its_rows() -> None:
    """A hundred pages of a table take no more than one: nothing waits for Python's collector."""
    page = json.dumps({"success": True, "result": [{"results": [{"a": "x" * 1_000_000}]}]})
    with answering_service() as api:
        api.answers = [(200, page.encode())]
        database = D1Database(account_id="a", database_id="d", base_url=api.url, token="t")
        with database:
            database.batch([Statement("SELECT 1")])
            gc.collect()
            gc.disable()
            tracemalloc.start()
            try:
                for _ in range(10):
                    assert len(database.batch([Statement("SELECT 1")])[0][0]["a"]) == 1_000_000
                left, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
                gc.enable()
    assert left < 2_000_000

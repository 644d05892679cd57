"""An earlier version serves again only with the schema, the stores and the secrets it needs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from infra.migrations.ledger import Applied
from ops.deploy.release.release import Release
from ops.deploy.rollback.gate import Gate, GateResult
from ops.stacks.account import StackAccount

RELEASE = Release("v1-serves-again", "2026-01-01", "c1", "b1", "", 4, 4, {"api_secret_key": "aa"})
BINDINGS = [
    {"name": "DB", "type": "d1", "id": "d1-1"},
    {"name": "CONFIG_CACHE", "type": "kv_namespace", "namespace_id": "kv-1"},
    {"name": "RETRY_QUEUE", "type": "queue", "queue_name": "retry"},
    {"name": "FAILED_QUEUE", "type": "queue", "queue_name": "failed"},
    {"name": "LOG_LEVEL", "type": "plain_text", "text": "info"},
]
VERSION = "/workers/workers/w1/versions/v1-serves-again"
EVERYTHING: dict[str, Any] = {
    VERSION: {"bindings": BINDINGS},
    "/d1/database/d1-1": {},
    "/storage/kv/namespaces/kv-1": {},
    "/queues": [{"queue_name": "retry"}, {"queue_name": "failed"}],
}


@contextmanager
def account(there: Mapping[str, Any], seen: list[str]) -> Iterator[StackAccount]:
    """An account that has these resources, by path; a number is a status to answer with."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0].removeprefix("/accounts/" + "a" * 32)
            seen.append(path)
            found = there.get(path, 404)
            status = found if isinstance(found, int) else 200
            body = {"success": status == 200, "errors": [], "result": found}
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_GET  # noqa: N815  the protocol's name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield StackAccount("dev", "a" * 32, url, True, "t" * 40)
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def check() -> Callable[..., GateResult]:
    def checked(
        *applied: Applied,
        today: Mapping[str, str] | None = None,
        seen: list[str] | None = None,
        **changes: Any,
    ) -> GateResult:
        there = {**EVERYTHING, **{f"/{path}": found for path, found in changes.items()}}
        there.pop("/outputs", None)
        there.update(changes.get("there", {}))
        with account(there, seen if seen is not None else []) as stack:
            prints = {"api_secret_key": "aa"} if today is None else today
            outputs = {"worker_id": "w1", **changes.get("outputs", {})}
            return Gate(stack, outputs, today=prints, applied=applied).check(RELEASE)

    return checked


def test_a_release_whose_stores_are_there_may_serve(check: Callable[..., GateResult]) -> None:
    seen: list[str] = []
    assert check(seen=seen) == GateResult((), (), ())
    # Both queues are found in one list, and a variable is no store.
    assert seen == [VERSION, "/d1/database/d1-1", "/storage/kv/namespaces/kv-1", "/queues"]


@pytest.mark.parametrize(
    ("there", "lost"),
    [
        ({"/d1/database/d1-1": 404}, "as DB to the D1 database d1-1"),
        ({"/storage/kv/namespaces/kv-1": 404}, "as CONFIG_CACHE to the KV namespace kv-1"),
        ({"/queues": [{"queue_name": "retry"}]}, "as FAILED_QUEUE to the queue failed"),
    ],
)
def test_a_store_that_is_gone_refuses(
    check: Callable[..., GateResult], there: dict[str, Any], lost: str
) -> None:
    [refusal] = check(there=there).refusals
    assert f"Version {RELEASE.short} is bound {lost}, which isn't there any more." in refusal


def test_a_store_that_cannot_be_asked_for_is_not_taken_for_lost(
    check: Callable[..., GateResult],
) -> None:
    found = check(there={"/d1/database/d1-1": 403})
    assert found.refusals == ()
    [unknown] = found.unknown
    assert unknown.startswith("whether DB is there: ")


def test_a_version_that_cannot_be_read_refuses(check: Callable[..., GateResult]) -> None:
    [refusal] = check(there={VERSION: 404}).refusals
    assert refusal.startswith(f"Version {RELEASE.short} can't be deployed again: ")


THREE = {"d1_databases": [{"id": "d1-1"}, {"id": "d1-2"}, {"id": "d1-3"}]}


def _record(*values: str) -> dict[str, Any]:
    rows = [{"config_value": value} for value in values]
    return {"/d1/database/d1-1/query": [{"results": rows, "success": True, "meta": {}}]}


@pytest.mark.parametrize(
    ("record", "spread"),
    [
        (('{"n":3,"moving_to":null}',), 3),
        (('{"n":1,"moving_to":2}',), 2),
        (('{"n":3,"moving_to":1}',), 3),
        (('{"n":1,"moving_to":null}',), None),
        ((), None),
    ],
)
def test_a_version_that_does_not_know_every_database_with_recipients_is_refused(
    check: Callable[..., GateResult], record: tuple[str, ...], spread: int | None
) -> None:
    found = check(outputs=THREE, there=_record(*record))
    if spread is None:
        assert found.refusals == ()
        return
    [refusal] = found.refusals
    assert refusal.startswith(
        f"The recipients are spread over {spread} databases, and version {RELEASE.short} knows 1."
    )
    assert "set shards to 1 and deploy" in refusal
    bound = [*BINDINGS, *({"name": f"DB_{n}", "type": "d1", "id": "d1-1"} for n in (1, 2))]
    there = {**_record(*record), VERSION: {"bindings": bound}}
    assert check(outputs=THREE, there=there).refusals == ()


@pytest.mark.parametrize("there", [{"/d1/database/d1-1/query": 403}, _record("3")])
def test_where_the_spread_is_unknown_every_database_may_have_recipients(
    check: Callable[..., GateResult], there: dict[str, Any]
) -> None:
    found = check(outputs=THREE, there=there)
    assert "spread over 3 databases" in found.refusals[0]
    assert found.unknown[0].startswith("over how many databases the recipients are spread: ")


@pytest.mark.parametrize(
    ("level", "min_code", "refused"),
    [(5, 5, True), (5, 4, False), (4, 5, False), (6, 0, False)],
)
def test_a_migration_that_needs_newer_code_refuses(
    check: Callable[..., GateResult], level: int, min_code: int, refused: bool
) -> None:
    found = check(Applied("0005_new.sql", level, None, min_code)).refusals
    assert len(found) == refused
    assert all("needs code of level 5 or newer" in text for text in found)


def test_secrets_of_today_that_differ_take_a_version_of_its_own(
    check: Callable[..., GateResult],
) -> None:
    assert check(today={"api_secret_key": "bb"}).rotated == ("api_secret_key",)
    assert check(today={"api_secret_key": "bb"}).refusals == ()


@pytest.mark.parametrize(
    "binding",
    [{"type": "d1", "name": "DB"}, {"type": "kv_namespace"}, {"type": "queue", "queue_name": ""}],
)
def test_a_binding_that_names_no_store_is_unknown_and_neither_lost_nor_there(
    check: Callable[..., GateResult], binding: dict[str, Any]
) -> None:
    found = check(there={VERSION: {"bindings": [binding]}})
    assert found.refusals == ()
    [unknown] = found.unknown
    assert unknown.startswith(f"whether {binding.get('name', 'a binding without a name')} is there")


def test_a_lost_store_of_a_binding_without_a_name_refuses_all_the_same(
    check: Callable[..., GateResult],
) -> None:
    found = check(there={VERSION: {"bindings": [{"type": "d1", "id": "gone"}]}})
    assert "the D1 database gone, which isn't there any more" in found.refusals[0]

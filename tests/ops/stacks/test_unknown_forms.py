"""An answer of no known form is told as unknown by whatever asks the account, and never crashes."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from pydantic.alias_generators import to_snake

from infra.access.permission import Permission
from infra.names import Names
from ops.access.identity import ask_identity
from ops.access.token.token_api import TokenApi
from ops.access.token.token_check import TokenCheck
from ops.adoption.existing import AccountListing
from ops.database import d1_transfer
from ops.database.bucket import BackupBucket
from ops.database.d1_transfer import D1Transfer
from ops.database.scratch_d1 import scratch_d1
from ops.database.stack_database import StackDatabase
from ops.deploy.release import deployment_list
from ops.deploy.release.account_versions import older_versions, read_version
from ops.deploy.release.deployment_list import DeploymentList
from ops.deploy.release.records import ReleaseRecords
from ops.deploy.release.release import Release
from ops.deploy.rollback.gate import Gate
from ops.deploy.rollback.ledger import _from_api
from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.metrics.account_metrics import AccountMetrics
from ops.stacks.account import StackAccount
from ops.stacks.active_deployment import ActiveDeployment
from ops.stacks.errors import OperationError

OUTPUTS = {
    "worker_id": "w1",
    "worker_name": "notification-system",
    "d1_database_id": "d1",
    "retry_queue_id": "q1",
    "retry_queue_name": "retry-queue",
    "failed_queue_id": "q2",
    "failed_queue_name": "failed-queue",
    "releases": [{"version_id": "v0", "at": "2026-01-01T00:00:00Z"}],
}
RELEASE = Release("v1-00000", "2026-01-01", "", "b", "", 1, 1)
RESULTS: tuple[Any, ...] = (
    *(None, 5, "text", True, [], {}, [1], [[]], [None], [{}], {"x": 1}),
    *({"deployments": 5}, {"deployments": [5]}, {"deployments": [{}]}),
    {"deployments": [{"created_on": 1, "versions": 7}]},
    *({"bindings": 5}, {"bindings": [5]}, {"bindings": [{}]}),
    {"bindings": [{"type": "queue"}, {"type": "d1"}, {"type": "kv_namespace"}]},
    *({"annotations": 5, "id": 1}, [{"results": 5}], [{"results": [5]}], [{"results": [{}]}]),
    {"objects": 5},
)
GROUPS: tuple[Any, ...] = (
    *(5, [5], [{}], [{"sum": 5}]),
    [{"dimensions": {}, "sum": {"requests": "x"}}],
)
BODIES = [
    *("", "<html>sign in</html>", "[]", "5", "null", "[" * 300, '{"success": true}'),
    json.dumps({"success": False, "errors": [], "result": None}),
    json.dumps({"success": True, "data": {"viewer": {"accounts": [5]}}}),
    *(
        json.dumps({"data": {"viewer": {"accounts": [{"workersInvocationsAdaptive": groups}]}}})
        for groups in GROUPS
    ),
    json.dumps({"success": True, "errors": [5], "result": None}),
    json.dumps({"success": True, "result": [{}], "result_info": 5}),
    *(json.dumps({"success": True, "errors": [], "result": result}) for result in RESULTS),
]


class Api(BaseHTTPRequestHandler):
    """Answers everything with one body."""

    status: ClassVar[int] = 200
    body: ClassVar[str] = ""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        content = type(self).body.encode()
        self.send_response(type(self).status)
        kind = "application/json" if content[:1] in (b"{", b"[", b"5", b"n") else "text/html"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815  the names of the base class

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def account() -> Iterator[StackAccount]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    yield StackAccount("production", "a" * 32, url, is_local=False, token="t" * 40)
    server.shutdown()
    server.server_close()


def deployments(account: StackAccount) -> DeploymentList:
    return DeploymentList(account, "w", ())


def gate(account: StackAccount) -> Gate:
    return Gate(account, OUTPUTS, today={}, applied=())


def scratch(account: StackAccount) -> None:
    with scratch_d1(StackDatabase(account, "d1", "name", 1)):
        pass


def existing(account: StackAccount) -> object:
    context: Any = SimpleNamespace(
        stack="production",
        environment={},
        known_settings=lambda key: SimpleNamespace(**{to_snake(key): None}),
    )
    return AccountListing(account).find(Names.of_stack("production"), context)


NEEDED = (Permission.D1_WRITE, Permission.ZONE_READ, Permission.WORKERS_ROUTES_WRITE)


def permissions_of(account: StackAccount) -> object:
    with TokenApi(account.base_url, account.token, is_local=False) as api:
        check = TokenCheck(api, account.account_id, zone_id=None, zone_name="example.com")
        return check.run(NEEDED)


ASKING: dict[str, Callable[[StackAccount], object]] = {
    "what serves": lambda a: ActiveDeployment.of_worker(a, "w"),
    "a version": lambda a: read_version(a, OUTPUTS, "v1"),
    "older versions": lambda a: older_versions(a, OUTPUTS),
    "a version's bindings": lambda a: deployments(a).version("v1"),
    "the gate": lambda a: gate(a).check(RELEASE),
    "the ledger": lambda a: _from_api(a, OUTPUTS),
    "records": lambda a: ReleaseRecords(a, "d1").read(),
    "a scratch database": scratch,
    "a bookmark": lambda a: D1Transfer(a, "d1").bookmark(),
    "an export": lambda a: D1Transfer(a, "d1").export(Path(os.devnull)),
    "an import": lambda a: D1Transfer(a, "d1").ingest(Path(os.devnull)),
    "a journey": lambda a: D1Transfer(a, "d1").travel("b"),
    "backups": lambda a: BackupBucket(a, "b").names(),
    "metrics": lambda a: AccountMetrics.read(a, OUTPUTS),
    "a resource of drift": lambda a: CloudflareProbe(a).get("queues/q1"),
    "what exists already": existing,
    "whose the token is": lambda a: ask_identity.__wrapped__(a, NEEDED, is_pipeline=False),
    "a token's permissions": permissions_of,
    "a list of drift": lambda a: CloudflareProbe(a).listed("queues"),
}


def refusal_of(ask: Callable[[], object]) -> str:
    try:
        ask()
    except OperationError as error:
        return str(error)
    return ""


TOLERANT = ("older versions", "metrics", "the gate")
"""What goes on without an answer, and says so in its result."""


@pytest.mark.parametrize("name", ASKING)
def test_no_form_of_an_answer_ends_a_command_but_by_a_sentence(
    account: StackAccount, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(d1_transfer, "_POLLS", 2)
    monkeypatch.setattr(d1_transfer, "_POLL_SECONDS", 0)
    refused = 0
    for body in BODIES:
        Api.status, Api.body = 200, body
        told = refusal_of(lambda: ASKING[name](account))
        refused += bool(told)
        assert not told or "." in told
    assert (name in TOLERANT, refused > 5) != (False, False)


def test_the_list_of_deployments_is_as_careful(
    account: StackAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = SimpleNamespace(outputs=lambda **_: OUTPUTS)
    monkeypatch.setattr(deployment_list, "choose_driver", lambda _: driver)
    monkeypatch.setattr(StackAccount, "of", lambda _: account)
    context: Any = SimpleNamespace(stack="production")
    for body in BODIES:
        Api.status, Api.body = 200, body
        with pytest.raises(OperationError):
            DeploymentList.of_stack(context)


NO_404_OF_CLOUDFLARES = ("", "null", "[]", "{}", '"gone"', '{"error": "no such host"}')


@pytest.mark.parametrize("body", [*NO_404_OF_CLOUDFLARES, "<html>not here</html>"])
@pytest.mark.parametrize("name", ["a resource of drift", "a list of drift"])
def test_a_404_that_is_none_of_cloudflares_says_nothing_of_what_is_there(
    account: StackAccount, name: str, body: str
) -> None:
    Api.status, Api.body = 404, body
    assert "no document of Cloudflare's API" in refusal_of(lambda: ASKING[name](account))
    Api.body = '{"success": false, "errors": [{"code": 7404}], "result": null}'
    assert not ASKING[name](account)


@pytest.mark.parametrize(
    ("status", "body", "lost"),
    [
        (404, '{"success": false, "errors": [{"code": 7404}], "result": null}', True),
        *((404, body, False) for body in NO_404_OF_CLOUDFLARES),
        (404, "<html>not here</html>", False),
        (200, "<html>sign in</html>", False),
        (200, '{"success": true, "errors": [], "result": {"uuid": "x"}}', False),
    ],
)
def test_a_store_is_lost_only_where_cloudflare_itself_says_so(
    account: StackAccount, status: int, body: str, lost: bool
) -> None:
    Api.status, Api.body = status, body
    asked = gate(account)
    found = asked._lost({"name": "DB", "type": "d1", "id": "d1"})
    assert found == ("the D1 database d1" if lost else None)
    is_known = lost or "uuid" in body
    assert (asked._unknown == []) is is_known

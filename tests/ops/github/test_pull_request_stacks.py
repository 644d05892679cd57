"""The rule that a pull request's settings follow, and which pull requests are open."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from infra.settings import StackFile
from infra.settings.access import AccessSettings
from infra.settings.derivation import for_an_empty_account, for_another_stack
from infra.settings.key_dates import KeyDates
from infra.settings.model import GROUPS
from infra.settings.reference import own_fields
from localcloud.endpoints import Ports
from ops.deploy.pull_request_stack import derived_settings, pull_request_of, stack_of
from ops.deploy.pull_request_sweep import open_pull_requests
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError
from tests.ops.contexts import context_of

P = "notification-system:"
BASE = {
    f"{P}accountId": "0" * 32,
    f"{P}environment": "development",
    f"{P}workersDevSubdomain": "my-team",
    f"{P}logLevel": "debug",
    f"{P}protectStores": True,
    f"{P}crons": ["*/5 * * * *"],
    f"{P}customDomain": "dev.example.com",
    f"{P}zoneName": "example.com",
    f"{P}adoptDatabaseId": "f174e90a-fafe-4643-bbbc-4a0ed4fc8415",
    f"{P}pin": {"version": "18f97339-c287-4872-9bdd-e2135c07ec12", "insteadOf": "a" * 64},
    f"{P}manageAccess": True,
    f"{P}githubOwner": "team",
    f"{P}githubRepository": "service",
    f"{P}productionReviewers": ["ada"],
    f"{P}encryptKeySetOn": "2026-10-01",
    f"{P}apiSecretKey": {"secure": "v1:AAAA:BBBB"},
    f"{P}encryptKey": {"secure": "v1:AAAA:CCCC"},
}


@pytest.mark.requirement("S0-67")
def test_what_belongs_to_one_stack_alone_is_not_derived(tmp_path: Path) -> None:
    derived = derived_settings(BASE)
    assert derived == {
        f"{P}accountId": "0" * 32,
        f"{P}environment": "development",
        f"{P}workersDevSubdomain": "my-team",
        f"{P}logLevel": "debug",
        f"{P}protectStores": False,
        f"{P}crons": [],
        f"{P}manageAccess": False,
        f"{P}workersDev": True,
    }
    secrets = {f"{P}{name}": {"secure": "v1:AAAA:BBBB"} for name in ("apiSecretKey", "encryptKey")}
    file = tmp_path / "Pulumi.pr-7.yaml"
    file.write_text(yaml.safe_dump({"config": {**derived, **secrets}}))
    assert StackFile.read(file).checked.mistakes() == ()


def test_addresses_imports_traffic_access_and_dates_belong_to_one_stack() -> None:
    keys = [key for group in GROUPS for key in own_fields(group)]
    whole = {key if ":" in key else f"{P}{key}": "any" for key in keys}
    of_one_stack = {key.removeprefix(P) for key in whole.keys() - for_another_stack(whole).keys()}
    assert of_one_stack == {
        *("serviceUrl", "customDomain", "routePattern", "zoneName", "zoneId", "takeOver"),
        *("adoptDatabaseId", "adoptNamespaceId", "adoptRetryQueueId", "adoptFailedQueueId"),
        *("adoptWorkerId", "adoptFurtherDatabaseIds"),
        *("pin", "traffic", "trafficBase", "maintenanceMode"),
        *(key for group in (AccessSettings, KeyDates) for key in own_fields(group)),
    }


def test_what_was_recorded_about_the_secrets_goes_with_them() -> None:
    config = {
        f"{P}logLevel": "debug",
        f"{P}adoptWorkerId": "0" * 32,
        f"{P}traffic": 10,
        f"{P}apiSecretKeySetOn": "2026-10-01",
        f"{P}keyPrints": {"apiSecretKey": "0" * 16},
        f"{P}keyFingerprints": {"apiSecretKey": "0" * 16},
        f"{P}metricsToken": {"secure": "v1:AAAA:BBBB"},
    }
    assert for_an_empty_account(config) == {f"{P}logLevel": "debug", f"{P}traffic": 10}
    assert for_another_stack(config) == {f"{P}logLevel": "debug"}


def test_a_stacks_name_tells_its_pull_request_and_no_other_name_does() -> None:
    assert pull_request_of(stack_of(12)) == 12
    for name in ("production", "pr-", "pr-0", "pr-07", "pr-x", "my-pr-7"):
        assert pull_request_of(name) is None


class Pulls(BaseHTTPRequestHandler):
    """Answers the list of open pull requests, 150 of them, as GitHub pages it."""

    refuse = False
    body: bytes | None = None
    port = 0

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        size, page = int(query["per_page"]), int(query["page"])
        is_known = url.path == "/api/v3/repos/local/notification-system/pulls"
        numbers = range(1, 151)[(page - 1) * size : page * size]
        is_open = query["state"] == "open"
        body = json.dumps([{"number": number} for number in numbers if is_open]).encode()
        body = body if self.body is None else self.body
        self.send_response(200 if is_known and not self.refuse else 403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def github() -> Iterator[type[Pulls]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pulls)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Pulls.port = server.server_port
    yield Pulls
    Pulls.refuse, Pulls.body = False, None
    server.shutdown()
    server.server_close()


def local(tmp_path: Path) -> StackContext:
    token = tmp_path / "home" / "cloud" / "api-token"
    token.parent.mkdir(parents=True)
    token.write_text("t" * 40)
    file = tmp_path / "Pulumi.local.yaml"
    file.write_text("config:\n  cloudflare:baseUrl: http://127.0.0.1:8787/client/v4\n")
    context = context_of(tmp_path)
    return replace(context, project=replace(context.project, ports=Ports(control=Pulls.port)))


def test_all_pages_of_open_pull_requests_are_read(tmp_path: Path, github: type[Pulls]) -> None:
    assert open_pull_requests(local(tmp_path)) == set(range(1, 151))


def test_a_refusal_sweeps_nothing_and_says_so(tmp_path: Path, github: type[Pulls]) -> None:
    github.refuse = True
    with pytest.raises(OperationError, match=r"403.*No stack was removed"):
        open_pull_requests(local(tmp_path))


@pytest.mark.parametrize("body", [b"{}", b"[5]", b'[{"number": 1}, {}]', b'[{"number": "1"}]'])
def test_a_list_that_may_lack_one_sweeps_nothing(
    tmp_path: Path, github: type[Pulls], body: bytes
) -> None:
    github.body = body
    with pytest.raises(OperationError, match="No stack was removed"):
        open_pull_requests(local(tmp_path))

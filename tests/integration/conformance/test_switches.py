"""Limits, switches and a rotation of keys, on a stack of their own that has them set."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from notification.routes.table import all_routes
from ops.stacks.service import ServiceClient
from tests.installation import Installation
from tests.integration.conformance.deployed import SEND, Deployed, expect

RECIPIENT_LIMIT = 4
ADDRESS_LIMIT = 20
OLD_SIGNING, NEW_SIGNING = "0a" * 32, "1b" * 32
OLD_SEALING, NEW_SEALING = "the0key0before0the0rotation0of00", "the0key0after00the0rotation0of00"
SWITCHES = {
    "testClock": True,
    # The tests run the tasks themselves.
    "crons": ["0 0 1 1 *"],
    "rateLimitEnabled": True,
    "rateLimitPerMinute": RECIPIENT_LIMIT,
    "rateLimitAddressPerMinute": ADDRESS_LIMIT,
    "featureSlackEnabled": False,
    "featureRetryEnabled": False,
    "featureCacheEnabled": False,
    "allowHttpWebhooks": False,
}


@pytest.fixture(scope="module")
def switched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    built = Installation(tmp_path_factory.mktemp("switched"), settings=SWITCHES)
    keys = built.seal(apiSecretKey=OLD_SIGNING, encryptKey=OLD_SEALING)
    built.configure(SWITCHES | keys)
    built.up()
    yield built
    built.close()


def deployed(installation: Installation, key: str) -> Deployed:
    url = installation.outputs()["service_url"]
    return Deployed(
        installation,
        ServiceClient(url, key, now=installation.now),
        httpx.Client(base_url=url, trust_env=False, timeout=60),
    )


@pytest.fixture
def strict(switched: Installation) -> Deployed:
    """The service as it is deployed with the switches."""
    return deployed(switched, OLD_SIGNING)


def refused_in_the_end(
    call: Callable[[], httpx.Response], limit: int, *, least: int = 0
) -> httpx.Response:
    """Call until the limit refuses, not before ``least`` calls have passed; its windows begin when
    they will, so one may end on the way."""
    for passed in range(2 * limit + 1):
        answer = call()
        if answer.status_code == 429:
            assert passed >= least
            return answer
    raise AssertionError(f"{2 * limit + 1} calls passed a limit of {limit}")


def hold_to_the_limit(answer: httpx.Response, limit: int, now: float) -> None:
    expect(answer, 429, "RATE_LIMIT_EXCEEDED", "Rate limit exceeded. Please try again later.")
    seconds = int(answer.headers["retry-after"])
    assert (1 <= seconds <= 60, answer.json()["retryAfter"]) == (True, seconds)
    assert answer.headers["x-ratelimit-limit"] == str(limit)
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert abs(int(answer.headers["x-ratelimit-reset"]) - now) <= 120


@pytest.mark.requirement("C-0.3", "C-1.10", "B-34")
def test_a_recipient_has_a_limit_of_signed_calls(strict: Deployed, user: str) -> None:
    strict.configure(user, "webhook", webhook_url=strict.hook(user))
    body = {"user_id": user, "channels": ["webhook"], "custom_content": {"content": "x"}}
    refused = refused_in_the_end(
        lambda: strict.call("POST", SEND, body), RECIPIENT_LIMIT, least=RECIPIENT_LIMIT
    )
    hold_to_the_limit(refused, RECIPIENT_LIMIT, strict.installation.now())
    other = strict.call("POST", SEND, body | {"user_id": f"{user}-other"})
    expect(other, 400, "USER_NO_CHANNELS")
    assert strict.call("GET", f"/api/user-configs?user_id={user}").status_code == 200
    assert len(strict.installation.arrivals(f"/hook/{user}")) <= 2 * RECIPIENT_LIMIT


@pytest.mark.requirement("C-0.3", "C-0.50")
def test_a_recipient_has_one_limit_however_the_id_is_written(strict: Deployed, user: str) -> None:
    strict.configure(user, "webhook", webhook_url=strict.hook(user))
    spellings = (user, f"{user} ", f"{user}\x00", f"\ufeff{user}", f"\u3000{user}\t")
    body = {"channels": ["webhook"], "custom_content": {"content": "x"}}
    calls = count()

    def call() -> httpx.Response:
        name = spellings[next(calls) % len(spellings)]
        return strict.call("POST", SEND, {**body, "user_id": name})

    refused = refused_in_the_end(call, RECIPIENT_LIMIT, least=RECIPIENT_LIMIT)
    hold_to_the_limit(refused, RECIPIENT_LIMIT, strict.installation.now())


@pytest.mark.requirement("C-0.3", "C-1.10", "C-0.2", "B-34", "B-40")
def test_an_address_has_a_limit_of_calls_that_nobody_signed(strict: Deployed, user: str) -> None:
    wrong = {"X-Timestamp": "1736100000000", "X-Signature": "0" * 64}
    # The deployment has asked for health from the same address, so the limit may be near already.
    refused = refused_in_the_end(
        lambda: strict.open("POST", SEND, content=b"{}", headers=wrong), ADDRESS_LIMIT
    )
    hold_to_the_limit(refused, ADDRESS_LIMIT, strict.installation.now())
    # The same counter holds for health and the bridge; who signs has nothing to do with it.
    # What isn't there counts for the address, too.
    for method, path in (
        ("GET", "/health"),
        ("POST", f"/web_hook/bridge/{user}/webhook"),
        ("GET", "/nothing"),
        ("PUT", SEND),
        ("OPTIONS", SEND),
    ):
        again = refused_in_the_end(
            lambda method=method, path=path: strict.open(method, path),  # type: ignore[misc]
            ADDRESS_LIMIT,
        )
        hold_to_the_limit(again, ADDRESS_LIMIT, strict.installation.now())
    assert strict.call("GET", "/api/user-configs").status_code == 200
    # A body's size is looked at before the limit.
    expect(strict.open("POST", SEND, content=b"x" * 1_048_577), 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.requirement("C-11")
def test_what_is_switched_off_is_not_done(strict: Deployed, user: str) -> None:
    strict.configure(user, "webhook", webhook_url=strict.hook(user, "?status=500"))
    strict.configure(user, "slack", webhook_url=strict.hook(f"{user}-slack"))
    body = {"user_id": user, "channels": ["slack"], "custom_content": {"content": "x"}}
    expect(strict.call("POST", SEND, body), 400, "INVALID_CHANNEL_TYPE")
    [webhook] = strict.send(user, "webhook")
    assert (webhook["status"], webhook["code"]) == ("failed", "HTTP_ERROR")
    assert strict.installation.arrivals(f"/hook/{user}-slack") == []
    plain = {"webhook_url": "http://hooks.example.com/in"}
    body = {"user_id": user, "channel_type": "webhook", "config_data": plain}
    refused = strict.call("POST", "/api/user-configs", body)
    text = "webhook_url is blocked: only https endpoints are allowed"
    expect(refused, 400, "VALIDATION_ERROR", text)
    target = f"/api/user-configs?user_id={user}&channel_type=webhook"
    assert strict.call("GET", target).status_code == 200
    assert cached(strict.installation) == {}


def cached(installation: Installation) -> dict[str, str]:
    """What the namespace holds, by key."""
    outputs = installation.outputs()
    path = (
        f"/client/v4/accounts/{outputs['account_id']}/storage/kv/namespaces/"
        f"{outputs['kv_namespace_id']}"
    )
    found = installation.control("GET", f"{path}/keys").raise_for_status().json()["result"]
    return {
        key["name"]: installation.control("GET", f"{path}/values/{key['name']}").text
        for key in found
    }


CLEAR = f"canary-{secrets.token_hex(8)}"
MORE_THAN_A_RUN = 520


@pytest.fixture(scope="module")
def rotated(switched: Installation) -> Deployed:
    """The stack after both keys were rotated, with configurations of three ages."""
    before = deployed(switched, OLD_SIGNING)
    before.configure("sealed-before", "webhook", webhook_url=before.hook("sealed"), secret=CLEAR)
    stored = json.dumps({"webhook_url": before.hook("clear"), "secret": CLEAR})
    before.statement(
        "WITH RECURSIVE numbers (value) AS"
        " (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < ?)"
        " INSERT INTO user_configs (user_id, channel_type, config_data)"
        " SELECT 'clear-' || value, 'webhook', ? FROM numbers",
        MORE_THAN_A_RUN,
        stored,
    )
    switched.configure(
        {"testClock": True, "crons": SWITCHES["crons"], "cacheTtlSeconds": 120}
        | switched.seal(
            apiSecretKey=NEW_SIGNING,
            apiSecretKeyPrevious=OLD_SIGNING,
            encryptKey=NEW_SEALING,
            encryptKeyPrevious=OLD_SEALING,
        )
    )
    switched.up()
    return deployed(switched, NEW_SIGNING)


@pytest.mark.requirement("C-1.6")
def test_while_signing_keys_rotate_either_is_accepted(rotated: Deployed) -> None:
    for key in (NEW_SIGNING, OLD_SIGNING):
        assert deployed(rotated.installation, key).call("GET", "/api/user-configs").is_success
    stranger = deployed(rotated.installation, "2c" * 32).call("GET", "/api/user-configs")
    expect(stranger, 401, "INVALID_SIGNATURE")


@pytest.mark.requirement("C-0.11", "C-3.9", "C-0.28", "B-32")
def test_what_older_keys_sealed_is_read_and_resealed_in_several_runs(rotated: Deployed) -> None:
    for user in ("sealed-before", "clear-1"):
        assert rotated.send(user)[0]["status"] == "sent"
    runs = []
    for _ in range(3):
        run = rotated.data("POST", "/api/scheduled-tasks/trigger", {"taskName": "key_rotation"})
        runs.append((run["resealed"], run["unreadable"]))
    current, others = run["currentKey"], MORE_THAN_A_RUN + 1
    assert sum(resealed for resealed, _ in runs) >= others
    assert 0 < runs[0][0] < others
    assert runs[-1] == (0, 0)
    assert set(run["rowsByKey"]) == {current}
    rows = rotated.statement("SELECT DISTINCT substr(config_data, 1, 16) AS kind FROM user_configs")
    assert rows == [{"kind": f"enc:v2:{current}:"}]
    for user in ("sealed-before", "clear-520"):
        assert rotated.send(user)[0]["status"] == "sent"


@pytest.mark.requirement("C-3.9", "B-32", "C-0.18")
def test_the_cache_holds_the_sealed_form_alone(rotated: Deployed) -> None:
    rotated.configure("cached-user", "webhook", webhook_url=rotated.hook("x"), secret=CLEAR)
    rotated.data("GET", "/api/user-configs?user_id=cached-user&channel_type=webhook")
    entries = cached(rotated.installation)
    assert set(entries) == {"user_config:cached-user:webhook"}
    [text] = entries.values()
    assert json.loads(text)["config_data"].startswith("enc:v2:")
    assert CLEAR not in text
    [shown] = rotated.data("GET", "/api/user-configs?user_id=cached-user&channel_type=webhook")
    assert shown["config_data"]["secret"] == f"{CLEAR[:4]}…"
    rotated.call("DELETE", "/api/user-configs?user_id=cached-user&channel_type=webhook")
    assert cached(rotated.installation) == {}


CONSOLE = "/console/"
SERVED = re.compile(r'(?:href|src)="([^":]+)"')
EXEMPT = {"/health", "/api/health"}


@pytest.fixture(scope="module")
def closed(switched: Installation) -> tuple[Deployed, list[str]]:
    """The stack under maintenance, and the paths at which it served the console before."""
    url = switched.outputs()["service_url"]
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as browser:
        page = browser.get(CONSOLE).raise_for_status()
        linked = [urljoin(CONSOLE, path) for path in SERVED.findall(page.text)]
        of_console = [path for path in linked if path.startswith(CONSOLE)]
        served = [CONSOLE, f"{CONSOLE}index.html", *of_console]
        assert len(served) > 3
        for path in served:
            assert browser.get(path, follow_redirects=True).status_code == 200, path
    switched.configure(
        {"testClock": True, "crons": SWITCHES["crons"], "maintenanceMode": True}
        | switched.seal(apiSecretKey=NEW_SIGNING, encryptKey=NEW_SEALING, bridgeToken="b" * 40)
    )
    switched.up()
    return deployed(switched, NEW_SIGNING), [*served, "/console"]


def every_route() -> list[tuple[str, str]]:
    """Return method and path of every route and alias that maintenance closes."""
    return [
        (route.method, re.sub(r"\{[^}]*\}", "webhook", path))
        for route in all_routes()
        for path in (route.path, *route.aliases)
        if path not in EXEMPT
    ]


@pytest.mark.requirement("C-0.2", "S5-7")
def test_maintenance_closes_every_route_whoever_calls(closed: tuple[Deployed, list[str]]) -> None:
    service, _ = closed
    doors = every_route()
    assert len(doors) > 50
    text = "The service is under maintenance"
    for method, path in doors:
        body: dict[str, Any] | None = None if method in ("GET", "DELETE") else {}
        for answer in (
            service.call(method, path, body),
            service.open(method, path, headers={"X-Bridge-Token": "b" * 40}),
        ):
            expect(answer, 503, "MAINTENANCE", text)
            assert answer.headers["retry-after"] == "1800"
    # A page of another origin may read the refusal only if its preflight is answered.
    assert service.open("OPTIONS", SEND).status_code == 204
    for path in EXEMPT:
        assert service.open("GET", path).status_code == 200


@pytest.mark.requirement("C-0.19", "S5-7")
def test_maintenance_closes_the_console_by_every_name(closed: tuple[Deployed, list[str]]) -> None:
    service, served = closed
    outputs = service.installation.outputs()
    edge = urlsplit(service.installation.edge_url)
    preview = f"{outputs['version_id'][:8]}-{outputs['worker_name']}.localhost:{edge.port}"
    for host in (edge.netloc, f"localhost:{edge.port}", preview):
        for path in (*served, "/nothing", "/", "/test-ui"):
            for method in ("GET", "HEAD", "POST"):
                answer = service.anyone.request(
                    method, f"{service.installation.edge_url}{path}", headers={"Host": host}
                )
                assert answer.status_code == 503, (host, method, path)
                if method != "HEAD":
                    assert answer.json()["code"] == "MAINTENANCE"

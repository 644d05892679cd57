"""Who may call what, and how wrong addresses are answered."""

from __future__ import annotations

import httpx
import pytest

from localcloud.loopback_guard import is_loopback_name
from tests.localcloud.running_cloud import RunningCloud


def code_of(response: httpx.Response) -> tuple[int, int]:
    """Status and Cloudflare's code."""
    return response.status_code, response.json()["errors"][0]["code"]


def test_the_token_verifies_itself(shared: RunningCloud) -> None:
    for path in ("/user/tokens/verify", f"/accounts/{shared.endpoints.account_id}/tokens/verify"):
        answer = shared.http.get(path).json()
        assert answer["result"]["status"] == "active"
        assert answer["messages"][0]["message"] == "This API Token is valid and active"


def test_a_wrong_token_is_refused_everywhere(shared: RunningCloud) -> None:
    wrong = {"Authorization": "Bearer " + "x" * 40}
    get = shared.http.get
    assert code_of(get("/user/tokens/verify", headers=wrong)) == (401, 1000)
    assert code_of(get("/accounts", headers=wrong)) == (401, 10000)
    assert code_of(get("/nowhere", headers=wrong)) == (401, 10000)
    assert code_of(get("/accounts", headers={"Authorization": ""})) == (400, 9106)
    # What lies outside of Cloudflare's API asks for no token of its own.
    assert code_of(httpx.get(f"{shared.root_url}/nowhere", trust_env=False)) == (404, 7003)


def test_local_calls_that_change_something_need_the_token(shared: RunningCloud) -> None:
    bare = httpx.Client(base_url=shared.root_url, trust_env=False)
    with bare:
        assert bare.get("/local/clock").status_code == 200
        assert code_of(bare.post("/local/clock", json={"advance_ms": 1})) == (400, 9106)
        firing = {"script": "w", "cron": "* * * * *"}
        assert code_of(bare.post("/local/cron/run", json=firing)) == (400, 9106)


def test_an_unknown_path_is_a_404_in_the_envelope(shared: RunningCloud) -> None:
    assert shared.error("GET", "/nowhere") == (404, 7003)
    assert code_of(shared.http.get("/radar")) == (404, 7003)
    assert shared.error("PATCH", "/storage/kv/namespaces") == (405, 10405)


def test_another_account_is_not_ours_and_a_malformed_one_leads_nowhere(
    shared: RunningCloud,
) -> None:
    assert code_of(shared.http.get(f"/accounts/{'a' * 32}/queues")) == (403, 10000)
    assert code_of(shared.http.get("/accounts/abc/queues")) == (404, 7003)
    assert code_of(shared.http.get(f"/accounts/{'a' * 32}")) == (403, 9109)


def test_the_account_is_listed_with_its_page(shared: RunningCloud) -> None:
    answer = shared.http.get("/accounts").json()
    assert [account["id"] for account in answer["result"]] == [shared.endpoints.account_id]
    assert answer["result_info"] == {
        "page": 1,
        "per_page": 20,
        "count": 1,
        "total_count": 1,
        "total_pages": 1,
    }


def test_the_workers_subdomain_can_be_changed(shared: RunningCloud) -> None:
    assert shared.result("GET", "/workers/subdomain") == {"subdomain": "local"}
    shared.result("PUT", "/workers/subdomain", json={"subdomain": "mine"})
    assert shared.result("GET", "/workers/subdomain") == {"subdomain": "mine"}
    assert shared.error("PUT", "/workers/subdomain", json={"subdomain": "-"}) == (400, 10026)


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[::2]:80", ""])
def test_a_host_that_is_not_loopback_gets_nothing(shared: RunningCloud, host: str) -> None:
    for url in (f"{shared.root_url}/local/state", f"{shared.endpoints.sink_url}/api/messages"):
        response = httpx.get(url, headers={"Host": host}, trust_env=False)
        assert response.status_code in {400, 403}


def test_loopback_names_are_recognised_with_and_without_a_port() -> None:
    right = ["127.0.0.1:8787", "localhost", "LOCALHOST:1", "[::1]:80", "w.localhost:8788"]
    wrong = ["127.0.0.2", "localhost.example", "example.com:127", "0.0.0.0:8787"]
    assert [name for name in right if not is_loopback_name(name)] == []
    assert [name for name in wrong if is_loopback_name(name)] == []


def test_a_body_that_is_no_json_names_the_body(shared: RunningCloud) -> None:
    for content in (b"{", b"\xff", b"[" * 100_000):
        assert shared.error("POST", "/queues", content=content) == (400, 11003)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1:3000"}, True),
        ({"Origin": "http://shop.localhost:8788"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "https://127.0.0.1.evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": ""}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, True),
    ],
)
def test_no_page_of_another_site_uses_a_listener(
    shared: RunningCloud, headers: dict[str, str], allowed: bool
) -> None:
    urls = [
        f"{shared.root_url}/local/state",
        f"{shared.endpoints.control_url}/accounts",
        f"{shared.endpoints.sink_url}/api/messages",
        f"{shared.endpoints.sink_url}/hook/x",
    ]
    for url in urls:
        answer = shared.http.get(url, headers=headers)
        assert (answer.status_code == 200) is allowed, url
        assert allowed or answer.status_code == 403

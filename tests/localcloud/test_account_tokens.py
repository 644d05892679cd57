"""Account tokens: minting, permission groups, and what each token may call."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from localcloud.api.permission_groups import ACCOUNT, PERMISSION_GROUPS, ZONE
from localcloud.api.permissions import PERMISSIONS, READING
from localcloud.endpoints import ACCOUNT_ID
from tests.localcloud.running_cloud import RunningCloud

IDS = {(group.name, group.scope): group.id for group in PERMISSION_GROUPS}
WHOLE_ACCOUNT = {f"{ACCOUNT}.{ACCOUNT_ID}": "*"}
ALL_ZONES = {f"{ACCOUNT}.{ACCOUNT_ID}": {f"{ZONE}.*": "*"}}
DAY_MS = 86_400_000


def policy(*names: str, scope: str = ACCOUNT, **changes: Any) -> dict[str, Any]:
    """A policy that allows these groups on the account, or on all of its zones."""
    return {
        "effect": "allow",
        "permission_groups": [{"id": IDS[name, scope]} for name in names],
        "resources": WHOLE_ACCOUNT if scope == ACCOUNT else ALL_ZONES,
        **changes,
    }


def mint(cloud: RunningCloud, *policies: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A new token, its value included."""
    body = {"name": "ci", "policies": list(policies), **changes}
    found: dict[str, Any] = cloud.result("POST", "/tokens", json=body)
    return found


@contextlib.contextmanager
def holder(cloud: RunningCloud, value: str) -> Iterator[httpx.Client]:
    """A client that has only this token."""
    with httpx.Client(
        base_url=f"{cloud.endpoints.control_url}/accounts/{ACCOUNT_ID}",
        headers={"Authorization": f"Bearer {value}"},
        trust_env=False,
    ) as client:
        yield client


def outcome(response: httpx.Response) -> tuple[int, int | None]:
    """Status, and the code of the first error."""
    errors = response.json()["errors"]
    return response.status_code, errors[0]["code"] if errors else None


def test_groups_have_cloudflares_ids_and_are_found_by_name_and_scope(shared: RunningCloud) -> None:
    path = "/tokens/permission_groups"
    everything = shared.result("GET", path)
    assert len(everything) == len({group["id"] for group in everything}) == len(PERMISSION_GROUPS)
    (found,) = shared.result("GET", path, params={"name": "Workers Scripts Write"})
    assert found == {
        "id": "e086da7e2179491d91ee5f35b3ca210a",
        "name": "Workers Scripts Write",
        "scopes": [ACCOUNT],
    }
    twice = shared.result("GET", path, params={"name": "logs read"})
    assert {group["scopes"][0] for group in twice} == {ACCOUNT, ZONE}
    (zone,) = shared.result("GET", path, params={"name": "Logs Read", "scope": ZONE})
    assert zone["scopes"] == [ZONE]
    assert shared.result("GET", path, params={"name": "No Such Group"}) == []


def test_a_token_is_shown_once_and_stored_as_a_hash(cloud: RunningCloud) -> None:
    minted = mint(cloud, policy("D1 Read"), expires_on="2099-01-01T00:00:00Z")
    value = minted.pop("value")
    assert len(value) == 40
    assert cloud.result("GET", f"/tokens/{minted['id']}") == minted
    assert cloud.result("GET", "/tokens") == [minted]
    (group,) = minted["policies"][0]["permission_groups"]
    assert group == {"id": IDS["D1 Read", ACCOUNT], "name": "D1 Read"}
    assert (minted["status"], minted["expires_on"]) == ("active", "2099-01-01T00:00:00Z")
    assert value.encode() not in cloud.home.database.read_bytes()
    assert value not in "".join(path.read_text() for path in cloud.home.logs.iterdir())


def test_a_change_keeps_the_value_and_a_roll_replaces_it(cloud: RunningCloud) -> None:
    minted = mint(cloud, policy("D1 Read"))
    path = f"/tokens/{minted['id']}"
    body = {"name": "other", "policies": [policy("Queues Read")]}
    assert cloud.result("PUT", path, json=body)["name"] == "other"
    with holder(cloud, minted["value"]) as old:
        assert outcome(old.get("/queues")) == (200, None)
        assert outcome(old.get("/d1/database")) == (403, 10000)
        rolled = cloud.result("PUT", f"{path}/value", json={})
        assert outcome(old.get("/queues")) == (401, 10000)
    with holder(cloud, rolled) as new:
        assert outcome(new.get("/queues")) == (200, None)
        assert cloud.result("DELETE", path) == {"id": minted["id"]}
        assert outcome(new.get("/queues")) == (401, 10000)
    assert cloud.error("GET", path) == (404, 1003)


def test_a_token_may_do_what_its_groups_allow_and_nothing_else(cloud: RunningCloud) -> None:
    minted = mint(cloud, policy("D1 Read", "Queues Write"))
    with holder(cloud, minted["value"]) as client:
        assert outcome(client.get("/d1/database")) == (200, None)
        assert outcome(client.post("/d1/database", json={"name": "x"})) == (403, 10000)
        assert outcome(client.post("/queues", json={"queue_name": "x"})) == (200, None)
        assert outcome(client.get("/queues")) == (200, None)
        for path in ("/storage/kv/namespaces", "/workers/workers", "/tokens", ""):
            assert outcome(client.get(path)) == (403, 10000), path
        verified = client.get("/tokens/verify").json()["result"]
        assert verified == {"id": minted["id"], "status": "active"}
        listing = f"{cloud.endpoints.control_url}/accounts"
        assert outcome(client.get(listing)) == (400, 1001)
        # An account's token is no user's.
        user = f"{cloud.endpoints.control_url}/user/tokens/verify"
        assert outcome(client.get(user)) == (401, 1000)


def test_a_denying_policy_takes_away_what_another_allows(cloud: RunningCloud) -> None:
    denied = policy("D1 Write", effect="deny")
    minted = mint(cloud, policy("D1 Read", "D1 Write"), denied)
    with holder(cloud, minted["value"]) as client:
        assert outcome(client.get("/d1/database")) == (200, None)
        assert outcome(client.post("/d1/database", json={"name": "x"})) == (403, 10000)


def test_a_disabled_or_expired_token_is_refused_and_says_so_when_verified(
    cloud: RunningCloud,
) -> None:
    disabled = mint(cloud, policy("D1 Read"), status="disabled")
    expired = mint(cloud, policy("D1 Read"), expires_on="2099-01-01T00:00:00Z")
    early = mint(cloud, policy("D1 Read"), not_before="2099-01-01T00:00:00Z")
    body = {"name": "ci", "policies": [policy("D1 Read")], "expires_on": "2020-01-01T00:00:00Z"}
    cloud.result("PUT", f"/tokens/{expired['id']}", json=body)
    for token, status in ((disabled, "disabled"), (expired, "expired"), (early, "active")):
        with holder(cloud, token["value"]) as client:
            assert outcome(client.get("/d1/database")) == (401, 10000)
            assert client.get("/tokens/verify").json()["result"]["status"] == status


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"in": ["127.0.0.0/8"]}, (200, None)),
        ({"in": ["192.0.2.0/24"]}, (403, 9109)),
        ({"in": ["127.0.0.0/8"], "not_in": ["127.0.0.1/32"]}, (403, 9109)),
    ],
)
def test_a_token_works_only_from_its_addresses(
    cloud: RunningCloud, rule: dict[str, Any], expected: tuple[int, int | None]
) -> None:
    minted = mint(cloud, policy("D1 Read"), condition={"request_ip": rule})
    assert minted["condition"] == {"request_ip": rule}
    with holder(cloud, minted["value"]) as client:
        assert outcome(client.get("/d1/database")) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"policies": []},
        {"policies": [{**policy("D1 Read"), "permission_groups": [{"id": "0" * 32}]}]},
        {"policies": [policy("D1 Read", resources={f"{ACCOUNT}.{'a' * 32}": "*"})]},
        {"policies": [policy("D1 Read", resources=ALL_ZONES)]},
        {"policies": [policy("Zone Read", scope=ZONE, resources=WHOLE_ACCOUNT)]},
        {"expires_on": "soon"},
        {"condition": {"request_ip": {"in": ["here"]}}},
    ],
)
def test_a_token_that_could_not_work_is_refused(
    shared: RunningCloud, changes: dict[str, Any]
) -> None:
    body = {"name": "ci", "policies": [policy("D1 Read")], **changes}
    assert shared.error("POST", "/tokens", json=body) == (400, 1001)
    assert shared.result("GET", "/tokens") == []


def test_every_group_of_the_table_exists_in_its_scope() -> None:
    for line in PERMISSIONS:
        for name in line.reading | line.writing:
            assert (name, line.scope) in IDS, name
    assert {"GET", "HEAD"} == READING


def test_every_route_below_the_account_has_its_line(shared: RunningCloud) -> None:
    minted = mint(shared, policy("Account Analytics Read"))
    try:
        with holder(shared, minted["value"]) as client:
            for path in (
                "/d1/database",
                "/storage/kv/namespaces",
                "/queues",
                "/workers/workers",
                "/workers/scripts",
                "/workers/subdomain",
                "/tokens",
                "/tokens/permission_groups",
            ):
                assert outcome(client.get(path)) == (403, 10000), path
    finally:
        shared.result("DELETE", f"/tokens/{minted['id']}")


@pytest.mark.parametrize(
    ("given", "becomes"), [("expired", "active"), ("active", "active"), ("disabled", "disabled")]
)
def test_a_changed_tokens_status_is_what_is_set_and_never_what_the_clock_decides(
    cloud: RunningCloud, given: str, becomes: str
) -> None:
    minted = mint(cloud, policy("D1 Read"))
    body = {"name": "ci", "policies": [policy("D1 Read")], "status": given}
    changed = cloud.result("PUT", f"/tokens/{minted['id']}", json=body)
    assert changed["status"] == becomes
    assert cloud.result("GET", f"/tokens/{minted['id']}")["status"] == becomes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"expires_on": "soon"}, "expires_on: must be a time with its offset from UTC, such as "),
        ({"not_before": "2026-01-31T12:00:00"}, "not_before: must be a time with its offset"),
        (
            {"condition": {"request_ip": {"in": ["here"]}}},
            "condition.request_ip.in.0: must be an address or a network, such as 192.0.2.0/24.",
        ),
    ],
)
def test_a_wrong_time_or_network_is_told_by_its_rule(
    shared: RunningCloud, changes: dict[str, Any], said: str
) -> None:
    body = {"name": "ci", "policies": [policy("D1 Read")], **changes}
    answer = shared.account("POST", "/tokens", json=body)
    assert said in answer.json()["errors"][0]["message"]

"""Saving, showing and deleting configurations over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notification.channels.webhook import sign_body
from tests.worker.world import ENDPOINT, World

PATH = "/api/user-configs"
SECRET = "whsec-abcdefgh"
FULL = {"webhook_url": ENDPOINT, "secret": SECRET, "headers": {"X-Key": "key-12345"}}


def _save(world: World, **fields: Any) -> Any:
    document = {"user_id": "u1", "channel_type": "webhook", "config_data": FULL, **fields}
    return world.request("POST", PATH, {k: v for k, v in document.items() if v is not ...})


def _signs_with(world: World, secret: str) -> bool:
    world.send()
    request = world.endpoints.received[-1][1]
    signed = sign_body(secret, request.headers["X-Notification-Timestamp"], request.body)
    return request.headers["X-Notification-Signature"] == signed


def test_a_new_one_is_201_and_a_replaced_one_200(world: World) -> None:
    created = _save(world)
    assert (created.status, created.json["message"]) == (
        201,
        "User configuration created successfully",
    )
    assert created.json["data"]["id"] == 1
    world.clock.ms += 1000
    updated = _save(world)
    assert (updated.status, updated.json["message"]) == (
        200,
        "User configuration updated successfully",
    )
    assert updated.json["data"]["created_at"] == "2026-01-01T00:00:00.000Z"
    assert updated.json["data"]["updated_at"] == "2026-01-01T00:00:01.000Z"


def test_the_documented_names_of_the_fields_work_too(world: World) -> None:
    document = {"user_id": "u1", "channel": "webhook", "config": {"webhook_url": ENDPOINT}}
    assert world.request("POST", PATH, document).status == 201


def test_answers_mask_secrets_and_leave_urls_readable(world: World) -> None:
    shown = _save(world).json["data"]["config_data"]
    assert shown == {
        "webhook_url": ENDPOINT,
        "secret": "whse…",
        "headers": {"X-Key": "key-…"},
    }
    [masked] = world.request("GET", f"{PATH}?user_id=u1&mask=true").json["data"]
    assert masked["config_data"]["secret"] == "wh***gh"


def test_a_masked_value_sent_back_keeps_what_is_stored(world: World) -> None:
    shown = _save(world).json["data"]["config_data"]
    assert _save(world, config_data={**shown, "method": "POST"}).status == 200
    assert _signs_with(world, SECRET)
    assert world.endpoints.received[-1][1].headers["X-Key"] == "key-12345"
    _save(world, config_data={**shown, "secret": "another-secret"})
    assert _signs_with(world, "another-secret")


def test_a_value_masked_at_both_ends_and_sent_back_keeps_what_is_stored(world: World) -> None:
    _save(world)
    [masked] = world.request("GET", f"{PATH}?user_id=u1&mask=true").json["data"]
    assert "***" in masked["config_data"]["secret"]
    assert _save(world, config_data=masked["config_data"]).status == 200
    assert _signs_with(world, SECRET)
    assert world.endpoints.received[-1][1].headers["X-Key"] == "key-12345"


@pytest.mark.parametrize("masked", ["…", "othe…", "***", "ot***er"])
def test_a_mask_of_another_value_is_refused_and_never_becomes_the_secret(
    world: World, masked: str
) -> None:
    refused = _save(world, config_data={**FULL, "secret": masked})
    assert (refused.status, refused.code) == (400, "VALIDATION_ERROR")
    assert refused.json["error"].startswith("secret is masked")
    assert world.database.rows("SELECT * FROM user_configs") == []
    _save(world)
    assert _save(world, config_data={**FULL, "secret": masked}).status == 400
    assert _signs_with(world, SECRET)


@pytest.mark.parametrize("secret", ["four…or more", "a…", "abcde***fghij", "ab***", "whsec…whsec"])
def test_a_secret_with_a_masks_characters_is_a_secret(world: World, secret: str) -> None:
    assert _save(world, config_data={**FULL, "secret": secret}).status == 201
    assert _signs_with(world, secret)


def test_a_masked_list_keeps_what_is_stored(world: World) -> None:
    keys = ["whsec_" + "A" * 32, "whsec_" + "B" * 32]
    config = {"webhook_url": ENDPOINT, "signing": "standard-webhooks", "signing_secret": keys}
    shown = _save(world, config_data=config).json["data"]["config_data"]
    assert shown["signing_secret"] == ["whse…", "whse…"]
    assert _save(world, config_data=shown).status == 200
    world.send()
    headers = world.endpoints.received[-1][1].headers
    assert len(headers["webhook-signature"].split(" ")) == 2
    longer = {**shown, "signing_secret": [*shown["signing_secret"], "whse…"]}
    assert _save(world, config_data=longer).status == 400


def test_a_cached_row_of_another_form_is_read_anew(world: World) -> None:
    _save(world)
    target = f"{PATH}?user_id=u1&channel_type=webhook"
    for text in ('{"id": 1, "user_id": "u1", "config_data": {}}', "[]", "{", '"x"', "null"):
        world.cache.values["user_config:u1:webhook"] = text
        [row] = world.request("GET", target).json["data"]
        assert row["config_data"]["webhook_url"] == ENDPOINT


def test_a_configuration_is_shown_from_the_cache(world: World) -> None:
    _save(world)
    target = f"{PATH}?user_id=u1&channel_type=webhook"
    first = world.request("GET", target).json
    world.database.connection.execute("DELETE FROM user_configs")
    assert world.request("GET", target).json == first


@pytest.mark.requirement("B-22")
def test_without_config_data_only_the_switch_changes(world: World) -> None:
    _save(world)
    off = _save(world, config_data=..., is_active=False)
    assert (off.status, off.json["data"]["is_active"]) == (200, False)
    assert off.json["data"]["config_data"]["secret"] == "whse…"
    assert world.send().code == "USER_NO_CHANNELS"
    on = _save(world, config_data=..., is_active=True)
    assert on.json["data"]["is_active"] is True
    assert world.send().json["results"][0]["status"] == "sent"


def test_switching_what_does_not_exist_is_refused(world: World) -> None:
    refused = _save(world, config_data=..., is_active=True)
    assert (refused.status, refused.json["error"]) == (
        400,
        "Missing required fields: user_id, channel_type, config_data",
    )


@pytest.mark.parametrize("missing", ["user_id", "channel_type", "config_data"])
def test_a_missing_field_is_400(world: World, missing: str) -> None:
    refused = _save(world, **{missing: ...})
    assert (refused.status, refused.json["error"]) == (
        400,
        "Missing required fields: user_id, channel_type, config_data",
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"channel_type": "email"},
        {"channel_type": ["webhook"]},
        {"config_data": "text"},
        {"config_data": []},
        {"is_active": "yes"},
        {"user_id": "x" * 101},
        {"user_id": 5},
        {"config_data": {"webhook_url": ENDPOINT, "x": "y" * 17_000}},
    ],
)
def test_an_invalid_configuration_is_400_and_not_stored(
    world: World, fields: dict[str, Any]
) -> None:
    assert _save(world, **fields).status == 400
    assert world.database.rows("SELECT * FROM user_configs") == []


@pytest.mark.requirement("C-0.21")
@pytest.mark.parametrize(
    ("token", "fits"),
    [
        ("t", True),
        ("t" * 1_000, True),
        ("ü ü", True),
        ("", False),
        ("t" * 1_001, False),
        (" t", False),
        ("t\n", False),
        ("t\x07t", False),
        (None, False),
    ],
)
def test_a_bridge_token_is_one_that_a_caller_can_present(
    world: World, token: object, fits: bool
) -> None:
    saved = _save(world, config_data={**FULL, "bridge_token": token})
    assert saved.status == (201 if fits else 400)
    assert fits or saved.json["error"].startswith("bridge_token must be a string of 1 to 1000")


@pytest.mark.parametrize(("padding", "fits"), [(16_384, True), (16_385, False)])
def test_a_configuration_has_16_kb_of_json_at_most(world: World, padding: int, fits: bool) -> None:
    config = {"webhook_url": ENDPOINT, "headers": {"X-Note": "ü"}}
    rest = padding - len(json.dumps(config, ensure_ascii=False).encode())
    saved = _save(world, config_data={**config, "headers": {"X-Note": "ü" + "x" * rest}})
    assert saved.status == (201 if fits else 400)
    assert fits or saved.json["error"] == "config_data must not exceed 16384 bytes"


def test_the_aliases_do_the_same(world: World) -> None:
    put = world.request(
        "PUT", "/api/users/u%201/configs/webhook", {"config": {"webhook_url": ENDPOINT}}
    )
    assert put.status == 201
    assert put.json["data"]["user_id"] == "u 1"
    assert len(world.request("GET", "/api/users/u%201/configs").json["data"]) == 1
    assert world.request("DELETE", "/api/users/u%201/configs/webhook").status == 200


def test_lists_filter_and_page(world: World) -> None:
    for number in range(5):
        world.configure(f"u{number}")
    page = world.request("GET", f"{PATH}?limit=2&offset=1").json
    assert [row["user_id"] for row in page["data"]] == ["u1", "u2"]
    assert page["meta"] == {"total": 5}
    assert world.request("GET", f"{PATH}?user_id=u3&channel_type=webhook").json["data"]
    assert world.request("GET", f"{PATH}?user_id=nobody").json == {"success": True, "data": []}


@pytest.mark.requirement("B-27")
@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=abc", "limit=1001", "offset=-1", "limit=٣"]
)
def test_paging_has_bounds(world: World, query: str) -> None:
    refused = world.request("GET", f"{PATH}?{query}")
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER")


def test_deleting_works_for_inactive_ones_and_is_404_the_second_time(world: World) -> None:
    _save(world, is_active=False)
    target = f"{PATH}?user_id=u1&channel_type=webhook"
    deleted = world.request("DELETE", target)
    assert deleted.json == {
        "success": True,
        "message": "User configuration deleted successfully",
    }
    again = world.request("DELETE", target)
    assert (again.status, again.json["error"]) == (404, "Configuration not found")
    assert world.request("DELETE", f"{PATH}?user_id=u1").json["error"] == (
        "Missing required parameters: user_id, channel_type"
    )


@pytest.mark.requirement("B-47")
@pytest.mark.requirement("C-6.7")
def test_the_cache_never_serves_what_was_changed_or_deleted(world: World) -> None:
    target = f"{PATH}?user_id=u1&channel_type=webhook"
    world.configure(webhook_url=ENDPOINT)
    world.request("GET", target)
    world.configure(webhook_url=ENDPOINT + "/2")
    [row] = world.request("GET", target).json["data"]
    assert row["config_data"]["webhook_url"] == ENDPOINT + "/2"
    world.request("DELETE", target)
    assert world.request("GET", target).json["data"] == []


def test_a_failing_cache_fails_no_request(world: World) -> None:
    class Broken:
        async def get(self, key: str) -> str | None:
            raise RuntimeError("kv")

        async def put(self, key: str, value: str, *, ttl_s: int) -> None:
            raise RuntimeError("kv")

        async def delete(self, key: str) -> None:
            raise RuntimeError("kv")

    world.cache = Broken()
    world.configure()
    target = f"{PATH}?user_id=u1&channel_type=webhook"
    assert len(world.request("GET", target).json["data"]) == 1

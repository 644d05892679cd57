"""Fields of a body that nobody reads: they are named in the answer."""

from __future__ import annotations

from typing import Any

import pytest

from notification.channels.registry import CHANNELS
from notification.configuration.config_service import EVERY_CHANNEL
from notification.http.unread_fields import MAX_NAMED, UnreadFields
from tests.worker.openapi.conformity import document
from tests.worker.world import ENDPOINT, World


@pytest.fixture
def world(world: World) -> World:
    world.environment["ENVIRONMENT"] = "staging"
    world.checks_accepted_bodies = False
    return world


def told(warnings: list[dict[str, Any]]) -> list[str]:
    return [name for each in warnings for name in each.get("fields", ())]


def only(body: dict[str, Any]) -> dict[str, Any]:
    (warning,) = body["warnings"]
    found: dict[str, Any] = warning
    return found


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("sendAt", "send_at"),
        ("SEND-AT", "send_at"),
        ("sned_at", "send_at"),
        ("Idempotency-key", "idempotency_key"),
        ("chanels", "channels"),
        ("user", "user_id"),
    ],
)
def test_a_misspelt_field_of_a_send_is_named_with_the_one_that_was_meant(
    world: World, name: str, meant: str
) -> None:
    world.configure()
    sent = world.send(**{name: "2030-01-01T00:00:00Z"})
    assert sent.status == 200
    assert sent.json["results"][0]["status"] == "sent"
    assert only(sent.json) == {
        "code": "UNKNOWN_FIELDS",
        "message": f"These fields have no effect: {name} (did you mean {meant}?)",
        "fields": [name],
    }


def test_a_send_with_known_fields_alone_is_told_nothing(world: World) -> None:
    world.configure()
    sent = world.send(
        variables={"sendAt": 1}, metadata={"anything": 1}, urgent=True, idempotency_key="k"
    )
    assert "warnings" not in sent.json


def test_fields_of_the_custom_content_are_named_with_their_place(world: World) -> None:
    world.configure()
    sent = world.send(custom_content={"content": "x", "Subject": "Hi", "html": "<b>"})
    assert told(sent.json["warnings"]) == ["custom_content.Subject", "custom_content.html"]
    text = "custom_content.Subject (did you mean custom_content.subject?), custom_content.html"
    assert only(sent.json)["message"].endswith(f": {text}")


def test_a_refusal_names_them_too_since_they_may_be_its_cause(world: World) -> None:
    refused = world.request(
        "POST", "/api/notifications/send", {"user_id": "u1", "chanels": ["webhook"]}
    )
    assert (refused.status, refused.json["code"]) == (400, "INVALID_CHANNELS")
    assert told(refused.json["warnings"]) == ["chanels"]


def test_what_else_an_answer_warns_of_stays(world: World) -> None:
    world.configure()
    world.request(
        "POST",
        "/api/templates/t",
        {"name": "T", "contents": {"webhook": {"content_template": "Hi {{name}}"}}},
    )
    sent = world.send(template_key="t", custom_content=None, varibles={})
    codes = [warning["code"] for warning in sent.json["warnings"]]
    assert codes == ["UNFILLED_VARIABLES", "UNKNOWN_FIELDS"]


def test_a_repeated_send_is_told_again(world: World) -> None:
    world.configure()
    for _ in range(2):
        sent = world.send(idempotency_key="k", sendAt="x")
        assert told(sent.json["warnings"]) == ["sendAt"]


def test_each_send_of_a_batch_is_told_of_its_own_fields(world: World) -> None:
    world.configure()
    send = {"user_id": "u1", "channels": ["webhook"], "custom_content": {"content": "x"}}
    answered = world.request(
        "POST",
        "/api/notifications/batch",
        {
            "notifications": [
                send,
                {**send, "sendAt": "x"},
                {**send, "channels": [], "custom_content": {"content": "x", "titel": "y"}},
                "none",
            ],
            "urgent": True,
        },
    )
    results = answered.json["results"]
    assert [told(each.get("warnings", [])) for each in results] == [
        [],
        ["sendAt"],
        ["custom_content.titel"],
        [],
    ]
    assert told(answered.json["warnings"]) == ["urgent"]


def test_fields_that_recipients_share_are_named_once(world: World) -> None:
    world.configure()
    body = {"user_ids": ["u1", "u2"], "channels": ["webhook"], "sendAt": "x"}
    content = {"content": "x", "titel": "y"}
    answered = world.request(
        "POST", "/api/notifications/batch", {**body, "custom_content": content}
    )
    assert told(answered.json["warnings"]) == ["sendAt", "custom_content.titel"]
    assert ["warnings" in each for each in answered.json["results"]] == [False, False]


@pytest.mark.parametrize("place", ["config_data", "config"])
def test_a_configuration_is_checked_for_its_channel(world: World, place: str) -> None:
    config = {"webhook_url": ENDPOINT, "retry_schedule": ["1m"], "Secret": "s", "chat_id": "1"}
    saved = world.request(
        "POST", "/api/user-configs", {"user_id": "u1", "channel_type": "webhook", place: config}
    )
    assert saved.status == 201, saved.text
    assert told(saved.json["warnings"]) == [f"{place}.Secret", f"{place}.chat_id"]
    assert f"{place}.Secret (did you mean {place}.secret?)" in only(saved.json)["message"]


def test_fields_of_every_channel_are_the_documented_ones() -> None:
    schemas = document()["components"]["schemas"]
    for name, channel in CHANNELS.items():
        documented = schemas[f"{name.capitalize()}Configuration"]["properties"]
        assert documented.keys() == EVERY_CHANNEL | channel.fields.keys()


def test_an_answer_may_be_sent_back_as_it_is(world: World) -> None:
    shown = world.configure()
    saved = world.request("PUT", "/api/users/u1/configs/webhook", shown)
    assert (saved.status, "warnings" in saved.json) == (200, False)
    body = {"name": "T", "contents": {"webhook": {"content_template": "x"}}}
    world.request("POST", "/api/templates/t", body)
    template = world.request("GET", "/api/templates/t").json["data"]
    (content,) = template["contents"]
    again = {**template, "contents": {content["channel_type"]: content}}
    saved = world.request("PUT", "/api/templates/t", again)
    assert (saved.status, "warnings" in saved.json) == (200, False), saved.text
    templates = world.request("GET", "/api/templates").json["data"]
    listed = next(each for each in templates if each["template_key"] == "t")
    saved = world.request("PUT", "/api/templates/t", listed)
    assert (saved.status, "warnings" in saved.json) == (200, False), saved.text


def test_contents_of_a_template_are_checked_in_each_of_their_forms(world: World) -> None:
    content = {"content_template": "x", "contentType": "html"}
    for body, place in (
        ({"contents": {"webhook": content}}, "contents.webhook"),
        ({"channels": [{**content, "type": "webhook"}]}, "channels[0]"),
    ):
        saved = world.request("POST", "/api/templates/t", {"name": "T", **body})
        assert told(saved.json["warnings"]) == [f"{place}.contentType"]
    put = world.request("PUT", "/api/templates/t/contents/webhook", content)
    assert told(put.json["warnings"]) == ["contentType"]
    draft = {"contents": {"webhook": content}, "variabels": {}}
    previewed = world.request("POST", "/api/templates/t/preview", draft)
    assert told(previewed.json["warnings"]) == ["variabels", "contents.webhook.contentType"]


def _documented_bodies() -> list[Any]:
    cases = []
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema")
            if schema and "Inbound" not in operation["tags"]:
                one = schema if "properties" in schema else schema["anyOf"][-1]
                is_closed = one.get("additionalProperties") is False
                fields = list(one["properties"])
                cases.append(pytest.param(method, path, fields, is_closed, id=f"{method} {path}"))
    return cases


@pytest.mark.parametrize(("method", "path", "fields", "is_closed"), _documented_bodies())
def test_every_route_names_an_unknown_field_and_none_that_is_documented(
    world: World, method: str, path: str, fields: list[str], is_closed: bool
) -> None:
    target = path.replace("{channel}", "webhook").replace("{key}", "t").replace("{user_id}", "u1")
    answered = world.request(
        method.upper(), target, {**dict.fromkeys(fields), "nothing_like_it": 1}
    )
    if is_closed:
        assert (answered.status, answered.json["code"]) == (400, "INVALID_PARAMETER")
        fields_taken = answered.json["error"].removeprefix("Unknown field nothing_like_it; ")
        assert fields_taken.startswith("the body takes: ")
        assert set(fields_taken.removeprefix("the body takes: ").split(", ")) == set(fields)
    else:
        assert told(answered.json["warnings"]) == ["nothing_like_it"], answered.text


def test_forms_of_foreign_programs_are_theirs(world: World) -> None:
    world.environment["BRIDGE_TOKEN"] = "bridge-token"
    world.configure()
    answered = world.request(
        "POST",
        "/web_hook/bridge/u1/webhook?token=bridge-token",
        {"text": "x", "anything": 1},
        signed=False,
    )
    assert answered.status == 200, answered.text
    assert "warnings" not in answered.json


def test_thousands_of_unknown_fields_make_no_long_answer(world: World) -> None:
    world.configure()
    long = "x" * 400
    names: Any = {f"{long}{number}": number for number in range(2_000)}
    (warning,) = world.send(**names).json["warnings"]
    assert len(warning["fields"]) == MAX_NAMED
    assert warning["message"].endswith(f", and {2_000 - MAX_NAMED} more")
    assert len(str(warning)) < 1_000


def test_their_work_does_not_grow_with_what_is_not_named() -> None:
    unread = UnreadFields()
    unread.check({f"{'x' * 10_000}{number}": 1 for number in range(50)}, frozenset(("user_id",)))
    (warning,) = unread.warnings()
    assert len(str(warning)) < 1_000


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("", "''"),
        (" a", "' a'"),
        ("a\nb", "'a\\nb'"),
        ("\x1b[2J", "'\\x1b[2J'"),
        ("\u202esend_at", "'\\u202esend_at'"),
        ("größe", "größe"),
    ],
)
def test_a_name_that_cannot_be_seen_is_written_out(name: str, shown: str) -> None:
    unread = UnreadFields()
    unread.check({name: 1}, frozenset(("zzz",)))
    (warning,) = unread.warnings()
    assert warning["fields"] == [shown]
    assert warning["message"] == f"These fields have no effect: {shown}"


def test_a_place_that_cannot_be_seen_is_written_out() -> None:
    unread = UnreadFields()
    unread.check({"a": 1}, frozenset(("b",)), "contents.\x07" + "y" * 500)
    (name,) = unread.warnings()[0]["fields"]
    assert name.startswith("'contents.\\x07yyy")
    assert len(name) < 100


@pytest.mark.parametrize("value", [None, [], "text", 1, {"a": 1}])
def test_what_is_no_object_or_has_known_fields_is_told_nothing(value: Any) -> None:
    unread = UnreadFields()
    unread.check(value, frozenset(("a",)))
    assert unread.warnings() == []


@pytest.mark.parametrize(
    ("method", "target", "body", "meant"),
    [
        ("POST", "/api/queue/clear-retries", {"task_ids": [1]}, "taskIds"),
        ("POST", "/api/queue/discard-failed", {"taskIds": [1], "TaskIDs": []}, "taskIds"),
        ("POST", "/api/queue/purge-test-data", {"dry_run": True}, "dryRun"),
        ("POST", "/api/db/migrate", {"dry_run": True}, "dryRun"),
        ("POST", "/api/notifications/retry", {"chanel": "slack"}, "channel"),
        ("POST", "/api/cleanup-logs", {"day": 300}, "days"),
        ("DELETE", "/api/notification-logs/cleanup", {"days": 3, "Status": "failed"}, "status"),
        ("POST", "/api/scheduled-tasks/trigger", {"task_name": "monitoring"}, "taskName"),
        ("PUT", "/api/holds/slack", {"until": "2026-01-03", "reasn": "x"}, "reason"),
    ],
)
def test_a_misspelt_field_never_widens_what_an_operator_touches(
    world: World, method: str, target: str, body: dict[str, Any], meant: str
) -> None:
    world.configure()
    assert world.send().status == 200
    before = (world.logs(), world.rows("SELECT * FROM task_execution_records"))
    refused = world.request(method, target, body)
    (name,) = [each for each in body if each not in ("taskIds", "days", "until")]
    assert (refused.status, refused.json["code"]) == (400, "INVALID_PARAMETER")
    assert refused.json["error"].startswith(f"Unknown field {name} (did you mean {meant}?); ")
    assert (world.logs(), world.rows("SELECT * FROM task_execution_records")) == before
    assert world.request("GET", "/api/holds").json["data"]["holds"] == []


def test_a_user_in_the_body_of_a_hold_is_refused_since_it_would_hold_for_everybody(
    world: World,
) -> None:
    body = {"until": "2026-01-03", "user_id": "u1"}
    refused = world.request("PUT", "/api/holds/slack", body)
    assert refused.json["error"] == "Unknown field user_id; the body takes: until, reason"
    assert world.request("GET", "/api/holds").json["data"]["holds"] == []


def test_a_refused_field_that_is_long_or_cannot_be_seen_makes_a_short_sentence(
    world: World,
) -> None:
    refused = world.request("POST", "/api/queue/clear-retries", {"\x1b[2J" + "x" * 9_000: 1})
    assert refused.json["error"].startswith("Unknown field '\\x1b[2Jxxx")
    assert len(refused.json["error"]) < 200

"""Templates over HTTP, and sending by them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.worker.endpoints import answer
from tests.worker.world import World

PATH = "/api/templates"
ORDER: dict[str, Any] = {
    "name": "Order",
    "description": "A new order",
    "variables": ["orderId", "customer"],
    "contents": {
        "webhook": {
            "subject_template": "Order {{orderId}}",
            "content_template": "Order {{orderId}} for {{customer}} {{missing}}",
        },
        "lark": {"content_type": "markdown", "content_template": "**{{customer}}**"},
    },
}


@pytest.fixture
def shop(world: World) -> World:
    """An installation with one template of its own and a webhook for u1."""
    saved = world.request("POST", f"{PATH}?key=order", ORDER)
    assert saved.json == {
        "success": True,
        "message": "Template saved successfully",
        "data": {"template_key": "order"},
    }
    world.configure()
    return world


def _send(world: World, **more: Any) -> Any:
    document = {
        "user_id": "u1",
        "channels": ["webhook"],
        "template_key": "order",
        "variables": {"orderId": "A-1", "customer": "Li & Co"},
        **more,
    }
    return world.request("POST", "/api/notifications/send", document)


def test_the_default_templates_are_there(world: World) -> None:
    listed = world.request("GET", PATH).json
    assert [t["template_key"] for t in listed["data"]] == [
        "grafana-alert",
        "grafana-alert-critical",
        "status_update",
        "system_alert",
        "user_notification",
    ]
    assert sorted(listed["data"][0]["supported_channels"]) == [
        "lark",
        "slack",
        "telegram",
        "webhook",
    ]
    assert listed["pagination"] == {"total": 5, "limit": 50, "offset": 0, "hasMore": False}


def test_a_saved_template_is_shown_in_both_shapes(shop: World) -> None:
    for target in (f"{PATH}/order", f"{PATH}?key=order"):
        data = shop.request("GET", target).json["data"]
        assert data["template_name"] == data["template"]["template_name"] == "Order"
        assert data["variables"] == ["orderId", "customer"]
        assert data["is_active"] is True
        assert [c["channel_type"] for c in data["contents"]] == ["webhook", "lark"]
    contents = shop.request("GET", f"{PATH}/order/contents").json["data"]
    assert contents[0]["subject_template"] == "Order {{orderId}}"
    missing = shop.request("GET", f"{PATH}/nothing")
    assert (missing.status, missing.json["error"]) == (404, "Template not found")


def test_a_second_save_keeps_what_it_does_not_name(shop: World) -> None:
    change = {"contents": {"slack": {"content_template": "x"}}}
    assert shop.request("PUT", f"{PATH}/order", change).status == 200
    data = shop.request("GET", f"{PATH}/order").json["data"]
    assert (data["template_name"], data["description"]) == ("Order", "A new order")
    assert [c["channel_type"] for c in data["contents"]] == ["webhook", "lark", "slack"]


def test_the_list_form_and_object_contents_are_read(world: World) -> None:
    document = {
        "template_key": "k",
        "channels": [
            {"channel_type": "webhook", "content_template": {"id": "{{id}}"}},
            {"type": "email", "content_type": "html", "content_template": "<b>{{x}}</b>"},
        ],
    }
    assert world.request("POST", PATH, document).status == 200
    webhook, email = world.request("GET", f"{PATH}/k").json["data"]["contents"]
    assert (webhook["content_type"], webhook["content_template"]) == ("json", '{"id": "{{id}}"}')
    assert email["channel_type"] == "email"
    assert world.request("GET", f"{PATH}/k").json["data"]["template_name"] == "k"


def test_a_named_endpoint_has_a_content_of_its_own_or_its_channels(shop: World) -> None:
    contents = {"webhook:oncall": {"content_type": "html", "content_template": "<b>{{customer}}"}}
    assert shop.request("PUT", f"{PATH}/order", {"contents": contents}).status == 200
    for name in ("oncall", "other"):
        shop.configure("u1", f"webhook:{name}")
    _send(shop, channels=["webhook:oncall", "webhook:other"])
    sent = [body["content"] for body in shop.endpoints.bodies]
    assert sent == ["<b>Li &amp; Co", "Order A-1 for Li & Co {{missing}}"]
    preview = shop.request("POST", f"{PATH}/order/preview", {"variables": {"customer": "@Li"}})
    assert preview.json["data"]["webhook:oncall"]["content"] == "<b>@Li"
    assert preview.json["data"]["webhook:oncall"]["payloads"][0]["content"] == "<b>@Li"
    unknown = {"contents": {"fax:oncall": {"content_template": "x"}}}
    assert shop.request("PUT", f"{PATH}/order", unknown).code == "INVALID_CHANNEL_TYPE"


@pytest.mark.requirement("B-18")
@pytest.mark.parametrize(
    ("target", "body", "text"),
    [
        (PATH, {}, "Template key is required"),
        (f"{PATH}/a.b", {}, "Template key must contain only alphanumeric characters"),
        (f"{PATH}/{'a' * 101}", {}, "Template key must not exceed 100 characters"),
        (f"{PATH}/k", {"variables": "x"}, "Variables must be an array"),
        (f"{PATH}/k", {"contents": []}, "Contents must be an object"),
        (
            f"{PATH}/k",
            {"contents": {"pigeon": {"content_template": "x"}}},
            "Invalid channel: pigeon",
        ),
        (f"{PATH}/k", {"contents": {"webhook": {}}}, "content_template is required for channel"),
        (f"{PATH}/k", {"contents": {"webhook": "x"}}, "Content of webhook must be an object"),
        (
            f"{PATH}/k",
            {"contents": {"webhook": {"content_template": "x", "content_type": "pdf"}}},
            "content_type must be one of",
        ),
        (
            f"{PATH}/k",
            {"contents": {"webhook": {"content_template": "a\n  {{#if x}}"}}},
            "Invalid template syntax: ",
        ),
        (f"{PATH}/k", {"name": "x" * 201}, "template_name must not exceed 200 characters"),
        (f"{PATH}/k", {"is_active": 1}, "is_active must be a boolean"),
    ],
)
def test_a_mistake_is_400_and_nothing_is_saved(
    world: World, target: str, body: dict[str, Any], text: str
) -> None:
    refused = world.request("POST", target, body)
    assert refused.status == 400
    assert text in refused.json["error"]
    assert world.request("GET", f"{PATH}/k").status == 404


def test_broken_json_has_its_own_text(world: World) -> None:
    refused = world.request("POST", f"{PATH}/k", raw=b"{")
    assert (refused.status, refused.json["error"]) == (400, "Invalid JSON in request body")


def test_a_syntax_error_names_line_and_column(world: World) -> None:
    body = {"content_template": "fine\n  {{#each x}} no end"}
    refused = world.request("POST", f"{PATH}/grafana-alert/contents/webhook", body)
    assert "line 2" in refused.json["error"]
    assert "column 3" in refused.json["error"]


def test_one_content_can_be_saved_and_deleted(shop: World) -> None:
    target = f"{PATH}/order/contents/slack"
    assert shop.request("POST", target, {"content_template": "x"}).status == 200
    assert len(shop.request("GET", f"{PATH}/order").json["data"]["contents"]) == 3
    assert shop.request("DELETE", target).status == 200
    assert shop.request("DELETE", target).status == 404
    assert (
        shop.request("POST", f"{PATH}/none/contents/slack", {"content_template": "x"}).status == 404
    )


def test_lists_filter_by_channel_and_activity(shop: World) -> None:
    assert shop.request("DELETE", f"{PATH}/order").status == 200
    assert shop.request("DELETE", f"{PATH}/order").status == 404
    keys = [
        [t["template_key"] for t in shop.request("GET", f"{PATH}?{query}").json["data"]]
        for query in ("is_active=false", "channel=email", "limit=1&offset=1")
    ]
    assert keys == [["order"], [], ["grafana-alert-critical"]]
    assert shop.request("GET", f"{PATH}?include_inactive=true").json["pagination"]["total"] == 6


@pytest.mark.parametrize("channel", ["lrk", "", 5, ["lark"]])
def test_a_preview_for_a_channel_that_does_not_exist_is_refused(shop: World, channel: Any) -> None:
    """It would show nothing, as if the template had no content."""
    key = shop.request("GET", "/api/templates?limit=1").json["data"][0]["template_key"]
    found = shop.request(
        "POST", f"/api/templates/{key}/preview", {"variables": {}, "channel": channel}
    )
    assert (found.status, found.json["code"]) == (400, "INVALID_CHANNEL_TYPE")
    assert found.json["error"].startswith(f"Invalid channel: {channel}. Valid channels are: ")


def test_a_list_for_a_channel_that_does_not_exist_is_refused(shop: World) -> None:
    found = shop.request("GET", "/api/templates?channel=lrk")
    assert (found.status, found.json["code"]) == (400, "INVALID_CHANNEL_TYPE")
    for known in ("lark", "lark:oncall", "email"):
        assert shop.request("GET", f"/api/templates?channel={known}").status == 200


def test_a_send_renders_for_its_channel(shop: World) -> None:
    sent = _send(shop)
    assert sent.json["results"][0]["status"] == "sent"
    [body] = shop.endpoints.bodies
    assert body["subject"] == "Order A-1"
    assert body["content"] == "Order A-1 for Li & Co {{missing}}"
    assert body["metadata"]["template_key"] == "order"
    [row] = shop.logs()
    assert (row["template_key"], row["content"]) == ("order", body["content"])


def test_custom_content_wins_over_a_template(shop: World) -> None:
    _send(shop, custom_content={"content": "own words {{orderId}}"})
    assert shop.endpoints.bodies[0]["content"] == "own words {{orderId}}"
    assert shop.logs()[0]["template_key"] is None


def test_a_channel_without_content_fails_alone(shop: World) -> None:
    hook = "https://hooks.slack.com/services/a/b/c"
    shop.configure("u1", "slack", webhook_url=hook)
    first, second = _send(shop, channels=["webhook", "slack"]).json["results"]
    assert first["status"] == "sent"
    assert (second["status"], second["code"]) == ("failed", "TEMPLATE_CONTENT_NOT_FOUND")


def test_json_that_does_not_parse_is_not_sent(world: World) -> None:
    content = {"content_type": "json", "content_template": '{"n": {{n}}}'}
    world.request("POST", f"{PATH}/order", {"contents": {"webhook": content}})
    world.configure(webhook_url="https://hooks.example.com/in", payload_mode="raw")
    assert _send(world, variables={"n": 5}).json["results"][0]["status"] == "sent"
    assert world.endpoints.bodies[0] == {"n": 5}
    [result] = _send(world, variables={}).json["results"]
    assert (result["status"], result["code"]) == ("failed", "INVALID_CONTENT")
    assert len(world.endpoints.received) == 1


def test_a_send_warns_of_variables_without_a_value(shop: World) -> None:
    content = {"content_template": "Hi {{name}}, {{other}}"}
    shop.request("POST", f"{PATH}/hi", {"contents": {"webhook": content}})
    answer = shop.send(custom_content=None, template_key="hi", variables={"name": "Li"})
    assert answer.json["warnings"] == [
        {
            "code": "UNFILLED_VARIABLES",
            "channelType": "webhook",
            "message": "The template's other had no value and stayed as written",
            "variables": ["other"],
        }
    ]
    whole = {"name": "Li", "other": "x"}
    assert "warnings" not in shop.send(custom_content=None, template_key="hi", variables=whole).json


def test_a_strict_template_refuses_a_send_that_lacks_variables(shop: World) -> None:
    content = {"content_template": "Hi {{name}}, {{other}}"}
    document = {"strict": True, "contents": {"webhook": content}}
    shop.request("POST", f"{PATH}/hi", document)
    assert shop.request("GET", f"{PATH}/hi").json["data"]["strict"] is True
    received = len(shop.endpoints.received)
    for _ in range(2):
        refused = shop.send(custom_content=None, template_key="hi", variables={"x": 1})
        assert (refused.status, refused.code) == (400, "INVALID_VARIABLES")
        assert "name, other" in refused.json["error"]
    assert len(shop.endpoints.received) == received
    shop.request("PUT", f"{PATH}/hi", {"name": "Hi"})
    assert shop.request("GET", f"{PATH}/hi").json["data"]["strict"] is True


def test_a_loop_that_is_cut_says_so_in_the_answer_the_row_and_the_preview(shop: World) -> None:
    content = {"content_template": "{{#each list}}.{{/each}}"}
    shop.request("POST", f"{PATH}/loop", {"contents": {"webhook": content}})
    variables = {"list": list(range(1_500))}
    answer = shop.send(custom_content=None, template_key="loop", variables=variables).json
    assert answer["results"][0]["truncated"] is True
    assert answer["warnings"][0]["code"] == "TRUNCATED"
    assert shop.endpoints.bodies[-1]["content"] == "." * 1_000 + "… 500 more"
    assert json.loads(shop.logs()[-1]["attempts"])[0]["truncated"] is True
    preview = shop.request("POST", f"{PATH}/loop/preview", {"variables": variables})
    assert preview.json["data"]["webhook"]["truncated"] is True


def test_a_template_that_renders_to_nothing_is_refused(shop: World) -> None:
    content = {"content_template": "{{#if x}}a{{/if}}"}
    shop.request("POST", f"{PATH}/nothing", {"contents": {"webhook": content}})
    refused = shop.send(custom_content=None, template_key="nothing", variables={})
    assert (refused.status, refused.code) == (400, "INVALID_CONTENT")


def test_what_an_earlier_grammar_let_in_is_sent_as_it_was_and_shows_its_problems(
    shop: World,
) -> None:
    content = {"content_template": "x"}
    shop.request("POST", f"{PATH}/old", {"contents": {"webhook": content}})
    shop.database.rows(
        "UPDATE template_contents SET content_template = 'a {{x | upper}}' "
        "WHERE template_key = 'old'"
    )
    listed = shop.request("GET", PATH).json["data"]
    problems = {row["template_key"]: row["problems"] for row in listed}
    assert problems["old"][0]["channel_type"] == "webhook"
    assert "has a filter" in problems["old"][0]["problem"]
    assert all(found == [] for key, found in problems.items() if key != "old")
    answer = shop.send(custom_content=None, template_key="old", variables={"x": 1})
    assert answer.json["results"][0]["status"] == "sent"
    assert shop.endpoints.bodies[-1]["content"] == "a {{x | upper}}"


def test_a_list_checks_long_contents_and_says_which_it_leaves_out(shop: World) -> None:
    for number in range(12):
        content = {"content_template": "x"}
        shop.request("POST", f"{PATH}/long-{number}", {"contents": {"webhook": content}})
    shop.database.rows(
        "UPDATE template_contents SET content_template = printf('%.*c', 95000 + id, 'x') || '{{'"
        " WHERE template_key LIKE 'long-%'"
    )
    listed = shop.request("GET", f"{PATH}?limit=200").json["data"]
    said = [row["problems"][0]["problem"] for row in listed if "long" in row["template_key"]]
    assert sum("never closed" in text for text in said) == 10
    left_out = [text for text in said if "never closed" not in text]
    assert left_out == [
        f"The content was not checked in this list: GET {PATH}/long-{number} checks it"
        for number in (10, 11)
    ]
    [shown] = shop.request("GET", f"{PATH}/long-11").json["data"]["problems"]
    assert "never closed" in shown["problem"]


def test_two_round_trips_once_the_template_is_known_and_none_stale(shop: World) -> None:
    counts = []
    for _ in range(2):
        before = shop.database.calls
        _send(shop)
        counts.append(shop.database.calls - before)
    assert counts == [3, 2]
    other = World(environment=shop.environment)
    other.database, other.clock = shop.database, shop.clock
    change = {"content_template": "changed"}
    other.request("POST", f"{PATH}/order/contents/webhook", change)
    _send(shop)
    assert shop.endpoints.bodies[-1]["content"] == "changed"
    other.request("DELETE", f"{PATH}/order")
    refused = _send(shop, idempotency_key="k")
    assert (refused.status, refused.code) == (400, "TEMPLATE_NOT_FOUND")


def test_a_template_may_set_the_parse_mode_and_a_retry_keeps_it(world: World) -> None:
    content = {
        "content_type": "text",
        "content_template": "a.b",
        "extra_config": {"parse_mode": "HTML", "bot_token": "never"},
    }
    world.request("POST", f"{PATH}/order", {"contents": {"telegram": content}})
    world.configure("u1", "telegram", bot_token="1:" + "x" * 30, chat_id="1")
    world.endpoints.behave = lambda request: answer(500)
    _send(world, channels=["telegram"])
    world.clock.ms += 12_000
    world.deliver_queues()
    assert [body["parse_mode"] for body in world.endpoints.bodies] == ["HTML", "HTML"]
    assert all("never" not in request.url for _, request in world.endpoints.received)


def test_a_preview_sends_nothing_and_names_what_is_missing(shop: World) -> None:
    shown = shop.request("POST", f"{PATH}/order/preview", {"variables": {"orderId": 7}})
    webhook = shown.json["data"]["webhook"]
    [payload] = webhook.pop("payloads")
    assert payload["subject"] == "Order 7"
    assert webhook == {
        "subject": "Order 7",
        "content": "Order 7 for {{customer}} {{missing}}",
        "content_type": "text",
        "missing_variables": ["orderId", "customer", "missing"][1:],
    }
    one = shop.request("POST", f"{PATH}/order/preview", {"variables": {}, "channel": "lark"})
    assert list(one.json["data"]) == ["lark"]
    assert shop.endpoints.received == []


def _draft(world: World, contents: Any, **more: Any) -> Any:
    body = {"variables": {"name": "Ada"}, "contents": contents, **more}
    return world.request("POST", f"{PATH}/not-saved/preview", body)


def test_a_draft_is_previewed_in_the_form_in_which_each_channel_would_get_it(world: World) -> None:
    text = {"subject_template": "Hi", "content_template": "Hello {{name}}"}
    shown = _draft(world, dict.fromkeys(("webhook", "telegram", "lark", "slack"), text))
    assert shown.status == 200, shown.text
    payloads = {name: one["payloads"][0] for name, one in shown.json["data"].items()}
    assert payloads["webhook"]["content"] == "Hello Ada"
    assert payloads["telegram"]["text"] == "*Hi*\n\nHello Ada"
    assert payloads["lark"]["msg_type"] == "text"
    assert payloads["slack"]["blocks"][0]["type"] == "header"
    assert world.endpoints.received == []
    assert world.request("GET", f"{PATH}/not-saved").status == 404


def test_one_channels_mistake_hides_no_other_channels_preview(world: World) -> None:
    contents = {
        "lark": {"content_template": "{{#if x}}open"},
        "webhook": {"content_template": "{", "content_type": "json"},
        "slack": {"content_template": "fine"},
        "pigeon": {"content_template": "x"},
        "email": {"content_template": "Hello {{name}}"},
        "telegram": "x",
    }
    found = _draft(world, contents).json["data"]
    assert "Invalid template syntax" in found["lark"]["error"]
    assert "not JSON" in found["webhook"]["error"]
    assert "Invalid channel: pigeon" in found["pigeon"]["error"]
    assert found["telegram"]["error"] == "Content of telegram must be an object"
    assert found["email"]["content"] == "Hello Ada"
    assert "payloads" not in found["email"]
    assert found["slack"]["payloads"][0]["text"] == "fine"
    assert "error" not in found["slack"]


@pytest.mark.parametrize("contents", [[], "x", 1])
def test_contents_of_a_draft_must_be_an_object(world: World, contents: Any) -> None:
    world.checks_accepted_bodies = False
    refused = _draft(world, contents)
    assert (refused.status, refused.json["code"]) == (400, "VALIDATION_ERROR")

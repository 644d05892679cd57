"""Inputs that once were lost, garbled, or took the service down, on the deployed service.

Each stands for a kind, whose other members are tested where the rule lies.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import psutil
import pytest

from tests.eventually import eventually
from tests.integration.conformance.chat_apis import ChatApis
from tests.integration.conformance.deployed import SECRETS, SEND, Deployed, basic, expect

TOKEN = "123456789:AAF_abcdefghijklmnopqrstuvwxyz-12345"
BRIDGE = {"X-Bridge-Token": SECRETS["bridgeToken"]}
GRAFANA = basic(SECRETS["grafanaWebhookUsername"], SECRETS["grafanaWebhookPassword"])
MB = 1_000_000


@pytest.fixture
def chats(service: Deployed, apis: ChatApis, user: str) -> dict[str, str]:
    """A user with every chat of the fakes; the paths at which their calls arrive."""
    paths = {
        "slack": f"/services/T0/B0/{user}",
        "lark": f"/open-apis/bot/v2/hook/{user}",
        "telegram": f"/bot{TOKEN}/sendMessage",
    }
    for channel in ("slack", "lark"):
        service.configure(user, channel, webhook_url=apis.url + paths[channel])
    service.configure(user, "telegram", bot_token=TOKEN, chat_id=user)
    return paths


def arrived(apis: ChatApis, path: str, user: str) -> list[Any]:
    """The bodies of a chat's calls, of this user alone."""
    return [body for body in apis.bodies(path) if body.get("chat_id", user) == user]


def template(service: Deployed, key: str, kind: str, source: Any, *channels: str) -> None:
    content = {"content_type": kind, "content_template": source}
    contents = {"contents": dict.fromkeys(channels, content)}
    service.data("POST", f"/api/templates/{key}", contents)


def hooked_content(service: Deployed, user: str) -> list[str]:
    arrivals = service.installation.arrivals(f"/hook/{user}")
    return [json.loads(one["body"])["content"] for one in arrivals]


def alert(**more: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "Disk"},
        "startsAt": "2026-01-05T10:00:00Z",
        **more,
    }


def fire(service: Deployed, receiver: str, *members: dict[str, Any], **more: Any) -> httpx.Response:
    status = more.pop("status", "firing")
    body = {"receiver": receiver, "status": status, "alerts": list(members), **more}
    return service.open("POST", "/api/webhooks/grafana", json=body, headers=GRAFANA)


# Depth and size


@pytest.mark.requirement("C-0.29", "C-0.48")
def test_depth_is_counted_at_every_door(service: Deployed, hooked: str) -> None:
    template(service, f"deep-{hooked}", "text", "{{v}}", "webhook")

    def nested(depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = [value]
        return value

    for path, body in (
        (SEND, {"user_id": hooked, "channels": ["webhook"], "template_key": f"deep-{hooked}"}),
        (f"/api/templates/deep-{hooked}/preview", {}),
    ):
        # The body is one level, and `variables` another one.
        fits = service.call("POST", path, {**body, "variables": {"v": nested(30)}})
        assert fits.status_code == 200, fits.text
        for depth in (31, 5_000):
            text = json.dumps({**body, "variables": {"v": "MARK"}})
            text = text.replace('"MARK"', "[" * depth + "]" * depth)
            expect(service.signed_raw("POST", path, text), 400, "INVALID_REQUEST")
    for path in ("/api/webhooks/grafana", "/api/webhooks/alertmanager"):
        deep = service.open("POST", path, content="[" * 20_000, headers=GRAFANA)
        assert deep.status_code == 400


@pytest.mark.requirement("C-0.29")
def test_an_answer_that_inflates_is_not_held_in_memory(
    service: Deployed, apis: ChatApis, user: str
) -> None:
    cloud = psutil.Process(int(service.installation.ctl_json("local", "status")["pid"]))

    def workers() -> int:
        found = [c for c in cloud.children(recursive=True) if "workerd" in c.name()]
        return sum(child.memory_info().rss for child in found)

    service.configure(user, "webhook", webhook_url=f"{apis.url}/bad/bomb")
    assert service.send(user)[0]["status"] == "sent"
    before = workers()
    for _ in range(3):
        assert service.send(user)[0]["status"] == "sent"
    # One answer has 60 MB.
    assert workers() - before < 40 * MB


# Outcomes


@pytest.mark.requirement("C-0.30", "C-0.40")
@pytest.mark.parametrize(
    ("channel", "status", "answer", "becomes"),
    [
        ("lark", 400, '{"code": 9499, "msg": "Too Many Request"}', "THROTTLED"),
        ("lark", 400, '{"code": 9499, "msg": "Bad Request"}', "failed"),
        ("lark", 200, '{"code": 11232, "msg": "frequency limited"}', "THROTTLED"),
        ("lark", 400, '{"code": 99991400, "msg": "request trigger frequency limit"}', "THROTTLED"),
        ("slack", 429, "rate_limited", "THROTTLED"),
        ("webhook", 408, "", "retry_scheduled"),
        ("webhook", 425, "", "retry_scheduled"),
        ("webhook", 400, "", "failed"),
    ],
)
def test_what_an_endpoint_says_decides(
    service: Deployed,
    apis: ChatApis,
    user: str,
    channel: str,
    status: int,
    answer: str,
    becomes: str,
) -> None:
    # A URL for each: one that throttles would be left alone.
    service.configure(user, channel, webhook_url=f"{apis.url}/{user}/hostile")
    apis.hostile = (status, answer.encode(), {"Content-Type": "application/json"})
    [result] = service.send(user, channel)
    assert becomes in (result["status"], result["code"]), result


def test_control_characters_of_an_endpoint_stay_out_of_the_error(
    service: Deployed, apis: ChatApis, user: str
) -> None:
    service.configure(user, "webhook", webhook_url=f"{apis.url}/{user}/hostile")
    apis.hostile = (400, b"no\x00\x1b[31m \x07way", {"Content-Type": "text/plain"})
    [result] = service.send(user)
    row = service.data("GET", f"/api/notification-logs/{result['logId']}")
    shown = json.dumps([result["error"], row["error"], row["attempts"]])
    assert "way" in shown
    assert not {"\\u0000", "\\u001b", "\\u0007"} & {shown[i : i + 6] for i in range(len(shown))}


# Alerts


@pytest.mark.requirement("C-0.32", "C-0.43")
def test_alerts_without_a_fingerprint_are_told_apart(service: Deployed, hooked: str) -> None:
    for labels in (
        {"alertname": "Disk", "instance": "a"},
        {"alertname": "Disk", "instance": "b"},
        {"alertname": "Memory", "instance": "a"},
    ):
        answer = fire(service, hooked, alert(labels=labels))
        assert "idempotent-replayed" not in answer.headers
    assert len(hooked_content(service, hooked)) == 3


@pytest.mark.requirement("C-0.32", "C-0.42")
def test_a_mixed_group_is_told_as_what_it_is(
    service: Deployed, apis: ChatApis, chats: dict[str, str], user: str
) -> None:
    service.configure(user, "webhook", webhook_url=service.hook(user))
    over = {"status": "resolved", "endsAt": "2026-01-05T11:00:00Z"}
    resolved = alert(labels={"alertname": "OldAlert"}, **over)
    firing = alert(labels={"alertname": "NewAlert"}, generatorURL="https://g.example/a")
    channels = {"X-Notification-Channels": "webhook,slack,lark,telegram"}
    body = {"receiver": user, "status": "firing", "alerts": [resolved, firing]}
    answer = service.open("POST", "/api/webhooks/grafana", json=body, headers=GRAFANA | channels)
    assert answer.status_code == 200, answer.text
    [arrival] = service.installation.arrivals(f"/hook/{user}")
    webhook = json.loads(arrival["body"])
    assert "1 firing, 1 resolved" in webhook["subject"]
    assert "Status: FIRING" in webhook["content"]
    assert "View in Grafana: https://g.example/a" in webhook["content"]
    assert not any(mark in webhook["content"] for mark in ("**", "](", "<"))
    [slack] = arrived(apis, chats["slack"], user)
    assert "*Status*: FIRING" in slack["blocks"][1]["text"]["text"]
    assert "<https://g.example/a|View in Grafana>" in slack["blocks"][1]["text"]["text"]
    for channel in ("slack", "lark", "telegram"):
        [sent] = arrived(apis, chats[channel], user)
        assert "[View" not in json.dumps(sent) or channel == "lark"
    [telegram] = arrived(apis, chats["telegram"], user)
    assert (telegram["parse_mode"], "<b>Status</b>" in telegram["text"]) == ("HTML", True)


# Markup


@pytest.mark.requirement("C-0.33", "C-0.45")
def test_a_value_is_text_in_every_chat(
    service: Deployed, apis: ChatApis, chats: dict[str, str], user: str
) -> None:
    key = f"said-{user}"
    template(service, key, "markdown", "by {{who}}: {{text}}", *chats)
    values = {"who": "<!channel> @durov", "text": "<at id=all></at> 2*3 <@U1>"}
    results = service.send(user, *chats, template_key=key, variables=values)
    assert {result["status"] for result in results} == {"sent"}
    [slack] = arrived(apis, chats["slack"], user)
    assert slack["text"] == (
        "by &lt;!channel&gt; @durov: &lt;at id=all&gt;&lt;/at&gt; 2*3 &lt;@U1&gt;"
    )
    [lark] = arrived(apis, chats["lark"], user)
    assert lark["card"]["elements"][0]["content"] == (
        "by &#60;!channel&#62; @durov: &#60;at id=all&#62;&#60;/at&#62; 2&#42;3 &#60;@U1&#62;"
    )
    [telegram] = arrived(apis, chats["telegram"], user)
    assert "@\u2060durov" in telegram["text"]


@pytest.mark.requirement("C-0.33")
def test_html_is_drawn_for_each_chat(
    service: Deployed, apis: ChatApis, chats: dict[str, str], user: str
) -> None:
    key = f"html-{user}"
    template(service, key, "html", "<b>Hi</b> {{v}}<br>", *chats)
    service.send(user, *chats, template_key=key, variables={"v": "<i>you</i>"})
    [slack] = arrived(apis, chats["slack"], user)
    assert slack["text"] == "*Hi* &lt;i&gt;you&lt;/i&gt;"
    [lark] = arrived(apis, chats["lark"], user)
    assert lark["card"]["elements"][0]["content"] == "**Hi** &#60;i&#62;you&#60;/i&#62;"
    [telegram] = arrived(apis, chats["telegram"], user)
    assert telegram["text"] == "<b>Hi</b> &lt;i&gt;you&lt;/i&gt;"


@pytest.mark.requirement("C-0.42")
@pytest.mark.parametrize("msg_type", ["text", "interactive"])
def test_larks_message_type_changes_no_mark_into_text(
    service: Deployed, apis: ChatApis, chats: dict[str, str], user: str, msg_type: str
) -> None:
    key = f"bold-{user}"
    template(service, key, "markdown", "**Bold** {{v}}", "lark")
    url = apis.url + chats["lark"]
    service.configure(user, "lark", webhook_url=url, msg_type=msg_type)
    service.send(user, "lark", template_key=key, variables={"v": "x"})
    [body] = arrived(apis, chats["lark"], user)
    if msg_type == "text":
        assert body["content"]["text"] == "Bold x"
    else:
        assert body["card"]["elements"][0]["content"] == "**Bold** x"


@pytest.mark.requirement("C-0.45")
def test_a_broadcast_needs_permission(
    service: Deployed, apis: ChatApis, chats: dict[str, str], user: str
) -> None:
    key = f"all-{user}"
    template(service, key, "markdown", "<!everyone> {{v}}", "slack")
    for allowed in (False, True):
        url = apis.url + chats["slack"]
        service.configure(user, "slack", webhook_url=url, allow_broadcast=allowed)
        service.send(user, "slack", template_key=key, variables={"v": "<!here>"})
    texts = [body["text"] for body in arrived(apis, chats["slack"], user)]
    assert texts == ["@everyone &lt;!here&gt;", "<!everyone> &lt;!here&gt;"]


@pytest.mark.requirement("C-0.33", "C-0.49")
def test_long_messages_are_split_where_the_chat_allows(
    service: Deployed, apis: ChatApis, chats: dict[str, str], user: str
) -> None:
    key = f"long-{user}"
    # With a subject, the text stands in sections.
    content = {"content_type": "markdown", "content_template": "{{v}}\n```\n{{log}}\n```"}
    fenced = {"slack": {**content, "subject_template": "Log"}}
    service.data("POST", f"/api/templates/{key}", {"contents": fenced})
    service.configure(user, "telegram", bot_token=TOKEN, chat_id=user, parse_mode="Markdown")
    plain_text = service.send(user, "telegram", custom_content={"content": "array[0] Disk 95.5%"})
    assert plain_text[0]["status"] == "sent"
    log = "\n".join(f"{number} line of a log" for number in range(250))
    [result] = service.send(user, "slack", template_key=key, variables={"v": "🇩🇪", "log": log})
    assert result["status"] == "sent"
    [plain] = arrived(apis, chats["telegram"], user)
    assert plain["text"] == "array\\[0] Disk 95.5%"
    links = " ".join(f"[link {n}](https://example.com/{'p' * 160}/{n})" for n in range(90))
    template(service, f"links-{user}", "markdown", links, "telegram")
    [linked] = service.send(user, "telegram", template_key=f"links-{user}")
    assert linked["status"] == "sent", linked
    parts = [body["text"] for body in arrived(apis, chats["telegram"], user)[1:]]
    assert len(parts) == 3
    assert all(part.count("<a href") == part.count("</a>") for part in parts)
    [body] = arrived(apis, chats["slack"], user)
    sections = [block["text"]["text"] for block in body["blocks"] if block["type"] == "section"]
    assert len(sections) > 1
    assert "249 line of a log" in sections[-1]
    assert all(section.count("```") == 2 for section in sections)
    card = {"msg_type": "text", "content": {"text": "x" * 30_000}}
    template(service, f"card-{user}", "json", card, "lark")
    [refused] = service.send(user, "lark", template_key=f"card-{user}")
    assert refused["status"] == "failed", refused
    assert "20" in refused["error"]


@pytest.mark.requirement("C-0.33")
def test_what_a_chat_cannot_parse_goes_once_more_as_plain_text(
    service: Deployed, apis: ChatApis, user: str
) -> None:
    service.configure(user, "telegram", bot_token=TOKEN, chat_id=f"unparsable-{user}")
    [result] = service.send(user, "telegram", custom_content={"content": "Disk 95.5% full"})
    assert result["status"] == "sent", result
    calls = arrived(apis, f"/bot{TOKEN}/sendMessage", f"unparsable-{user}")
    assert [body.get("parse_mode") for body in calls] == ["MarkdownV2", None]
    assert calls[1]["text"] == "Disk 95.5% full"
    [attempt] = service.data("GET", f"/api/notification-logs/{result['logId']}")["attempts"]
    assert attempt["note"] == "sent as plain text"


# Templates


@pytest.mark.requirement("C-0.34", "C-0.46", "C-0.47")
def test_templates_take_every_name_and_value_or_refuse(service: Deployed, hooked: str) -> None:
    key = f"names-{hooked}"
    source = "{{first-name}} {{labels.k8s-app}} {{名前}} {{#each tags}}{{@key}}={{this}} {{/each}}"
    template(service, key, "text", source, "webhook")
    values = {
        "first-name": "Ann",
        "labels": {"k8s-app": "api"},
        "名前": "花子",
        "tags": {"a": 1, "b": 2},
    }
    service.send(hooked, template_key=key, variables=values)
    assert hooked_content(service, hooked) == ["Ann api 花子 a=1 b=2"]
    listed = service.data("GET", "/api/templates?limit=200")
    assert [row["problems"] for row in listed if row["template_key"] == key] == [[]]
    for wrong in ("{{x | upper}}", "{{../t}}", "{{a..b}}", "{{", "{{}}"):
        content = {"contents": {"webhook": {"content_template": wrong}}}
        refused = service.call("POST", f"/api/templates/{key}", content)
        assert refused.status_code == 400, (wrong, refused.text)
        assert "line 1" in refused.json()["error"]


@pytest.mark.requirement("C-0.46")
def test_a_json_template_embeds_any_value(service: Deployed, apis: ChatApis, user: str) -> None:
    key, path = f"json-{user}", f"/hook/{user}"
    service.configure(user, "webhook", webhook_url=apis.url + path, payload_mode="raw")
    template(service, key, "json", '{"o": {{obj}}, "s": "{{obj}}"}', "webhook")
    given: list[Any] = [{"a": [1, None]}, [1, "x"], None, 5, True, 'q"']
    for value in given:
        [result] = service.send(user, template_key=key, variables={"obj": value})
        assert result["status"] == "sent", result
    assert [body["o"] for body in apis.bodies(path)] == given


@pytest.mark.requirement("C-0.51")
def test_what_a_loop_leaves_out_is_told(service: Deployed, hooked: str) -> None:
    key = f"loop-{hooked}"
    template(service, key, "text", "{{#each list}}{{this}},{{/each}}", "webhook")
    values = {"list": list(range(1_500))}
    [result] = service.send(hooked, template_key=key, variables=values)
    assert (result["status"], result["truncated"]) == ("sent", True)
    [text] = hooked_content(service, hooked)
    assert text.endswith("… 500 more")
    row = service.data("GET", f"/api/notification-logs/{result['logId']}")
    assert row["attempts"][0]["truncated"] is True


@pytest.mark.requirement("C-0.52")
def test_a_variable_that_is_missing_is_told_or_refused(service: Deployed, hooked: str) -> None:
    key = f"lacks-{hooked}"
    template(service, key, "text", "Hi {{name}}{{other}}", "webhook")
    body = {"user_id": hooked, "channels": ["webhook"], "template_key": key, "variables": {}}
    told = service.call("POST", SEND, body).json()
    assert told["results"][0]["status"] == "sent"
    assert all(name in json.dumps(told["warnings"]) for name in ("name", "other"))
    content = {"webhook": {"content_template": "Hi {{name}}{{other}}"}}
    service.data("POST", f"/api/templates/{key}", {"strict": True, "contents": content})
    refused = service.call("POST", SEND, body)
    expect(refused, 400, "INVALID_VARIABLES")
    assert all(name in refused.json()["error"] for name in ("name", "other"))


# What is refused, and what is not


@pytest.mark.requirement("C-0.35", "C-0.50")
@pytest.mark.parametrize("content", ["  ", "\u200b", "\u2060\ufe0f\u3164 ", "\x00\x07"])
def test_what_nobody_could_see_is_refused_at_both_doors(
    service: Deployed, hooked: str, content: str
) -> None:
    body = {"user_id": hooked, "channels": ["webhook"], "custom_content": {"content": content}}
    expect(service.call("POST", SEND, body), 400, "INVALID_CONTENT")
    bridge = f"/web_hook/bridge/{hooked}/webhook"
    for body_of_it in (content, json.dumps(content)):
        kind = {"Content-Type": "text/plain" if body_of_it is content else "application/json"}
        refused = service.open("POST", bridge, content=body_of_it, headers=BRIDGE | kind)
        expect(refused, 400, "MISSING_CONTENT", "No content to send")
    template(service, f"blank-{hooked}", "text", "{{#if no}}x{{/if}}", "webhook")
    empty = {"user_id": hooked, "channels": ["webhook"], "template_key": f"blank-{hooked}"}
    expect(service.call("POST", SEND, empty), 400, "INVALID_CONTENT")
    assert service.installation.arrivals(f"/hook/{hooked}") == []


@pytest.mark.requirement("C-0.39")
def test_a_message_may_quote_markup(service: Deployed, hooked: str) -> None:
    text = "Blocked: <script>alert(1)</script> ' OR 1=1 --"
    [result] = service.send(hooked, custom_content={"content": text})
    assert result["status"] == "sent"
    assert hooked_content(service, hooked) == [text]


@pytest.mark.requirement("S5-5")
@pytest.mark.parametrize("text", ["<" * 16_000, "std::cout << x;\n" * 3_000, "<" * 100_000])
def test_texts_that_once_took_seconds_are_sent_in_every_chat(
    service: Deployed, chats: dict[str, str], user: str, text: str
) -> None:
    results = service.send(user, *chats, custom_content={"content": text})
    assert {result["status"] for result in results} == {"sent"}, results


@pytest.mark.requirement("C-8.2", "C-0.21")
@pytest.mark.parametrize("token", [1234567890, True, {"a": "b"}, "", "\x00"])
def test_a_token_that_would_protect_nothing_is_refused(
    service: Deployed, user: str, token: Any
) -> None:
    config = {"webhook_url": service.hook(user), "bridge_token": token}
    body = {"user_id": user, "channel_type": "webhook", "config_data": config}
    refused = service.call("POST", "/api/user-configs", body)
    expect(refused, 400, "VALIDATION_ERROR")
    assert "bridge_token" in refused.json()["error"]


@pytest.mark.requirement("C-0.27")
@pytest.mark.parametrize(
    "host",
    [
        "[100::1]",
        "192.0.2.1",
        "198.51.100.7",
        "203.0.113.9",
        "[2001:db8::1]",
        "192.88.99.1",
        "169.254.169.254",
        "[fe80::1]",
        "api.default.svc",
        "db.internal",
        "printer.local",
        "0x7f.0.0.1.internal",
    ],
)
def test_addresses_of_the_registries_are_refused(service: Deployed, user: str, host: str) -> None:
    config = {"webhook_url": f"https://{host}/hook"}
    body = {"user_id": user, "channel_type": "webhook", "config_data": config}
    refused = service.call("POST", "/api/user-configs", body)
    expect(refused, 400, "VALIDATION_ERROR")
    assert "blocked" in refused.json()["error"]


@pytest.mark.requirement("C-12.1", "C-0.29")
def test_long_names_leave_short_lines_and_answers(service: Deployed, hooked: str) -> None:
    named = alert(annotations={"template": "t" * 900_000})
    fire(service, hooked, named, commonAnnotations={"notification_template": "t" * 900_000})
    for path in ("/" + "p" * 15_000, "/api/templates/" + "p" * 15_000):
        answer = service.open("GET", path)
        assert answer.status_code in (401, 404)
        assert len(answer.content) < 1_000

    def logged() -> list[str]:
        events = service.installation.control("GET", "/local/logs?limit=1000").json()["logs"]
        lines = [event["message"] for event in events if event.get("type") == "log"]
        last = any(f"/api/templates/{'p' * 100}" in line for line in lines)
        return lines if last else []

    assert max(map(len, eventually(logged, what="the line of the last request"))) < 5_000

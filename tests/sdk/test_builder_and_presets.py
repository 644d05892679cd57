"""Builder, presets, quick sends, sessions and the choice of channels."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import httpx
import pytest

from notification_sdk import CHANNELS, NotificationClient, SmartChannelSelector, ValidationError
from notification_sdk._channel_selector import Urgency
from notification_sdk.testing import FakeNotificationService

pytestmark = pytest.mark.requirement("C-10.2")


@pytest.fixture
def service() -> FakeNotificationService:
    return FakeNotificationService()


@pytest.fixture
def client(service: FakeNotificationService) -> NotificationClient:
    return service.client()


def test_the_builder_puts_a_notification_together(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.add_template("order", "Order {{id}} for {{name}}", subject="Order {{id}}")
    client.notify().to("ada").via("lark", "slack").use_template("order", {"id": 1}).with_(
        {"name": "Ada"}
    ).idempotent("order-1").metadata({"shop": 2}).send()
    [first, second] = service.sent
    assert (first.channel, second.channel) == ("lark", "slack")
    assert (first.content, first.subject) == ("Order 1 for Ada", "Order 1")
    assert (first.idempotency_key, first.metadata) == ("order-1", {"shop": 2})


@pytest.mark.parametrize("order", ["subject first", "subject last", "with the content"])
def test_a_subject_stays_whenever_it_is_given(
    service: FakeNotificationService, client: NotificationClient, order: str
) -> None:
    builder = client.builder().to("ada").via("lark")
    if order == "subject first":
        builder.subject("Hi").content("text")
    elif order == "subject last":
        builder.content("text").subject("Hi")
    else:
        builder.content("text", "Hi")
    builder.send()
    assert (service.sent[0].content, service.sent[0].subject) == ("text", "Hi")


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda b: b.via("lark").content("x"), r"no recipient: call \.to"),
        (lambda b: b.to("ada").content("x"), r"no channels: call \.via"),
        (lambda b: b.to("ada").via("lark"), r"no content: call \.content"),
        (
            lambda b: b.to("ada").via("lark").use_template("t").subject("x"),
            r"brings its own subject",
        ),
    ],
)
def test_the_builder_names_the_step_that_is_missing(
    service: FakeNotificationService,
    client: NotificationClient,
    build: Callable[[Any], Any],
    said: str,
) -> None:
    with pytest.raises(ValidationError, match=said):
        build(client.notify()).send()
    assert service.requests == []


def test_a_builder_that_continues_begins_anew(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    builder = client.notify().to("ada").via("lark").content("one", "S").metadata({"a": 1})
    builder.send_and_continue().to("bob").via("slack").content("two").send()
    first, second = service.sent
    assert (first.user_id, first.subject) == ("ada", "S")
    assert (second.user_id, second.channel, second.subject, second.metadata) == (
        "bob", "slack", None, None,
    )  # fmt: skip
    with pytest.raises(ValidationError, match="no recipient"):
        client.notify().to("ada").via("lark").content("x").send_and_continue().send()


PRESETS: list[tuple[str, Callable[[NotificationClient], Any], dict[str, Any]]] = [
    ("welcome", lambda c: c.presets.welcome("ada", "Ada", {"plan": "pro"}),
     {"name": "Ada", "plan": "pro"}),
    ("password_reset", lambda c: c.presets.password_reset("ada", "https://x/y"),
     {"reset_link": "https://x/y", "expires_in": "24 hours"}),
    ("order_shipped", lambda c: c.presets.order_update("ada", "7", "shipped", {"carrier": "Z"}),
     {"order_id": "7", "status": "shipped", "carrier": "Z"}),
    ("payment_success", lambda c: c.presets.payment_success("ada", Decimal("12.5"), "EUR", "t1"),
     {"amount": "12.50", "currency": "EUR", "transaction_id": "t1",
      "formatted_amount": "EUR 12.50"}),
    ("security_login", lambda c: c.presets.security_alert("ada", "login", {"ip": "1"}),
     {"event": "login", "ip": "1"}),
    ("system_maintenance",
     lambda c: c.presets.maintenance("ada", start="1", end="2", description="d"),
     {"start": "1", "end": "2", "description": "d"}),
    ("alert", lambda c: c.presets.alert("ada", "info", "Disk", "95 %", {"host": "n"}),
     {"severity": "info", "title": "Disk", "message": "95 %", "host": "n"}),
    ("verification_code", lambda c: c.presets.verification_code("ada", "123", "login"),
     {"code": "123", "purpose": "login", "expires_minutes": 5}),
    ("report_daily", lambda c: c.presets.report("ada", "daily", {"sent": 3}),
     {"period": "daily", "sent": 3}),
]  # fmt: skip


@pytest.mark.parametrize(("template", "send", "variables"), PRESETS, ids=[p[0] for p in PRESETS])
def test_each_preset_sends_its_template_with_its_variables_once_per_channel(
    service: FakeNotificationService,
    client: NotificationClient,
    template: str,
    send: Callable[[NotificationClient], Any],
    variables: dict[str, Any],
) -> None:
    service.add_template(template, "text")
    service.add_user("ada", "webhook")
    send(client)
    [sent] = service.sent
    assert (sent.template_key, sent.variables, sent.channel) == (template, variables, "webhook")


@pytest.mark.parametrize(
    ("severity", "channels"),
    [
        ("info", ["webhook"]),
        ("warning", ["webhook", "lark"]),
        ("error", ["webhook", "lark", "telegram"]),
        ("critical", ["webhook", "lark", "telegram", "slack"]),
    ],
)
def test_an_alert_goes_over_more_channels_the_worse_it_is(
    service: FakeNotificationService, client: NotificationClient, severity: Any, channels: list[str]
) -> None:
    service.add_template("alert", "text")
    client.presets.alert("ada", severity, "t", "m")
    assert [sent.channel for sent in service.sent] == channels


def test_presets_choose_channels_by_their_priority_and_take_given_ones(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.add_user("ada", "webhook", "telegram", "lark", "slack")
    service.add_template("password_reset", "text")
    service.add_template("security_login", "text")
    client.presets.password_reset("ada", "link")
    client.presets.security_alert("ada", "login")
    client.presets.password_reset("ada", "link", channels=["slack"])
    assert [sent.channel for sent in service.sent] == [
        "telegram", "lark",
        "telegram", "lark", "slack", "webhook",
        "slack",
    ]  # fmt: skip


def test_a_verification_code_is_sent_once(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.add_template("verification_code", "text")
    for _ in range(2):
        client.presets.verification_code("ada", "123", "login", channels=["lark"])
    [sent] = service.sent
    assert sent.idempotency_key == "verification_ada_login_123"


def test_quick_sends_go_over_the_channel_of_their_name(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    client.quick.webhook("ada", "w", {"order": 1})
    client.quick.lark("ada", "l")
    client.quick.telegram("ada", "t")
    client.quick.slack("ada", "s")
    assert [(sent.channel, sent.content) for sent in service.sent] == [
        ("webhook", "w"), ("lark", "l"), ("telegram", "t"), ("slack", "s"),
    ]  # fmt: skip
    assert service.sent[0].metadata == {"order": 1}


def test_smart_sends_go_over_all_active_channels(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.add_user("ada", "slack", "lark", "webhook")
    client.configs.deactivate("ada", "lark")
    service.add_template("order", "Order {{id}}")
    client.smart_send("ada", "hi", subject="S")
    client.quick.from_template("ada", "order", {"id": 3})
    client.smart_send("ada", "hi", channels=["webhook"])
    client.smart_send("nobody", "hi")
    assert [(sent.channel, sent.content) for sent in service.sent] == [
        ("slack", "hi"), ("webhook", "hi"),
        ("slack", "Order 3"), ("webhook", "Order 3"),
        ("webhook", "hi"),
        ("webhook", "hi"),
    ]  # fmt: skip
    assert service.sent[0].subject == "S"


def test_a_session_sends_to_one_user(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.add_template("order", "Order {{id}}")
    session = client.create_session("ada", ["slack"])
    session.send("one", "S")
    session.webhook("two")
    session.lark("three")
    session.from_template("order", {"id": 1})
    assert [(sent.channel, sent.content, sent.subject) for sent in service.sent] == [
        ("slack", "one", "S"), ("webhook", "two", None), ("lark", "three", None),
        ("slack", "Order 1", None),
    ]  # fmt: skip
    assert {sent.user_id for sent in service.sent} == {"ada"}
    assert client.create_session("bob").channels == ("webhook",)


ALL = {"webhook", "telegram", "lark", "slack"}


@pytest.mark.parametrize(
    ("priority", "chosen"),
    [
        ("urgent", ("telegram", "lark", "slack", "webhook")),
        ("normal", ("lark", "telegram", "webhook", "slack")),
        ("marketing", ("webhook", "slack", "lark", "telegram")),
        ("transactional", ("telegram", "lark", "webhook", "slack")),
    ],
)
def test_a_priority_ranks_the_channels(priority: Any, chosen: tuple[str, ...]) -> None:
    selector = SmartChannelSelector()
    assert selector.select_channels(ALL, priority=priority, max_channels=4) == chosen
    assert selector.select_channels(ALL, priority=priority) == chosen[:2]


def test_preferred_channels_go_first_and_only_available_ones_count() -> None:
    selector = SmartChannelSelector()
    assert selector.select_channels({"slack", "webhook"}, preferred=["slack", "lark"]) == (
        "slack", "webhook",
    )  # fmt: skip
    assert selector.select_channels(()) == ("webhook",)


def test_urgency_decides_how_many() -> None:
    selector = SmartChannelSelector()
    urgencies: tuple[Urgency, ...] = ("immediate", "high", "normal", "low")
    counts = {u: len(selector.select_channels_by_urgency(ALL, u)) for u in urgencies}
    assert counts == {"immediate": 4, "high": 2, "normal": 2, "low": 1}
    assert selector.select_channels_by_urgency(ALL, "high") == ("telegram", "lark")


def test_fallbacks_and_priorities_can_be_changed() -> None:
    selector = SmartChannelSelector()
    assert selector.get_fallback_channels("lark") == ("telegram", "webhook", "slack")
    assert selector.get_fallback_channels("slack") == ("lark", "telegram", "webhook")
    assert selector.get_fallback_channels("pigeon") == ()
    selector.set_fallback_channels("lark", ["slack"])
    selector.set_priority_channels("normal", ["slack"])
    assert selector.get_fallback_channels("lark") == ("slack",)
    assert selector.select_channels(ALL, max_channels=1) == ("slack",)
    assert SmartChannelSelector().get_fallback_channels("lark")[0] == "telegram"


@pytest.mark.parametrize(
    ("content", "variables", "first"),
    [
        ("short", None, "telegram"),
        ("x" * 1001, None, "lark"),
        ("```x```", None, "lark"),
        ("a", {"b": 1}, "webhook"),
    ],
)
def test_a_text_decides_where_it_reads_best(
    content: str, variables: dict[str, Any] | None, first: str
) -> None:
    assert SmartChannelSelector().recommend_channels_by_content(content, variables)[0] == first


def test_a_send_is_planned_marked_urgent_and_given_fallbacks(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    when = datetime(2026, 12, 1, 9, tzinfo=timezone(timedelta(hours=8)))
    builder = client.notify().to("ada").via(["lark", "webhook"], "telegram:oncall").content("Hi")
    sent = builder.at(when).urgent().send()
    body = json.loads(service.requests[-1].content)
    assert body["channels"] == [["lark", "webhook"], "telegram:oncall"]
    assert (body["send_at"], body["urgent"]) == ("2026-12-01T01:00:00.000Z", True)
    lark, webhook, telegram = sent.results
    assert lark.waits_until == telegram.waits_until == when
    assert (lark.status, lark.fallback_of) == ("retry_scheduled", None)
    assert webhook.fallback_of == lark.log_id


def test_the_client_takes_the_same_in_one_call(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    client.send_notification(
        "ada",
        [["lark", "slack"]],
        custom_content={"content": "Hi"},
        send_at="2026-12-01T09:00:00+08:00",
        urgent=True,
    )
    body = json.loads(service.requests[-1].content)
    assert body["channels"] == [["lark", "slack"]]
    assert (body["send_at"], body["urgent"]) == ("2026-12-01T09:00:00+08:00", True)


def test_a_time_without_a_zone_is_refused_before_anything_is_sent(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    with pytest.raises(ValidationError, match="no time zone"):
        client.notify().to("ada").via("lark").content("Hi").at(datetime(2026, 12, 1)).send()
    assert service.requests == []


@pytest.mark.parametrize(
    ("failing", "ends"),
    [
        ((), ["sent", "cancelled", "cancelled"]),
        (("lark",), ["failed", "sent", "cancelled"]),
        (("lark", "slack"), ["failed", "failed", "sent"]),
    ],
)
def test_a_fallback_goes_out_only_where_the_one_before_failed(
    service: FakeNotificationService,
    client: NotificationClient,
    failing: tuple[str, ...],
    ends: list[str],
) -> None:
    for channel in failing:
        service.fail_channel(channel)
    client.notify().to("ada").via(["lark", "slack", "webhook"]).content("Hi").send()
    assert [sent.status for sent in service.sent] == ends


def test_warnings_and_cuts_are_told() -> None:
    result = {"channelType": "lark", "status": "sent", "messageId": "m", "userId": "ada"}
    answer = {
        "success": True,
        "request_id": "r",
        "results": [{**result, "logId": 1, "truncated": True}],
        "warnings": [{"code": "TRUNCATED", "channelType": "lark", "message": "cut"}],
    }
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=answer))
    client = NotificationClient("https://notify.example.com", "key", transport=transport)
    sent = client.send_notification("ada", ["lark"], custom_content={"content": "Hi"})
    assert sent.results[0].truncated
    assert [warning["code"] for warning in sent.warnings] == ["TRUNCATED"]


@pytest.mark.parametrize(
    "send",
    [
        lambda client: client.send_notification("ada", "lark", custom_content={"content": "x"}),
        lambda client: client.smart_send("ada", "x", channels="lark"),
        lambda client: client.create_session("ada", "lark").send("x"),
        lambda client: client.notify().to("ada").via("lark").content("x").send(),
        lambda client: client.presets.alert("ada", "error", "T", "m", channels="lark"),
        lambda client: client.presets.welcome("ada", "Ada", channels="lark"),
    ],
)
def test_a_text_is_one_channel_and_no_list_of_letters(
    service: FakeNotificationService,
    client: NotificationClient,
    send: Callable[[NotificationClient], object],
) -> None:
    for key in ("alert", "welcome"):
        service.add_template(key, "x")
    send(client)
    assert [sent.channel for sent in service.sent] == ["lark"]


def test_the_fake_service_shows_a_template_whole(
    service: FakeNotificationService, client: NotificationClient
) -> None:
    service.add_template("order", "Order {{id}} for {{name}}", subject="Order {{id}}")
    shown = client.templates.get("order")
    began = datetime(2026, 1, 1, tzinfo=UTC)
    assert (shown.key, shown.name, shown.is_active) == ("order", "order", True)
    assert (shown.created_at, shown.updated_at) == (began, began)
    assert {content.channel for content in shown.contents} == set(CHANNELS)
    assert {content.content_template for content in shown.contents} == {"Order {{id}} for {{name}}"}

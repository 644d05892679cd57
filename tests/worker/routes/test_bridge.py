"""The webhook bridge."""

from __future__ import annotations

import base64
import gzip
import hmac
import json
from typing import Any

import pytest

from notification.ports.outbound import MAX_HOPS
from tests.worker.caller import Answer
from tests.worker.endpoints import answer
from tests.worker.surroundings import CountingLimiter, PythonAead
from tests.worker.world import World

pytestmark = pytest.mark.requirement("C-8.2")

PATH = "/web_hook/bridge/u1/webhook"
TOKEN = "a-bridge-token-of-forty-characters-or-so"


@pytest.fixture
def bridge(world: World) -> World:
    """An installation with a bridge token and one recipient."""
    world.environment["BRIDGE_TOKEN"] = TOKEN
    world.configure()
    return world


def _call(
    world: World,
    body: Any = None,
    *,
    path: str = PATH,
    token: str = TOKEN,
    raw: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Answer:
    sent = {"content-type": "application/json", **(headers or {})}
    if token:
        sent["x-bridge-token"] = token
    return world.request("POST", path, body, raw=raw, signed=False, headers=sent)


def test_a_call_becomes_a_notification(bridge: World) -> None:
    forwarded = _call(bridge, {"subject": "Server alarm", "message": "CPU above 90%"})
    assert forwarded.status == 200
    assert forwarded.json["message"] == "Notification forwarded successfully"
    assert isinstance(forwarded.json["duration"], int)
    [row] = bridge.logs()
    assert row["message_id"] == forwarded.json["message_id"]
    assert row["status"] == "sent"
    [body] = bridge.endpoints.bodies
    assert (body["subject"], body["content"]) == ("Server alarm", "CPU above 90%")


def test_an_object_without_content_fields_is_sent_as_indented_json(bridge: World) -> None:
    _call(bridge, {"severity": "high", "n": 1})
    [body] = bridge.endpoints.bodies
    assert body["subject"] == "Webhook Notification"
    assert body["content"] == '{\n  "severity": "high",\n  "n": 1\n}'


def test_form_fields_and_plain_text_are_understood(bridge: World) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    _call(bridge, raw=b"title=Disk&text=95%25+used", headers=form)
    _call(bridge, raw=b"just text", headers={"content-type": "text/plain"})
    first, second = bridge.endpoints.bodies
    assert (first["subject"], first["content"]) == ("Disk", "95% used")
    assert second["content"] == "just text"


@pytest.mark.requirement("C-0.21", "B-40")
def test_in_production_the_bridge_is_closed_without_a_token(world: World) -> None:
    world.configure()
    for path in (PATH, "/web_hook/bridge/nobody/webhook", "/web_hook/bridge/u1/pigeon"):
        refused = _call(world, {"text": "x"}, path=path, token="")
        assert (refused.status, refused.code) == (403, "FORBIDDEN")
    assert world.endpoints.received == []


def test_outside_production_the_bridge_is_open_unless_a_token_is_set(world: World) -> None:
    world.environment["ENVIRONMENT"] = "staging"
    world.configure()
    assert _call(world, {"text": "open"}, token="").status == 200
    world.environment["BRIDGE_TOKEN"] = TOKEN
    assert _call(world, {"text": "shut"}, token="").status == 401


@pytest.mark.parametrize("path", [PATH, "/web_hook/bridge/nobody/webhook"])
@pytest.mark.parametrize("token", ["", "wrong", TOKEN + "x", "\udcff"])
def test_a_wrong_token_is_refused_whether_or_not_the_recipient_exists(
    bridge: World, path: str, token: str
) -> None:
    refused = _call(bridge, {"text": "x"}, path=path, token=token)
    assert (refused.status, refused.code) == (401, "UNAUTHORIZED")
    assert refused.json["error"] == "Invalid or missing bridge token"


def test_the_token_may_be_a_query_parameter(bridge: World) -> None:
    assert _call(bridge, {"text": "x"}, path=f"{PATH}?token={TOKEN}", token="").status == 200


@pytest.mark.requirement("C-0.21")
def test_a_recipients_own_token_takes_the_place_of_the_general_one(world: World) -> None:
    own = "the-recipients-own-token"
    world.configure(webhook_url="https://hooks.example.com/in", bridge_token=own)
    assert _call(world, {"text": "x"}, token="other").code == "FORBIDDEN"
    assert _call(world, {"text": "x"}, token=own).status == 200
    world.environment["BRIDGE_TOKEN"] = TOKEN
    assert _call(world, {"text": "y"}, token=TOKEN).status == 401
    assert _call(world, {"text": "y"}, token=own).status == 200


def test_a_revoked_token_is_refused(world: World) -> None:
    world.configure(webhook_url="https://hooks.example.com/in", bridge_token="first-token")
    assert _call(world, {"text": "x"}, token="first-token").status == 200
    row = world.database.rows("SELECT config_data FROM user_configs")
    world.configure(webhook_url="https://hooks.example.com/in", bridge_token="second-token")
    assert world.database.rows("SELECT config_data FROM user_configs") != row
    assert _call(world, {"text": "y"}, token="first-token").code == "FORBIDDEN"


@pytest.mark.requirement("C-0.21")
@pytest.mark.parametrize("stored", [1234567890, ["a-token"], {"a": 1}, True])
def test_a_token_of_a_wrong_type_is_refused_at_save_and_closes_the_bridge_if_stored(
    bridge: World, stored: Any
) -> None:
    config = {"webhook_url": "https://hooks.example.com/in", "bridge_token": stored}
    document = {"user_id": "u1", "channel_type": "webhook", "config_data": config}
    refused = bridge.request("POST", "/api/user-configs", document)
    assert (refused.status, refused.code) == (400, "VALIDATION_ERROR")
    assert "bridge_token must be a string" in refused.json["error"]
    bridge.database.rows("UPDATE user_configs SET config_data = ?", json.dumps(config))
    [shown] = bridge.request("GET", "/api/user-configs?user_id=u1").json["data"]
    assert shown["config_data"]["bridge_token"] in ("…", ["a-to…"])
    for token in (TOKEN, str(stored), ""):
        assert _call(bridge, {"text": "x"}, token=token).status == 401
    assert bridge.endpoints.received == []


@pytest.mark.requirement("C-0.21")
@pytest.mark.parametrize("token", ["", None, " a", "a\n", "t" * 1_001])
def test_a_token_that_nobody_could_present_is_refused_at_save(world: World, token: Any) -> None:
    document = {
        "user_id": "u1",
        "channel_type": "webhook",
        "config_data": {"webhook_url": "https://hooks.example.com/in", "bridge_token": token},
    }
    assert world.request("POST", "/api/user-configs", document).code == "VALIDATION_ERROR"


class CountingAead(PythonAead):
    """Counts how often something is opened."""

    def __init__(self) -> None:
        self.opened: list[int] = []

    async def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        self.opened.append(len(sealed))
        return await super().open(key, nonce, sealed, aad)


@pytest.mark.requirement("C-8.2")
@pytest.mark.parametrize("channel", ["webhook", "telegram"])
@pytest.mark.parametrize("door", ["/web_hook/bridge", "/api/webhooks/standard"])
def test_a_wrong_token_costs_the_same_work_whether_or_not_the_recipient_exists(
    bridge: World, door: str, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    aead, hashed = CountingAead(), []
    monkeypatch.setattr("tests.worker.world.PythonAead", lambda: aead)
    real = hmac.digest

    def digest(key: bytes, message: bytes, name: str) -> bytes:
        hashed.append(len(message))
        return real(key, message, name)

    monkeypatch.setattr("hmac.digest", digest)
    secret = f"whsec_{base64.b64encode(b'k' * 24).decode()}"
    bridge.configure("known", webhook_url="https://h.example.com/in", inbound_secret=secret)
    signed = {
        "webhook-id": "m",
        "webhook-timestamp": str(bridge.clock.ms // 1000),
        "webhook-signature": "v1,none",
    }
    work = []
    for user in ("nobody", "known", "nobody", "known"):
        aead.opened.clear()
        hashed.clear()
        asked = bridge.database.calls
        path = f"{door}/{user}/{channel}"
        refused = _call(bridge, {"text": "x"}, path=path, token="wrong", headers=signed)
        assert refused.status == 401
        work.append((len(aead.opened), list(hashed), bridge.database.calls - asked))
    assert work[0] == work[1] == work[2] == work[3]
    assert work[0][0] == 1


@pytest.mark.requirement("C-0.14")
def test_an_unknown_or_inactive_recipient_is_404(bridge: World) -> None:
    for prepare in (None, {"user_id": "u1", "channel_type": "webhook", "is_active": False}):
        path = PATH if prepare else "/web_hook/bridge/nobody/webhook"
        if prepare:
            bridge.request("POST", "/api/user-configs", prepare)
        missing = _call(bridge, {"text": "x"}, path=path)
        assert (missing.status, missing.code) == (404, "NOT_FOUND")
        assert missing.json["error"] == "User configuration not found"
        assert missing.json["errors"] == ["webhook: User config not found"]
    assert bridge.logs() == []


@pytest.mark.parametrize(
    ("path", "code", "text"),
    [
        (
            "/web_hook/bridge/u1/pigeon",
            "INVALID_CHANNEL_TYPE",
            "Invalid channel type. Must be one of: webhook",
        ),
        ("/web_hook/bridge/%00/webhook", "INVALID_USER_ID", "user_id cannot be empty"),
        (f"/web_hook/bridge/{'x' * 101}/webhook", "INVALID_USER_ID", "must not exceed 100"),
        ("/web_hook/bridge/%ff/webhook", "INVALID_PARAMETER", "Invalid percent-encoding"),
    ],
)
def test_a_wrong_path_is_400(bridge: World, path: str, code: str, text: str) -> None:
    refused = _call(bridge, {"text": "x"}, path=path)
    assert (refused.status, refused.code) == (400, code)
    assert text in refused.json["error"]


def test_the_recipients_name_is_percent_decoded(bridge: World) -> None:
    bridge.configure("张三 a")
    assert _call(bridge, {"text": "x"}, path="/web_hook/bridge/%E5%BC%A0%E4%B8%89%20a/webhook")
    assert [row["user_id"] for row in bridge.logs()] == ["张三 a"]


@pytest.mark.parametrize("raw", [b"", b"  \n", b"{}", b"[]", b"null"])
def test_a_body_without_content_is_400(bridge: World, raw: bytes) -> None:
    refused = _call(bridge, raw=raw)
    assert refused.status == 400
    assert refused.json["error"] == "No content to send"
    assert refused.json["details"] == "Unable to extract content from webhook payload"


@pytest.mark.requirement("B-11")
def test_what_is_scheduled_for_retry_counts_as_forwarded(bridge: World) -> None:
    bridge.endpoints.behave = lambda request: answer(500)
    forwarded = _call(bridge, {"text": "x"})
    assert (forwarded.status, forwarded.json["status"]) == (200, "retry_scheduled")


def test_a_permanent_failure_is_500_with_its_reason(bridge: World) -> None:
    bridge.endpoints.behave = lambda request: answer(404, "gone")
    failed = _call(bridge, {"text": "x"})
    assert (failed.status, failed.code) == (500, "ADAPTER_ERROR")
    assert failed.json["error"].startswith("HTTP 404")
    assert failed.json["errors"] == [f"webhook: {failed.json['error']}"]
    [result] = failed.json["details"]["results"]
    assert result["channel"] == "webhook"
    assert result["success"] is False
    assert result["message_id"] == bridge.logs()[0]["message_id"]


@pytest.mark.requirement("B-11", "C-0.44")
def test_two_identical_alarms_without_a_key_are_two_messages(bridge: World) -> None:
    for _ in range(2):
        assert "Idempotent-Replayed" not in _call(bridge, {"text": "x"}).headers
    assert [body["content"] for body in bridge.endpoints.bodies] == ["x", "x"]


@pytest.mark.requirement("C-0.37")
def test_two_bodies_with_one_request_id_are_two_messages(bridge: World) -> None:
    for text in ("one", "two"):
        assert _call(bridge, {"text": text}, headers={"x-request-id": "trace-1"}).status == 200
    assert [body["content"] for body in bridge.endpoints.bodies] == ["one", "two"]
    assert [row["request_id"] for row in bridge.logs()] == ["trace-1", "trace-1"]


@pytest.mark.requirement("B-11", "C-0.44")
@pytest.mark.parametrize("header", ["idempotency-key", "x-github-delivery"])
def test_a_delivery_id_holds_for_a_day(bridge: World, header: str) -> None:
    for _ in range(2):
        assert _call(bridge, {"text": "x"}, headers={header: "delivery-1"}).status == 200
        bridge.clock.ms += 3_600_000
    assert len(bridge.endpoints.received) == 1
    assert _call(bridge, {"text": "x"}, headers={header: "delivery-2"}).status == 200
    assert len(bridge.endpoints.received) == 2
    bridge.clock.ms += 22 * 3_600_000
    assert _call(bridge, {"text": "x"}, headers={header: "delivery-1"}).status == 200
    assert len(bridge.endpoints.received) == 3


@pytest.mark.requirement("C-0.44")
def test_a_key_that_cannot_be_one_is_refused_before_anything_is_sent(bridge: World) -> None:
    refused = _call(bridge, {"text": "x"}, headers={"idempotency-key": "k" * 5_000})
    assert (refused.status, refused.code) == (400, "INVALID_IDEMPOTENCY_KEY")
    assert bridge.endpoints.received == []


@pytest.mark.requirement("C-0.36")
@pytest.mark.parametrize(
    ("raw", "headers"),
    [
        (
            gzip.compress('{"text": "Größe"}'.encode(), mtime=0),
            {"content-type": "application/json", "content-encoding": "gzip"},
        ),
        (
            '{"text": "Größe"}'.encode("latin-1"),
            {"content-type": "application/json; charset=ISO-8859-1"},
        ),
        (
            b"payload=%7B%22text%22%3A%22Gr%C3%B6%C3%9Fe%22%7D",
            {"content-type": "application/x-www-form-urlencoded"},
        ),
        ('{"text": "Größe"}'.encode(), {"content-type": "application/problem+json"}),
    ],
)
def test_a_declared_encoding_is_read_as_declared(
    bridge: World, raw: bytes, headers: dict[str, str]
) -> None:
    answer = _call(bridge, raw=raw, headers=headers)
    assert answer.status == 200
    assert "replaced_bytes" not in answer.json
    assert [body["content"] for body in bridge.endpoints.bodies] == ["Größe"]


@pytest.mark.requirement("C-0.50")
def test_bytes_that_could_not_be_read_are_told_and_the_message_goes_out(bridge: World) -> None:
    answer = _call(bridge, raw=b"a\xffb", headers={"content-type": "text/plain"})
    assert (answer.status, answer.json["replaced_bytes"]) == (200, 1)
    assert bridge.endpoints.bodies[0]["content"] == "a\ufffdb"


@pytest.mark.requirement("C-0.36")
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-encoding": "br"}, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-type": "text/plain; charset=ebcdic"}, "UNSUPPORTED_MEDIA_TYPE"),
        ({"content-encoding": "gzip"}, "INVALID_REQUEST"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_and_nothing_is_sent(
    bridge: World, headers: dict[str, str], code: str
) -> None:
    refused = _call(bridge, raw=b"{}", headers=headers)
    assert refused.code == code
    assert bridge.logs() == []


def test_each_forwarding_counts_and_a_circle_ends(bridge: World) -> None:
    hops = None
    for expected in range(1, MAX_HOPS + 2):
        headers: dict[str, str] = {} if hops is None else {"x-notification-hops": hops}
        assert _call(bridge, {"text": "x"}, headers=headers).status == 200
        hops = bridge.endpoints.received[-1][1].headers["X-Notification-Hops"]
        assert hops == str(expected)
    ended = _call(bridge, {"text": "x"}, headers={"x-notification-hops": str(hops)})
    assert (ended.status, ended.code) == (409, "LOOP_DETECTED")
    assert len(bridge.endpoints.received) == MAX_HOPS + 1


def test_a_retry_counts_its_forwardings_as_the_first_attempt_did(bridge: World) -> None:
    bridge.endpoints.behave = lambda _: answer(500)
    assert _call(bridge, {"text": "x"}, headers={"x-notification-hops": "3"}).status == 200
    bridge.clock.ms += 60_000
    bridge.deliver_queues()
    sent = [request.headers["X-Notification-Hops"] for _, request in bridge.endpoints.received]
    assert sent == ["4", "4"]


@pytest.mark.parametrize(
    ("hops", "code"),
    [
        *((hops, "INVALID_PARAMETER") for hops in ("", "-1", "x", "1.5", "٣")),
        *((hops, "LOOP_DETECTED") for hops in ("6", "9" * 20, "0" * 10)),
    ],
)
def test_a_count_of_forwardings_that_is_none_or_too_high_is_refused(
    bridge: World, hops: str, code: str
) -> None:
    refused = _call(bridge, {"text": "x"}, headers={"x-notification-hops": hops})
    assert refused.code == code
    assert bridge.endpoints.received == []


@pytest.mark.parametrize(("hops", "next_hops"), [(" 0 ", "1"), ("5", "6"), ("000000005", "6")])
def test_five_forwardings_are_none_too_many(bridge: World, hops: str, next_hops: str) -> None:
    assert _call(bridge, {"text": "x"}, headers={"x-notification-hops": hops}).status == 200
    [(_, request)] = bridge.endpoints.received
    assert request.headers["X-Notification-Hops"] == next_hops


def test_what_utf_8_cannot_carry_does_no_harm(bridge: World) -> None:
    raw = b'{"subject": "\\ud800 a", "text": "b \\udfff \\u0000 c"}'
    assert _call(bridge, raw=raw).status == 200
    [body] = bridge.endpoints.bodies
    assert (body["subject"], body["content"]) == ("\ufffd a", "b \ufffd  c")


def test_a_long_text_is_cut_to_what_a_notification_holds(bridge: World) -> None:
    assert _call(bridge, raw=b"x" * 1_000_000, headers={"content-type": "text/plain"}).status == 200
    assert len(str(bridge.logs()[0]["content"])) == 100_000


@pytest.mark.requirement("C-0.3")
def test_bridge_calls_count_towards_the_address_limit(bridge: World) -> None:
    bridge.address_limiter = CountingLimiter(1)
    assert _call(bridge, {"text": "x"}).status == 200
    assert _call(bridge, {"text": "y"}).status == 429


def test_a_text_that_looks_like_script_passes(bridge: World) -> None:
    assert _call(bridge, {"text": "<script>alert(1)</script>"}).status == 200


def test_an_outage_of_the_database_sends_nothing(bridge: World) -> None:
    from notification.ports.database import DatabaseError

    def fail(statements: object) -> None:
        raise DatabaseError("down")

    bridge.database.before_batch = fail
    assert (_call(bridge, {"text": "x"}).status, bridge.endpoints.received) == (503, [])

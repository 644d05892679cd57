"""Names that users import and call stay; the sync client is what the async one makes it."""

from __future__ import annotations

import inspect
from dataclasses import fields, is_dataclass
from typing import Any

import pytest

import notification_sdk
from notification_sdk import AsyncNotificationClient, NotificationClient
from scripts.make_sync import made, sync_text
from tests.sdk.public_surface import FILE, surface

PUBLIC = {
    "AsyncNotificationBuilder", "AsyncNotificationClient", "Attempt", "AuthenticationError",
    "BatchItem", "BatchOutcome", "CHANNELS", "Channel", "ChannelConfig", "ConflictError",
    "ContentType", "CustomContent", "EnhancedNotificationClient", "Health", "Hooks",
    "InvalidResponse", "LogEntry", "LogPage", "NotFoundError", "NotificationBuilder",
    "NotificationClient", "NotificationError", "NotificationRequest", "PermissionDenied",
    "RateLimitError", "Redriven", "RequestTimeout", "RetryPolicy", "RetryStats", "SendResponse",
    "SendResult", "ServerError", "SmartChannelSelector", "StatusError", "Template",
    "TemplateContent", "TemplatePreview", "TemplateRenderer", "TemplateText", "TransportError",
    "UnknownFieldsWarning",
    "ValidationError", "VariableCheck", "WebhookEvent", "WebhookHandler",
    "WebhookVerificationError", "WebhookVerifier", "create_hmac_signature", "sign_request",
    "verify_hmac_signature", "verify_standard_webhook", "verify_webhook_signature",
}  # fmt: skip
CLIENT = {
    "base_url", "builder", "channels", "close", "configs", "create_session",
    "get_notification_logs", "health", "health_check", "logs", "notify", "presets", "quick",
    "retry", "select_channels", "send", "send_and_confirm", "send_batch_notifications", "send_bulk",
    "send_notification", "smart_send", "templates", "users",
}  # fmt: skip
NAMESPACES = {
    "configs": {
        "activate", "active_channels", "deactivate", "delete", "get", "iterate", "list", "set",
    },
    "logs": {"cleanup", "get", "get_by_request_id", "iterate", "query"},
    "presets": {
        "alert", "maintenance", "order_update", "password_reset", "payment_success", "report",
        "security_alert", "verification_code", "welcome",
    },
    "quick": {"from_template", "lark", "slack", "telegram", "webhook"},
    "retry": {"cancel", "get_stats", "redrive", "trigger"},
    "templates": {"create", "delete", "get", "iterate", "list", "render", "update"},
    "users": {"delete", "export"},
}  # fmt: skip


def public(value: object) -> set[str]:
    # pytest leaves names of its own, `@py_…`, in modules whose assertions it rewrites.
    return {name for name in dir(value) if not name.startswith(("_", "@"))}


@pytest.fixture
def client() -> NotificationClient:
    return NotificationClient("https://notify.example.com")


def test_the_package_exports_these_names_and_no_others() -> None:
    assert set(notification_sdk.__all__) == PUBLIC
    modules = {"apprise_plugin", "pytest_plugin", "testing", "webhooks"}
    assert public(notification_sdk) - modules == PUBLIC


def test_parameters_defaults_and_fields_stay_as_they_are() -> None:
    """Where one is to change, run `python -m tests.sdk.public_surface`."""
    assert list(surface()) == FILE.read_text(encoding="utf-8").splitlines()


def test_the_client_has_these_methods_and_no_others(client: NotificationClient) -> None:
    assert public(client) == CLIENT
    for name, methods in NAMESPACES.items():
        assert public(getattr(client, name)) == methods, name


def test_both_clients_take_the_same_arguments(client: NotificationClient) -> None:
    other = AsyncNotificationClient("https://notify.example.com")
    pairs: list[tuple[Any, Any]] = [(client, other)]
    pairs += [(getattr(client, name), getattr(other, name)) for name in NAMESPACES]
    compared = 0
    for left, right in pairs:
        assert public(left) - {"close"} == public(right) - {"aclose"}
        for name in public(left) - {"close"}:
            function = getattr(left, name)
            if inspect.ismethod(function):
                parameters = inspect.signature(function).parameters
                assert list(parameters) == list(inspect.signature(getattr(right, name)).parameters)
                compared += 1
    assert compared > 30


def test_the_sync_package_is_made_from_the_async_one() -> None:
    for file, text in made().items():
        assert file.read_text(encoding="utf-8") == text, "run: python scripts/make_sync.py"


def test_words_that_only_async_code_has_go() -> None:
    source = (
        '"""It calls."""\n\nimport time\n\nimport anyio\n\n'
        "async def f(c: AsyncCaller) -> None:\n    await c.aclose()\n"
    )
    made_text = sync_text(source)
    assert made_text.startswith('"""It calls.\n\nMade of the async package by')
    assert made_text.endswith("import time\n\n\ndef f(c: Caller) -> None:\n    c.close()\n")


def test_the_earlier_name_of_the_client_is_kept() -> None:
    assert notification_sdk.EnhancedNotificationClient is NotificationClient


def test_values_are_built_by_the_names_of_their_fields() -> None:
    values = [each for each in map(notification_sdk.__dict__.get, PUBLIC) if is_dataclass(each)]
    assert len(values) > 10
    by_place = {
        (value.__name__, field.name)  # type: ignore[union-attr]
        for value in values
        for field in fields(value)
        if not field.kw_only
    }
    # Those of one or two fields alone may be built by place.
    assert by_place == {
        *(("BatchOutcome", "items"), ("VariableCheck", "missing"), ("VariableCheck", "valid"))
    }


def test_a_failure_of_the_network_may_have_arrived_unless_it_says_otherwise() -> None:
    for kind in (notification_sdk.TransportError, notification_sdk.RequestTimeout):
        assert kind("x").never_arrived is False
        assert kind("x", never_arrived=True).never_arrived is True
    assert notification_sdk.TransportError("x").code == "NETWORK_ERROR"
    assert notification_sdk.RequestTimeout("x").code == "TIMEOUT"

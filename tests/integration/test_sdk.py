"""The client library against the real service, and the fake service against both."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import anyio
import pytest

from notification_sdk import (
    AsyncNotificationClient,
    NotificationClient,
    NotificationError,
    NotificationRequest,
    WebhookVerifier,
)
from notification_sdk.testing import FakeNotificationService
from tests.installation import Installation

pytestmark = [pytest.mark.workerd, pytest.mark.requirement("C-10.1")]
Facts = list[Any]


def real(installation: Installation) -> NotificationClient:
    outputs = installation.outputs()
    return NotificationClient(
        outputs["service_url"], outputs["api_secret_key"], now=installation.now, trust_env=False
    )


@pytest.fixture
def client(installation: Installation) -> Iterator[NotificationClient]:
    with real(installation) as made:
        yield made


def refusal(call: Callable[[], object]) -> tuple[str, int | None, str]:
    with pytest.raises(NotificationError) as raised:
        call()
    error = raised.value
    return type(error).__name__, error.status, error.code


def scenario(client: NotificationClient, hook: str, user: str, later: datetime) -> Facts:
    """What a program may notice of a service, without ids and times."""
    facts: Facts = []
    facts.append(refusal(lambda: client.send(NotificationRequest(user_id="", channels=("lark",)))))
    facts.append(refusal(lambda: client.configs.set(user, "pigeon", {"webhook_url": hook})))
    facts.append(refusal(lambda: client.configs.deactivate(user, "webhook")))
    made = client.configs.set(user, "webhook", {"webhook_url": hook})
    facts += [made.channel, made.is_active, made.config]
    client.configs.set(user, "slack", {"webhook_url": hook})
    facts.append(client.configs.deactivate(user, "slack").is_active)
    facts.append(client.configs.active_channels(user))

    request = NotificationRequest(
        user_id=user,
        channels=("webhook", "slack", "webhook"),
        custom_content={"subject": "Order", "content": "Shipped"},
        idempotency_key="order-1",
        metadata={"order": 1},
    )
    for _ in range(2):
        sent = client.send(request)
        facts.append((sent.replayed, [(r.channel, r.status, r.code) for r in sent.results]))
    facts.append(
        refusal(
            lambda: client.send_notification(
                user, ["webhook"], custom_content={"content": "x"}, idempotency_key="order-1"
            )
        )
    )
    for channels in (["slack"], ["pigeon"]):
        facts.append(
            refusal(lambda c=channels: client.send_notification(  # type: ignore[misc]
                user, c, custom_content={"content": "x"}
            ))
        )  # fmt: skip
    facts.append(refusal(lambda: client.send_notification(user, ["webhook"])))

    bulk = client.send_bulk([request, NotificationRequest(user_id="nobody"), request])
    facts.append(
        [(i.response and i.response.replayed, i.error and i.error.code) for i in bulk.items]
    )

    key = f"t-{user}"
    facts.append(refusal(lambda: client.templates.get(key)))
    facts.append(refusal(lambda: client.send_notification(user, ["webhook"], template_key=key)))
    client.templates.create(
        key,
        name="Order",
        variables=["id"],
        contents={"webhook": {"content_template": "{{id}} of {{n}}", "subject_template": "S"}},
    )
    client.templates.update(key, description="An order")
    template = client.templates.get(key)
    facts += [template.name, template.description, template.variables, template.channels]
    facts += [template.contents[0].content_template, template.contents[0].content_type]
    preview = client.templates.render(key, {"id": 7})["webhook"]
    facts.append((preview.subject, preview.content, preview.missing_variables))
    sent = client.send_notification(
        user, ["webhook"], template_key=key, variables={"id": 1, "n": 2}
    )
    facts.append([result.status for result in sent.results])
    facts.append(key in [each.key for each in client.templates.iterate(page_size=2)])
    client.templates.delete(key)
    facts.append(key in [each.key for each in client.templates.iterate(page_size=2)])
    facts.append(refusal(lambda: client.send_notification(user, ["webhook"], template_key=key)))

    client.configs.set(user, "webhook:spare", {"webhook_url": hook})
    sent = client.send_notification(
        user, [["webhook", "webhook:spare"]], custom_content={"content": "Either"}
    )
    facts.append([(r.channel, r.status) for r in sent.results])
    facts.append([r.fallback_of == sent.results[0].log_id for r in sent.results])
    planned = client.notify().to(user).via("webhook").content("Later").at(later).send()
    facts.append([(r.status, r.waits_until) for r in planned.results])
    facts.append(client.retry.cancel(*(r.log_id for r in planned.results)))
    redriven = client.retry.redrive(user_id=user, code="NO_SUCH_CODE")
    facts.append((redriven.matched, redriven.queued, redriven.skipped, redriven.next))

    rows = list(client.logs.iterate(user_id=user, page_size=2))
    facts.append([(r.channel, r.status, r.template_key, r.subject, r.content) for r in rows])
    facts.append([(r.variables, r.metadata) for r in rows])
    facts.append(client.logs.query(user_id=user, limit=1).total)
    facts.append(client.logs.get(rows[0].id).message_id == rows[0].message_id)
    found = client.logs.get_by_request_id(planned.request_id)
    facts.append([entry.id for entry in found] == [rows[0].id])
    facts.append(refusal(lambda: client.logs.get(999_999_999)))
    facts.append(client.health_check())
    client.configs.delete(user, "slack")
    facts.append(refusal(lambda: client.configs.delete(user, "slack")))
    facts += refusals(client, user)
    facts += erasure(client, user, later)
    return facts


def refusals(client: NotificationClient, user: str) -> Facts:
    """What a service refuses of what a program may get wrong, with its words."""
    facts: Facts = []
    text: Any = {"content": "x"}
    for wrong in (
        {"custom_content": "x"},
        {"custom_content": {"content": ""}},
        {"custom_content": {"content": " "}},
        {"custom_content": {"content": "x" * 100_001}},
        {"custom_content": text, "idempotency_key": ""},
        {"custom_content": text, "idempotency_key": "k" * 256},
        {"custom_content": text, "metadata": {"a": "b" * 4_089}},
        {"custom_content": text, "metadata": []},
        {"custom_content": text, "variables": []},
        {"custom_content": text, "send_at": "tomorrow"},
        {"custom_content": text, "send_at": "2026-12-01T09:00:00"},
    ):
        with pytest.raises(NotificationError) as refused:
            client.send_notification(user, ["webhook"], **wrong)
        facts.append((refused.value.status, refused.value.code, refused.value.message))
    whole: Any = {"a": "b" * 4_088}
    facts.append(
        client.send_notification(user, ["webhook"], custom_content=text, metadata=whole).accepted
    )
    for query in ({"status": "lost"}, {"limit": 0}, {"limit": 1_001}, {"offset": -1}):
        with pytest.raises(NotificationError) as refused:
            client.logs.query(**query)
        facts.append((refused.value.status, refused.value.code, refused.value.message))
    facts.append(client.logs.query(user_id=user, status="retry").total)
    return facts


def erasure(client: NotificationClient, user: str, later: datetime) -> Facts:
    """What is exported, cleaned up and erased."""
    facts: Facts = []
    pages = list(client.users.export(user, page_size=2))
    facts.append([len(page["notifications"]) for page in pages])
    facts.append([row["channel_type"] for page in pages for row in page["notifications"]])
    facts.append(sorted(config["channel_type"] for config in pages[0]["configs"]))
    facts.append(client.logs.cleanup("2001-01-01"))
    facts.append(refusal(lambda: client.logs.cleanup("2001-01-01", status="pending")))
    client.notify().to(user).via("webhook").content("Waits").at(later).send()
    facts.append(refusal(lambda: client.users.delete(user)))
    client.users.delete(user, force=True)
    facts.append(client.logs.query(user_id=user).total)
    facts.append(client.configs.list(user))
    facts.append(refusal(lambda: client.users.delete(user)))
    facts.append(refusal(lambda: list(client.users.export(user))))
    return facts


def test_the_fake_service_behaves_as_the_real_one(
    installation: Installation, client: NotificationClient
) -> None:
    user = f"user-{secrets.token_hex(4)}"
    hook = f"{installation.sink_url}/hook/{user}"
    with FakeNotificationService().client() as fake:
        later = datetime.fromtimestamp(int(installation.now()) + 3600, UTC)
        expected = scenario(client, hook, user, later)
        found = scenario(fake, hook, user, later)
    assert len(found) == len(expected)
    differences = [pair for pair in zip(expected, found, strict=True) if pair[0] != pair[1]]
    assert differences == [], "the service's first, the fake's second"
    assert len(expected) > 30
    assert (False, [("webhook", "sent", None), ("slack", "failed", "CHANNEL_NOT_CONFIGURED")]) in (
        expected
    )
    bodies = [json.loads(each["body"]) for each in installation.arrivals(f"/hook/{user}")]
    assert [body["content"] for body in bodies] == ["Shipped", "1 of 2", "Either", "x"]


def test_the_services_webhooks_are_genuine(
    installation: Installation, client: NotificationClient
) -> None:
    user = f"user-{secrets.token_hex(4)}"
    standard = "whsec_" + "A" * 42 + "E="
    hook = f"{installation.sink_url}/hook/{user}"
    for config in (
        {"secret": "both know"},
        {"signing": "standard-webhooks", "signing_secret": standard},
    ):
        client.configs.set(user, "webhook", {"webhook_url": hook, **config})
        sent = client.quick.webhook(user, "It works")
        arrival = installation.arrivals(f"/hook/{user}")[-1]
        verifier = WebhookVerifier(
            secret="both know", standard_secrets=standard, now=installation.now
        )
        event = verifier.verify(arrival["headers"], arrival["body"].encode())
        assert (event.content, event.message_id) == ("It works", sent.results[0].message_id)


def test_a_person_is_exported_and_erased(
    installation: Installation, client: NotificationClient
) -> None:
    user = f"user-{secrets.token_hex(4)}/ü"
    client.configs.set(user, "webhook", {"webhook_url": f"{installation.sink_url}/hook/erased"})
    for number in range(3):
        client.quick.webhook(user, f"text {number}")
    pages = list(client.users.export(user, page_size=2))
    assert [n["content"] for page in pages for n in page["notifications"]] == [
        "text 0", "text 1", "text 2",
    ]  # fmt: skip
    client.users.delete(user)
    assert client.configs.list(user) == ()
    assert list(client.logs.iterate(user_id=user)) == []
    assert refusal(lambda: client.users.delete(user))[0] == "NotFoundError"


def test_the_async_client_speaks_with_the_service(installation: Installation) -> None:
    outputs = installation.outputs()
    user = f"user-{secrets.token_hex(4)}"

    async def run() -> list[str]:
        async with AsyncNotificationClient(
            outputs["service_url"], outputs["api_secret_key"], now=installation.now, trust_env=False
        ) as client:
            hook = f"{installation.sink_url}/hook/{user}"
            await client.configs.set(user, "webhook", {"webhook_url": hook})
            requests = [
                NotificationRequest(user_id=user, custom_content={"content": f"text {number}"})
                for number in range(4)
            ]
            outcome = await client.send_batch_notifications(requests, concurrency=2)
            assert not outcome.failed
            _, confirmed = await client.send_and_confirm(requests[0])
            assert confirmed
            return [str(entry.content) async for entry in client.logs.iterate(user_id=user)]

    assert sorted(anyio.run(run)) == ["text 0", "text 0", "text 1", "text 2", "text 3"]


def test_failed_notifications_are_queued_again_and_cleaned_up(
    installation: Installation, client: NotificationClient
) -> None:
    user = f"user-{secrets.token_hex(4)}"
    hook = f"{installation.sink_url}/hook/{user}?status=404"
    client.configs.set(user, "webhook", {"webhook_url": hook})
    sent = client.quick.webhook(user, "x")
    assert sent.results[0].status == "failed"
    assert client.retry.trigger(sent.results[0].log_id) == 1
    assert client.retry.trigger(user_id="nobody-at-all") == 0
    assert client.retry.get_stats(user).total_retries == 0
    assert client.logs.cleanup("2026-01-01") >= 0

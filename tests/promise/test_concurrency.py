"""Many callers at once on the real runtime."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import Counter
from typing import Any

import httpx
import pytest

from ops.service import sign
from tests.promise.real_installation import RealInstallation
from tests.promise.workerd_timeline import WorkerdTimeline

pytestmark = pytest.mark.workerd
PATH = "/api/notifications/send"


async def _all_at_once(
    real: RealInstallation, body: dict[str, Any], count: int
) -> list[httpx.Response]:
    outputs = real.installation.outputs()
    content = json.dumps(body).encode()
    timestamp = str(int(real.now() * 1000))
    headers = {
        "Content-Type": "application/json",
        "X-Timestamp": timestamp,
        "X-Signature-Version": "2",
        "X-Signature": sign(outputs["api_secret_key"], timestamp, "POST", PATH, content),
    }
    limits = httpx.Limits(max_connections=count)
    async with httpx.AsyncClient(
        base_url=outputs["service_url"], limits=limits, timeout=120, trust_env=False
    ) as client:
        calls = [client.post(PATH, content=content, headers=headers) for _ in range(count)]
        return await asyncio.gather(*calls)


@pytest.mark.requirement("B-06")
@pytest.mark.parametrize(("count", "takes"), [(200, 0.0), (40, 9.0)], ids=["quick", "slow"])
def test_simultaneous_requests_with_one_key_have_one_effect(
    real: RealInstallation, count: int, takes: float
) -> None:
    with WorkerdTimeline(real) as timeline:
        timeline.configure("ann")
        timeline.endpoint("ann").slow(takes)
        user = timeline.user("ann")
        body = {
            "user_id": user,
            "channels": ["webhook"],
            "custom_content": {"content": "push1end"},
            "idempotency_key": secrets.token_hex(8),
        }
        answers = asyncio.run(_all_at_once(real, body, count))
        rows = timeline.rows("ann")
        calls = timeline.attempts()

    statuses = Counter(answer.status_code for answer in answers)
    print(f"{count} requests with one key: {dict(statuses)}")  # noqa: T201 - the test's figure
    assert set(statuses) <= {200, 409}
    assert statuses[200] >= 1
    assert takes == 0 or statuses[409] >= 1
    [row] = rows
    assert row["status"] == "sent"
    assert len(calls) == 1
    for answer in answers:
        if answer.status_code == 200:
            [result] = answer.json()["results"]
            assert (result["messageId"], result["status"]) == (row["message_id"], "sent")
        else:
            assert answer.json()["code"] == "IDEMPOTENCY_IN_PROGRESS"
            assert int(answer.headers["Retry-After"]) >= 1

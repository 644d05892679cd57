"""Every credential is compared in constant time, by one function."""

from __future__ import annotations

import hmac

import pytest

from tests.worker.caller import API_KEY
from tests.worker.routes.test_grafana import PASSWORD, USER, basic
from tests.worker.world import World

SECRET = "a-secret-of-more-than-thirty-two-characters"
CALLS = {
    "signature": ("GET", "/api/user-configs", {}, 2),
    "administrator's key": ("POST", "/api/cleanup-logs", {"x-api-key": "wrong"}, 1),
    "scraper's token": ("GET", "/metrics", {"authorization": "Bearer wrong"}, 1),
    "grafana": ("POST", "/api/webhooks/grafana", {"authorization": basic("a", "b")}, 2),
    "bridge": ("POST", "/web_hook/bridge/u1/webhook", {"x-bridge-token": "wrong"}, 1),
}
"""What is called with a wrong credential, and how many comparisons that takes: both signing keys,
and name as well as password, whatever the first comparison said."""


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """The pairs that were compared in constant time."""
    pairs: list[tuple[bytes, bytes]] = []
    really = hmac.compare_digest

    def compare(first: bytes, second: bytes) -> bool:
        pairs.append((first, second))
        return really(first, second)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    return pairs


@pytest.mark.requirement("B-38", "C-1.6", "C-1.7", "C-1.8")
@pytest.mark.parametrize("kind", CALLS)
def test_a_wrong_credential_is_compared_in_constant_time(
    world: World, compared: list[tuple[bytes, bytes]], kind: str
) -> None:
    world.environment |= {
        "API_SECRET_KEY_PREVIOUS": SECRET,
        "ADMIN_API_KEY": SECRET,
        "METRICS_TOKEN": SECRET,
        "BRIDGE_TOKEN": SECRET,
        "GRAFANA_WEBHOOK_USERNAME": USER,
        "GRAFANA_WEBHOOK_PASSWORD": PASSWORD,
    }
    method, target, headers, comparisons = CALLS[kind]
    wrong = {"x-timestamp": str(world.clock.ms), "x-signature": "0" * 64}
    sent = wrong if kind == "signature" else headers
    body: dict[str, str] | None = {} if method == "POST" else None
    answer = world.request(method, target, body, signed=False, headers=sent)
    assert answer.status == 401, answer.text
    assert len(compared) == comparisons
    assert API_KEY not in answer.text

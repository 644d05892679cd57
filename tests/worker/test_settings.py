"""Settings, and the switches among them."""

from __future__ import annotations

import pytest

from notification.settings import Settings
from tests.worker.timeline import Timeline
from tests.worker.world import World


@pytest.mark.parametrize("text", ["", "abc", "-5", "0", "٣", "1.5"])
@pytest.mark.requirement("C-11")
def test_a_malformed_number_takes_its_default(text: str) -> None:
    assert Settings.read({"MAX_REQUEST_SIZE": text}).max_request_size == 1_048_576


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("ON", True), ("1", True), ("false", False), ("off", False), ("", True)],
)
def test_switches_have_the_usual_spellings(text: str, value: bool) -> None:
    assert Settings.read({"SIGNATURE_V1": text}).accept_signature_v1 is value


@pytest.mark.requirement("C-11")
def test_nothing_set_means_a_cautious_development_stack() -> None:
    settings = Settings.read({})
    assert settings.environment == "development"
    assert settings.allow_loopback_endpoints is False
    assert settings.maintenance is False
    assert settings.secret_weakness() == "API_SECRET_KEY is not set"


@pytest.mark.requirement("C-11")
def test_a_channel_that_is_switched_off_is_not_called(world: World) -> None:
    world.configure()
    world.environment["FEATURE_WEBHOOK_ENABLED"] = "false"
    [result] = world.send().json["results"]
    assert (result["status"], result["code"]) == ("failed", "UNSUPPORTED_CHANNEL")
    assert result["error"] == "Channel webhook is switched off"
    assert world.endpoints.received == []


def test_without_retries_a_failure_is_final(world: World) -> None:
    world.configure()
    world.environment["FEATURE_RETRY_ENABLED"] = "false"
    timeline = Timeline(world).endpoint_answers(500).at(0).send()
    timeline.at(600).expect(attempts=1, status="failed", retries=0)


def test_without_the_cache_nothing_is_kept_there(world: World) -> None:
    world.configure()
    world.environment["FEATURE_CACHE_ENABLED"] = "false"
    world.request("GET", "/api/user-configs?user_id=u1&channel_type=webhook")
    assert world.cache.values == {}

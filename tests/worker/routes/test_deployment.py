"""The release that answers: its version, its schema level, and the fingerprints of its secrets."""

from __future__ import annotations

import json

import pytest

from infra.release import secret_fingerprints
from infra.settings.secret_model import Secrets
from notification.ports.platform import VersionMetadata
from tests.infra.stack_inputs import checked_config
from tests.worker.caller import API_KEY
from tests.worker.endpoints import answer
from tests.worker.world import World

WORKER = "notification-system"
ENCRYPT_KEY = "0123456789abcdef0123456789abcdef"


def declared(world: World, **changes: str) -> dict[str, str]:
    """Bind what the Pulumi program binds for these secrets."""
    config = checked_config(apiSecretKey="a1" * 32, encryptKey=ENCRYPT_KEY)
    secrets: Secrets = config.secrets().model_copy(
        update={"api_secret_key": type(config.secrets().api_secret_key)(API_KEY)}
    )
    prints = {n.upper(): v for n, v in secret_fingerprints(secrets, WORKER).items()}
    world.environment |= {
        "WORKER_NAME": WORKER,
        "SCHEMA_LEVEL": "7",
        "SECRET_FINGERPRINTS": json.dumps(prints),
        **changes,
    }
    world.configure()
    return prints


@pytest.mark.requirement("PD-07")
def test_a_signed_caller_learns_the_release_and_its_secrets_fingerprints(world: World) -> None:
    prints = declared(world)
    answer = world.request("GET", "/api/deployment")
    assert answer.status == 200
    assert answer.json["data"] == {
        "worker": WORKER,
        "versionId": "version-1",
        "tag": "tag-1",
        "schemaLevel": 7,
        "secretFingerprints": prints,
        "changedSecrets": [],
    }
    assert answer.headers["Cache-Control"] == "no-store"
    assert API_KEY not in answer.text
    assert ENCRYPT_KEY not in answer.text


@pytest.mark.requirement("PD-07")
def test_a_secret_that_was_changed_behind_the_releases_back_is_named(world: World) -> None:
    declared(world, ENCRYPT_KEY="f" * 32, METRICS_TOKEN="m" * 32)
    data = world.request("GET", "/api/deployment").json["data"]
    assert data["changedSecrets"] == ["ENCRYPT_KEY", "METRICS_TOKEN"]


def test_nobody_else_learns_anything(world: World) -> None:
    declared(world)
    assert world.request("GET", "/api/deployment", signed=False).status == 401


def test_health_tells_the_schema_level_of_the_version(world: World) -> None:
    declared(world)
    health = world.request("GET", "/health", signed=False).json
    assert health["deployment"]["schema_level"] == 7


@pytest.mark.requirement("C-9")
def test_the_versions_that_made_attempts_are_told_with_what_came_of_them(world: World) -> None:
    world.configure()
    world.running = VersionMetadata(id="aaaaaaaa-1111", tag="", timestamp="")
    world.send()
    world.clock.ms += 60_000
    world.running = VersionMetadata(id="bbbbbbbb-2222", tag="", timestamp="")
    world.send()
    world.endpoints.behave = lambda request: answer(404)
    world.send()

    found = world.request("GET", "/api/deployment/versions").json["data"]

    told = [(v["version"], v["attempts"], v["accepted"], v["running"]) for v in found["versions"]]
    newer, older = (v["version"] for v in found["versions"])
    assert "bbbbbbbb-2222".startswith(newer)
    assert "aaaaaaaa-1111".startswith(older)
    assert told == [(newer, 2, 1, True), (older, 1, 1, False)]
    world.clock.ms += 30_000
    recent = world.request("GET", "/api/deployment/versions?minutes=1").json["data"]
    assert [v["version"] for v in recent["versions"]] == [newer]

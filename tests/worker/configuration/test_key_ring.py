"""Encryption at rest."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.configuration.key_ring import KeyRing, SealedTextError, derive_key, key_id
from tests.worker.world import ENDPOINT, World

PLACE = ("user_configs", "u1", "webhook", "config_data")
OLD_KEY = "dev-encrypt-key-32-chars-secure!"
OLD_SEALED = (
    "enc:v1:AAECAwQFBgcICQoLqt7lQaGLGrHQb/OUGqADUTjYEm+5cYCVq8TkC6P7u4K/Kp19Ag0/clgc0lMP9y5MntD/"
    "+JCkQ2jLCg=="
)


@pytest.mark.requirement("C-16", "C-3.9")
def test_the_golden_vector_opens(world: World) -> None:
    world.environment["ENCRYPT_KEY"] = OLD_KEY
    opened = world.run(KeyRing(world.platform()).open(OLD_SEALED, *PLACE))
    assert opened == '{"webhook_url":"https://example.com/hook"}'


def test_the_previous_key_opens_what_it_sealed(world: World) -> None:
    world.environment["ENCRYPT_KEY_PREVIOUS"] = OLD_KEY
    assert "example.com" in world.run(KeyRing(world.platform()).open(OLD_SEALED, *PLACE))
    before = World()
    before.environment["ENCRYPT_KEY"] = OLD_KEY
    sealed = before.run(KeyRing(before.platform()).seal("{}", *PLACE))
    assert world.run(KeyRing(world.platform()).open(sealed, *PLACE)) == "{}"


@settings(deadline=None)
@given(st.text(max_size=200))
def test_what_is_sealed_opens_again_and_shows_nothing(text: str) -> None:
    world = World()
    keys = KeyRing(world.platform())
    sealed = world.run(keys.seal(text, *PLACE))
    kid = key_id(derive_key(world.environment["ENCRYPT_KEY"]))
    assert sealed.startswith(f"enc:v2:{kid}:")
    assert len(text) < 8 or text not in sealed
    assert world.run(keys.open(sealed, *PLACE)) == text


def test_two_seals_of_one_text_differ(world: World) -> None:
    keys = KeyRing(world.platform())
    assert world.run(keys.seal("x", *PLACE)) != world.run(keys.seal("x", *PLACE))


@pytest.mark.parametrize(
    "place",
    [
        ("user_configs", "u2", "webhook", "config_data"),
        ("user_configs", "u1", "slack", "config_data"),
        ("other", "u1", "webhook", "config_data"),
    ],
)
@pytest.mark.requirement("C-0.11")
def test_a_sealed_text_opens_only_in_its_place(world: World, place: tuple[str, ...]) -> None:
    keys = KeyRing(world.platform())
    sealed = world.run(keys.seal("{}", *PLACE))
    with pytest.raises(SealedTextError):
        world.run(keys.open(sealed, *place))


@pytest.mark.parametrize("stored", ["", "x", "enc:v3:a:b", "enc:v2:00000000:AAAA", "enc:v1:!!"])
def test_what_cannot_be_opened_says_so(world: World, stored: str) -> None:
    with pytest.raises(SealedTextError):
        world.run(KeyRing(world.platform()).open(stored, *PLACE))


def test_a_changed_byte_is_noticed(world: World) -> None:
    keys = KeyRing(world.platform())
    head, _, encoded = world.run(keys.seal("{}", *PLACE)).rpartition(":")
    blob = bytearray(base64.b64decode(encoded))
    blob[-1] ^= 1
    with pytest.raises(SealedTextError):
        world.run(keys.open(f"{head}:{base64.b64encode(blob).decode()}", *PLACE))


@pytest.mark.requirement("B-32")
def test_neither_the_database_nor_the_cache_holds_a_secret_in_clear(world: World) -> None:
    world.configure(webhook_url=ENDPOINT, secret="top-secret-value")
    world.request("GET", "/api/user-configs?user_id=u1&channel_type=webhook")
    [row] = world.database.rows("SELECT config_data FROM user_configs")
    assert row["config_data"].startswith("enc:v2:")
    assert world.cache.values
    stored = json.dumps(world.cache.values) + str(row)
    assert "top-secret-value" not in stored
    assert ENDPOINT not in stored


@pytest.mark.requirement("C-0.28", "C-0.11")
def test_clear_text_of_an_older_installation_works_and_is_sealed_at_the_next_write(
    world: World,
) -> None:
    clear = json.dumps({"webhook_url": ENDPOINT})
    world.database.connection.execute(
        "INSERT INTO user_configs (user_id, channel_type, config_data) VALUES ('u1','webhook',?)",
        (clear,),
    )
    assert world.send().json["results"][0]["status"] == "sent"
    world.configure(webhook_url=ENDPOINT)
    [row] = world.database.rows("SELECT config_data FROM user_configs")
    assert row["config_data"].startswith("enc:v2:")


@pytest.mark.requirement("B-21")
def test_a_row_that_cannot_be_read_fails_its_own_channel_only(world: World) -> None:
    world.configure()
    world.database.connection.execute("UPDATE user_configs SET config_data = 'enc:v2:0:AA'")
    [result] = world.send().json["results"]
    assert (result["status"], result["code"]) == ("failed", "INVALID_CONFIG")
    [shown] = world.request("GET", "/api/user-configs?user_id=u1").json["data"]
    assert shown["config_data"] is None
    assert shown["config_error"] == "INVALID_CONFIG"

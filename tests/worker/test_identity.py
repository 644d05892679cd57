"""Message ids, and the source of their randomness."""

from __future__ import annotations

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.errors import ServiceError
from notification.identity import (
    fold_recipient,
    moment_of_request,
    new_request_id,
    recipient_id,
)
from tests.worker.surroundings import START_MS
from tests.worker.world import World


class NotedRandomness:
    """Counts up, and records what it returned."""

    def __init__(self) -> None:
        self.given: list[bytes] = []

    def token_bytes(self, count: int) -> bytes:
        start = len(self.given)
        self.given.append(bytes((start * 16 + place) % 251 for place in range(count)))
        return self.given[-1]


@pytest.mark.requirement("B-52", "C-1.1")
def test_all_that_is_random_in_a_message_id_comes_from_the_port(world: World) -> None:
    world.configure()
    noted = NotedRandomness()
    world.randomness = noted  # type: ignore[assignment]
    [result] = world.send().json["results"]
    prefix, _, tail = result["messageId"].rpartition("_")
    assert prefix == f"ntf_{START_MS}_webhook"
    slots = {f"{int.from_bytes(given, 'big') % 4096:03x}" for given in noted.given}
    ends = {given.hex()[:9] for given in noted.given}
    assert (tail[:3] in slots, tail[3:] in ends) == (True, True)
    assert len(tail) == 12


@pytest.mark.requirement("B-52")
def test_ids_of_one_millisecond_differ(world: World) -> None:
    world.configure()
    ids = [world.send().json["results"][0]["messageId"] for _ in range(50)]
    assert len(set(ids)) == 50


SPELLINGS = ["rl", "rl ", " rl", "\ufeffrl", "\u00a0rl\u2003", "rl\r\n", "\u2003\ufeff\u2003rl\x85"]


@pytest.mark.requirement("C-1.11")
@pytest.mark.parametrize("written", SPELLINGS)
def test_every_spelling_of_a_recipient_is_one_id(written: str) -> None:
    assert recipient_id(written) == fold_recipient(written) == "rl"


@pytest.mark.requirement("C-0.50")
@pytest.mark.parametrize("written", ["rl\x00", "\x00rl", "r\x07l", "r\nl", "rl \x1b", "r\x9fl"])
def test_a_control_character_in_a_recipient_is_refused_as_a_threat(written: str) -> None:
    with pytest.raises(ServiceError) as refused:
        recipient_id(written)
    assert refused.value.code == "SECURITY_THREAT_DETECTED"
    assert refused.value.text == "user_id must not hold control characters"


@given(st.text())
def test_folding_a_recipient_twice_changes_nothing(written: str) -> None:
    folded = fold_recipient(written)
    assert fold_recipient(folded) == folded
    try:
        accepted = recipient_id(written)
    except ServiceError:
        return
    assert recipient_id(accepted) == accepted == folded


@given(st.integers(0, (1 << 48) - 1), st.binary(min_size=10, max_size=10))
def test_a_request_id_has_version_4s_form_and_tells_its_time(now_ms: int, drawn: bytes) -> None:
    class Drawn:
        def token_bytes(self, count: int) -> bytes:
            assert count == 10
            return drawn

    request_id = new_request_id(now_ms, Drawn())
    assert (UUID(request_id).version, UUID(request_id).variant) == (4, RFC_4122)
    assert moment_of_request(request_id) == now_ms
    # What is left of the random bytes is in it.
    assert request_id.replace("-", "")[17:] == drawn.hex()[4:19]


@pytest.mark.parametrize("text", ["", "x", "01890a5d-ac96-7b1a-9abc-0123456789ab", "alert"])
def test_an_id_of_another_form_tells_no_time(text: str) -> None:
    assert moment_of_request(text) is None

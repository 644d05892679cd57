"""Message ids, and the source of their randomness."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notification.errors import ServiceError
from notification.identity import fold_recipient, recipient_id
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

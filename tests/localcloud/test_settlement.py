"""What becomes of the messages of a batch."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.broker.message_store import Message
from localcloud.broker.settlement import Settlement, settle

NOW = 1_000_000


def message(name: str, attempts: int = 0) -> Message:
    """A message with that id; its sequence is the number in the name."""
    return Message(int(name[1:]), name, NOW, NOW, attempts, "json", b"1")


def decide(answer: dict[str, Any], *, attempts: int = 0, retry_delay_s: int = 7) -> Settlement:
    """The settlement of three messages m1, m2, m3 with at most 2 retries."""
    batch = [message(name, attempts) for name in ("m1", "m2", "m3")]
    return settle(batch, answer, max_retries=2, retry_delay_s=retry_delay_s, now_ms=NOW)


def summary(result: Settlement) -> tuple[list[str], dict[int, int], list[str]]:
    """Done ids, delays in seconds by sequence, dead ids."""
    delays = {retry.sequence: (retry.visible_ms - NOW) // 1000 for retry in result.retries}
    return [m.id for m in result.done], delays, [m.id for m in result.dead]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"outcome": "ok"}, (["m1", "m2", "m3"], {}, [])),
        ({"outcome": "ok", "ackAll": True}, (["m1", "m2", "m3"], {}, [])),
        ({"outcome": "ok", "retryMessages": [{"msgId": "m2"}]}, (["m1", "m3"], {2: 7}, [])),
        (
            {"outcome": "ok", "retryMessages": [{"msgId": "m2", "delaySeconds": 0}]},
            (["m1", "m3"], {2: 0}, []),
        ),
        (
            {"outcome": "ok", "retryBatch": {"retry": True}, "explicitAcks": ["m1"]},
            (["m1"], {2: 7, 3: 7}, []),
        ),
        (
            {"outcome": "ok", "retryBatch": {"retry": True, "delaySeconds": 30}},
            ([], {1: 30, 2: 30, 3: 30}, []),
        ),
        ({"outcome": "exception", "explicitAcks": ["m3"]}, (["m3"], {1: 7, 2: 7}, [])),
        ({"outcome": "exception", "ackAll": True}, (["m1", "m2", "m3"], {}, [])),
        ({"outcome": "exceededCpu"}, ([], {1: 7, 2: 7, 3: 7}, [])),
        (
            {
                "outcome": "exception",
                "retryMessages": [{"msgId": "m1", "delaySeconds": 99}],
                "retryBatch": {"retry": False},
            },
            ([], {1: 99, 2: 7, 3: 7}, []),
        ),
        (
            {"outcome": "ok", "ackAll": True, "retryMessages": [{"msgId": "m1"}]},
            (["m2", "m3"], {1: 7}, []),
        ),
    ],
)
def test_acknowledged_retried_and_failed_messages_are_told_apart(
    answer: dict[str, Any], expected: tuple[list[str], dict[int, int], list[str]]
) -> None:
    assert summary(decide(answer)) == expected


def test_a_message_is_dead_after_its_retries_are_used_up() -> None:
    failed = {"outcome": "exception"}
    assert summary(decide(failed, attempts=1))[2] == []
    assert summary(decide(failed, attempts=2))[2] == ["m1", "m2", "m3"]


@given(
    outcome=st.sampled_from(["ok", "exception"]),
    acks=st.sets(st.sampled_from(["m1", "m2", "m3"])),
    retries=st.sets(st.sampled_from(["m1", "m2", "m3"])),
    attempts=st.integers(0, 4),
    batch=st.booleans(),
)
def test_every_message_has_exactly_one_fate(
    outcome: str, acks: set[str], retries: set[str], attempts: int, batch: bool
) -> None:
    answer = {
        "outcome": outcome,
        "explicitAcks": list(acks),
        "retryMessages": [{"msgId": name} for name in retries],
        "retryBatch": {"retry": batch},
    }
    done, delays, dead = summary(decide(answer, attempts=attempts))
    fates = [*done, *(f"m{number}" for number in delays), *dead]
    assert sorted(fates) == ["m1", "m2", "m3"]
    assert acks <= set(done)

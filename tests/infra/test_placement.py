"""Which database has a recipient: the same answer here and in the Worker, for ever."""

import json
from collections import Counter

import pytest

from infra.shards import record
from infra.shards.placement import shard_of
from infra.shards.record import Placement, PlacementUnknown
from notification import placement as workers


def test_placement_is_what_it_was() -> None:
    found = {user: [shard_of(user, n) for n in range(1, 9)] for user in ("user-1", "ä@x", "u2")}
    assert found == {
        "user-1": [0, 0, 2, 2, 2, 2, 2, 2],
        "ä@x": [0, 1, 1, 1, 1, 1, 1, 1],
        "u2": [0, 1, 1, 1, 1, 1, 1, 1],
    }


def test_the_worker_finds_every_recipient_where_the_mover_puts_it() -> None:
    users = [f"user-{number}" for number in range(300)] + ["ä@x", "用户", "x" * 100]
    for n in range(1, 9):
        assert [workers.shard_of(user, n) for user in users] == [shard_of(u, n) for u in users]
    assert record.KEY == workers.KEY
    for written in (Placement(), Placement(3), Placement(3, 4), Placement(8, 1)):
        assert workers.parse_placement(written.text) == (written.n, written.moving_to)


def test_one_more_database_takes_its_share_and_moves_nobody_else() -> None:
    users = [f"user-{number}" for number in range(4_000)]
    for n in range(1, 8):
        moved = [user for user in users if shard_of(user, n) != shard_of(user, n + 1)]
        assert {shard_of(user, n + 1) for user in moved} == {n}
        assert len(moved) == pytest.approx(len(users) / (n + 1), rel=0.15)
    spread = Counter(shard_of(user, 8) for user in users)
    assert min(spread.values()) > 400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3",
        "null",
        "[]",
        "{}",
        '{"n": 3}',
        '{"n": 0, "moving_to": null}',
        '{"n": 9, "moving_to": null}',
        '{"n": true, "moving_to": null}',
        '{"n": "3", "moving_to": null}',
        '{"n": 3.0, "moving_to": null}',
        '{"n": 3, "moving_to": 0}',
        '{"n": 3, "moving_to": null, "more": 1}',
        "[" * 100_000,
    ],
)
def test_a_malformed_record_is_never_read_as_another(text: str) -> None:
    with pytest.raises(PlacementUnknown, match="shards"):
        Placement.parse(text)


@pytest.mark.parametrize("placement", [Placement(), Placement(3), Placement(3, 4), Placement(8, 1)])
def test_a_record_is_read_as_it_was_written(placement: Placement) -> None:
    assert Placement.parse(placement.text) == placement
    assert json.loads(placement.text) == {"n": placement.n, "moving_to": placement.moving_to}


@pytest.mark.parametrize("length", [78, 79])
def test_a_malformed_record_is_shown_in_eighty_characters(length: int) -> None:
    text = f'"{"x" * length}"'
    with pytest.raises(PlacementUnknown) as refused:
        Placement.parse(text)
    assert str(refused.value) == (
        "The setting 'shards' in the table system_configs of the first database is "
        f"{text[:80]!r}, and must be such as "
        '{"n":3,"moving_to":null}: the number of databases that have recipients. Nothing was '
        "changed. Restore it from a backup, or by D1's time travel."
    )


def test_a_move_to_where_everybody_is_already_is_none() -> None:
    assert Placement.parse('{"n": 3, "moving_to": 3}') == Placement(3)


def test_reach_covers_both_ends_of_a_move() -> None:
    assert [Placement(2).reach, Placement(2, 5).reach, Placement(5, 2).reach] == [2, 5, 5]

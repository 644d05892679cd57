"""What a location remembers of KV: reads, bulk reads and lists, each for its time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.host.node_module import run_in_node

# A namespace whose answers count how often it was asked; each step is [ms, namespace, call].
PLAY = """
let now = 0;
const location = new m.KvLocation(input.delayMs, () => now);
let asked = 0;
const answers = [];
for (const [ms, namespace, method, target, body] of input.steps) {
  now = ms;
  const request = new Request(`http://kv${target}`, { method, body });
  const answer = await location.answer(request, namespace, async () => {
    asked += 1;
    return new Response(String(asked), { status: input.status });
  });
  answers.push(await answer.text());
}
return answers;
"""
READ = ["n", "GET", "/key?urlencoded=true"]
BULK = ["n", "POST", "/bulk/get", '{"keys":["key"]}']
LIST = ["n", "GET", "/?key_count_limit=10"]
WRITE = ["n", "PUT", "/key?urlencoded=true"]


def played(*steps: list[Any], delay_ms: int = 60_000, status: int = 200) -> list[int]:
    """The number of the question that each step was answered with."""
    argument = {"delayMs": delay_ms, "status": status, "steps": steps}
    return [int(answer) for answer in run_in_node("kv-location.worker.mjs", PLAY, argument)]


@pytest.mark.parametrize("call", [READ, BULK, LIST], ids=["read", "bulk read", "list"])
def test_an_answer_is_remembered_for_sixty_seconds(call: list[Any]) -> None:
    steps = [[0, *call], [59_999, *call], [60_000, *call], [119_999, *call]]
    assert played(*steps) == [1, 1, 2, 2]
    assert played(*steps, delay_ms=0) == [1, 2, 3, 4]


@pytest.mark.parametrize("call", [READ, BULK, LIST], ids=["read", "bulk read", "list"])
def test_a_workers_own_write_shows_at_once_in_what_may_hold_the_key(call: list[Any]) -> None:
    elsewhere = ["other", *WRITE[1:]]
    assert played([0, *call], [1, *elsewhere], [2, *call], [3, *WRITE], [4, *call]) == [
        *(1, 2, 1),
        *(3, 4),
    ]


def test_a_write_leaves_what_is_known_of_other_keys() -> None:
    other = ["n", "GET", "/other?urlencoded=true"]
    assert played([0, *other], [1, *WRITE], [2, *other]) == [1, 2, 1]


@pytest.mark.parametrize(
    "call",
    [
        ["n", "GET", "/key?urlencoded=true&cache_ttl=3600"],
        ["n", "POST", "/bulk/get", '{"keys":["key"],"cacheTtl":3600}'],
    ],
    ids=["read", "bulk read"],
)
def test_cache_ttl_says_how_long_an_answer_is_remembered(call: list[Any]) -> None:
    assert played([0, *call], [3_599_999, *call], [3_600_000, *call]) == [1, 1, 2]


def test_a_missing_key_is_remembered_and_a_failure_is_not() -> None:
    assert played([0, *READ], [1, *READ], status=404) == [1, 1]
    assert played([0, *READ], [1, *READ], status=500) == [1, 2]


def test_what_differs_is_asked_by_itself() -> None:
    others = [["m", *READ[1:]], ["n", "GET", "/?prefix=k"], ["n", "GET", "/?prefix=l"], BULK]
    assert played([0, *READ], *([1, *call] for call in others)) == [1, 2, 3, 4, 5]

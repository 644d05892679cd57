"""The resource `Shards`: when recipients have to move, and what a deployment keeps of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from infra.migrations.d1 import D1Database
from infra.migrations.errors import D1Refused
from infra.shards import lifecycle
from infra.shards.mover import SETTLED_S, Mover
from infra.shards.record import Placement, PlacementUnknown
from infra.shards.resource import ShardsProvider
from tests.infra.d1_api import ACCOUNT, BASE_URL
from tests.infra.test_mover import USERS, Shards

Cloud = Callable[[Shards], dict[str, Any]]
KNOWN = {"account_id": "b", "base_url": "https://b.example", "databases": ["a", "b"], "wanted": 3}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Puts databases behind the provider, and gives the inputs by which it finds them."""
    monkeypatch.setenv(lifecycle.SETTLED_VARIABLE, "7")

    def connect(shards: Shards) -> dict[str, Any]:
        apis = dict(zip(("first", "second", "third"), shards.apis, strict=False))

        def connected(*, database_id: str, **place: str) -> D1Database:
            assert place == {"account_id": ACCOUNT, "base_url": BASE_URL}
            return D1Database(
                **place, database_id=database_id, token="t", transport=apis[database_id]
            )

        monkeypatch.setattr(lifecycle, "D1Database", connected)
        monkeypatch.setattr(lifecycle, "Mover", partial(Mover, sleep=shards.sleep))
        return {"account_id": ACCOUNT, "base_url": BASE_URL, "databases": list(apis)}

    return connect


@pytest.fixture
def two() -> Shards:
    """Two databases, the second one of which has no recipient yet."""
    shards = Shards.of(2)
    for user in USERS[:8]:
        shards.add_user(0, user, logs=1)
    return shards


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, False),
        ({"wanted": 2}, True),
        ({"wanted": 4}, True),
        ({"wanted": None}, False),
        *(({key: value}, True) for key in ("account_id", "base_url") for value in ("a", "z", None)),
        *(({"databases": given}, True) for given in (["a"], ["a", "a"], ["b", "a"])),
        ({"wanted": None, "account_id": "a"}, True),
    ],
)
def test_only_another_number_and_other_databases_are_a_change(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], expected: bool
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "t")
    monkeypatch.setattr(lifecycle, "read_placement", lambda _: Placement(3))
    diff = ShardsProvider().diff("shards", {**KNOWN, "n": 3}, {**KNOWN, **change})
    assert diff.changes is expected


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (Placement(3), False),
        (Placement(3, 2), True),
        (Placement(2, 3), True),
        (Placement(2), True),
        (None, True),
        (PlacementUnknown("It is malformed."), True),
        (D1Refused("It is gone.", status=404), True),
        (D1Refused("A token that plans.", status=403), False),
        (D1Refused("No token.", status=401), False),
    ],
)
def test_a_move_that_was_cut_off_is_a_change_though_the_state_has_the_wanted_number(
    monkeypatch: pytest.MonkeyPatch, found: Placement | Exception | None, expected: bool
) -> None:
    asked: list[str] = []

    def read(database: D1Database) -> Placement | None:
        asked.append(database._path)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", "t")
    monkeypatch.setattr(lifecycle, "read_placement", read)
    assert ShardsProvider().diff("shards", {**KNOWN, "n": 3}, KNOWN).changes is expected
    # Of the first database, and of it alone.
    assert [path.split("/")[-2] for path in asked] == ["a"]


def test_the_first_deployment_moves_who_has_to_move_and_a_later_one_takes_them_back(
    cloud: Cloud, two: Shards
) -> None:
    inputs, provider = cloud(two), ShardsProvider()
    made = provider.create({**inputs, "wanted": 2, "__provider": "pickle"})
    assert (made.id, made.outs) == ("shards", {**inputs, "wanted": 2, "n": 2})
    assert two.strays(2) == []
    assert provider.read("shards", made.outs or {}).outs == made.outs

    assert two.waits == [7.0]
    back = provider.update("shards", made.outs or {}, {**inputs, "wanted": "1"})
    assert back.outs == {**inputs, "wanted": "1", "n": 1}
    assert two.strays(1) == []


def test_who_was_being_moved_is_taken_back_where_an_older_version_serves(
    cloud: Cloud, two: Shards
) -> None:
    inputs = cloud(two)
    provider = ShardsProvider()
    state = provider.create({**inputs, "wanted": 2}).outs or {}
    before = two.rows()
    record = "UPDATE system_configs SET config_value = ? WHERE config_key = 'shards'"
    two.sql(0, record, Placement(2, 1).text)
    inputs = {**inputs, "wanted": None}
    assert provider.diff("shards", state, inputs).changes
    assert (provider.update("shards", state, inputs).outs or {})["n"] == 2
    assert (two.rows(), two.record()) == (before, Placement(2).text)
    assert two.strays(2) == []
    assert not provider.diff("shards", state, inputs).changes


@pytest.mark.parametrize("record", [None, Placement(2)])
def test_while_an_older_version_serves_as_well_nobody_moves(
    cloud: Cloud, two: Shards, record: Placement | None
) -> None:
    inputs = cloud(two)
    if record is not None:
        two.sql(
            0,
            "INSERT INTO system_configs (config_key, config_value) VALUES ('shards', ?)",
            record.text,
        )
    before = two.rows()
    kept = ShardsProvider().create({**inputs, "wanted": None}).outs or {}
    assert kept["n"] == (record.n if record else 1)
    assert (two.rows(), two.record()) == (before, record.text if record else None)


@pytest.mark.parametrize(
    ("text", "base_url", "expected"),
    [
        ("7", BASE_URL, 7.0),
        ("07", BASE_URL, 7.0),
        ("", BASE_URL, SETTLED_S),
        ("-7", BASE_URL, SETTLED_S),
        ("7.5", BASE_URL, SETTLED_S),
        ("\N{FULLWIDTH DIGIT SEVEN}", BASE_URL, SETTLED_S),
        ("\N{SUPERSCRIPT TWO}", BASE_URL, SETTLED_S),
        ("7", "https://api.cloudflare.com/client/v4", SETTLED_S),
    ],
)
def test_only_the_local_cloud_shortens_the_wait(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    text: str,
    base_url: str,
    expected: float,
) -> None:
    waited: list[float] = []

    class Moved:
        def __init__(
            self, databases: list[D1Database], *, settled: float, say: Callable[[str], None]
        ) -> None:
            waited.append(settled)
            say("500 rows have moved")

        def move(self, n: int) -> Placement:
            return Placement(n)

    monkeypatch.setenv(lifecycle.SETTLED_VARIABLE, text)
    monkeypatch.setattr(lifecycle, "Mover", Moved)
    properties = {"account_id": "a", "base_url": base_url, "databases": ["x"], "wanted": 3.0}
    assert lifecycle.settle(properties)["n"] == 3
    assert waited == [expected]
    assert capsys.readouterr().out == "500 rows have moved\n"


@pytest.mark.parametrize("status", [403, 404, 405])
def test_a_refresh_forgets_the_placement_where_the_first_database_is_gone_alone(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    refused = {"success": False, "errors": [{"code": 7404, "message": "no"}]}
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=refused))
    connected = partial(D1Database, token="t", transport=transport)
    monkeypatch.setattr(lifecycle, "D1Database", connected)
    state = {"account_id": ACCOUNT, "base_url": BASE_URL, "databases": ["x", "y"], "n": 2}
    if status == 404:
        read = ShardsProvider().read("shards", state)
        assert (read.id, read.outs) == ("", {})
    else:
        with pytest.raises(D1Refused, match=f"HTTP {status}"):
            ShardsProvider().read("shards", state)


def test_a_refresh_of_a_stack_without_a_record_tells_of_one_database(
    cloud: Cloud, two: Shards
) -> None:
    state = {**cloud(two), "wanted": None, "n": 2}
    read = ShardsProvider().read("shards", state)
    assert (read.id, read.outs) == ("shards", {**state, "n": 1})

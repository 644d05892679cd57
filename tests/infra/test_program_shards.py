"""What the program declares for a stack of several databases, and when it takes one away."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.migrations.errors import D1Refused
from infra.program import declare
from infra.rules import Stack, collect_declarations
from infra.rules.resources import real_stores_are_protected
from infra.settings import Settings
from infra.settings.traffic import Pin
from infra.shards.needed import first_settings as begin
from infra.shards.record import Placement, PlacementUnknown
from tests.infra.registrations import Declared, declare_stack
from tests.infra.stack_inputs import checked_config, stack_inputs

VERSION = "18f97339-c287-4872-9bdd-e2135c07ec12"
SHARDS = "pulumi-python:dynamic/shards:Shards"
LEDGER = "pulumi-python:dynamic/releases:ReleaseLedger"


def databases(count: int) -> list[dict[str, Any]]:
    """The databases of a state."""
    return [
        {
            "type": "cloudflare:index/d1Database:D1Database",
            "outputs": {
                "uuid": f"id-{shard}",
                "name": f"notification-system_shard_{shard}" if shard else "notification-system",
            },
        }
        for shard in reversed(range(count))
    ]


def declared(
    tmp_path: Path, shards: int, state: Sequence[Mapping[str, Any]] = (), **changes: Any
) -> Declared:
    """Declare production with so many databases."""
    inputs = stack_inputs(tmp_path, protectStores="true")
    settings = inputs.settings.model_copy(update={"shards": shards, **changes})
    return declare_stack(
        lambda: declare(replace(inputs, settings=settings)), stack="production", state=state
    )


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> list[Placement | Exception | None]:
    """The record that the first database has; it may only be asked where it is given."""
    found: list[Placement | Exception | None] = []

    def read(database: Any) -> Placement | None:
        assert database._path.endswith("/d1/database/id-0/query")
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    monkeypatch.setattr("infra.shards.record.read_placement", read)
    return found


def test_one_database_is_declared_as_ever(tmp_path: Path) -> None:
    found = declared(tmp_path, 1)
    assert [one.name for one in found.of_type("D1Database")] == ["database"]
    assert found.of_type("Shards") == []
    assert [name for name in found.bindings() if name.startswith("DB")] == ["DB"]


def test_more_databases_come_beside_the_first_which_stays(tmp_path: Path) -> None:
    one, found = declared(tmp_path, 1).one("database"), declared(tmp_path, 3)
    assert (found.one("database").urn, found.one("database").inputs) == (one.urn, one.inputs)
    names = {r.name: r.inputs["name"] for r in found.of_type("D1Database")}
    assert names == {
        "database": "notification-system",
        "database-1": "notification-system_shard_1",
        "database-2": "notification-system_shard_2",
    }
    assert all(r.protect for r in found.of_type("D1Database"))
    assert {n: b["id"] for n, b in found.bindings().items() if n.startswith("DB")} == {
        "DB": "database-id",
        "DB_1": "database-1-id",
        "DB_2": "database-2-id",
    }
    assert found.outputs["d1_databases"] == [
        {"id": f"{resource}-id", "name": name} for resource, name in sorted(names.items())
    ]
    assert found.outputs["d1_database_id"] == "database-id"


def test_recipients_move_after_every_schema_and_the_version_that_knows_them(
    tmp_path: Path,
) -> None:
    found = declared(tmp_path, 3)
    schemas = {r.name: r.inputs["database_id"] for r in found.of_type("Migrations")}
    assert schemas == {
        "migrations": "database-id",
        "migrations-1": "database-1-id",
        "migrations-2": "database-2-id",
    }
    shards = found.one("shards").inputs
    assert shards["databases"] == ["database-id", "database-1-id", "database-2-id"]
    assert shards["wanted"] == 3
    assert found.outputs["schema_level"] == 2
    assert found.depends_on("migrations-2", "migrations-1")
    assert found.depends_on("migrations-1", "migrations")
    for schema in schemas:
        assert found.depends_on("deployment", schema)
        assert found.depends_on(schema, "smoke")
    for first in ("deployment", "releases"):
        assert found.depends_on("shards", first)


def first_settings(found: Declared) -> dict[str, Any]:
    return {r.name: r.inputs.get("first_settings") for r in found.of_type("Migrations")}


def test_a_new_stack_begins_spread_so_that_its_first_deployment_moves_nobody(
    tmp_path: Path,
) -> None:
    spread = {"shards": Placement(3).text}
    found = first_settings(declared(tmp_path, 3))
    assert found == {"migrations": spread, "migrations-1": None, "migrations-2": None}
    assert first_settings(declared(tmp_path, 1)) == {"migrations": None}


@pytest.mark.parametrize(
    ("state", "changes"),
    [
        ([{"type": SHARDS, "outputs": {"n": 3.0}}], {}),
        (None, {}),
        ((), {"adopt_database_id": "0" * 8 + "-0000-4000-8000-" + "0" * 12}),
        ((), {"traffic": 10, "traffic_base": VERSION}),
    ],
    ids=["spread before", "state unknown", "imported", "shared"],
)
def test_where_somebody_may_have_been_spread_before_the_record_is_found_out(
    state: Sequence[Mapping[str, Any]] | None, changes: dict[str, Any]
) -> None:
    settings = checked_config(shards="3").settings().model_copy(update=changes)
    imports = "adopt_database_id" in changes
    assert begin(settings, state, pin_holds=False, imports=imports) == {}
    settings = checked_config(shards="3").settings()
    assert begin(settings, (), pin_holds=False, imports=False) != {}
    assert begin(settings, (), pin_holds=True, imports=False) == {}


def test_nobody_moves_while_an_older_version_has_traffic(
    tmp_path: Path, record: list[Placement | None]
) -> None:
    record.append(Placement(2))
    state = [*databases(2), release(VERSION, shards=2)]
    found = declared(tmp_path, 2, state, traffic=10, traffic_base=VERSION)
    assert found.one("shards").inputs.get("wanted") is None


@pytest.mark.parametrize(("there", "wanted"), [(1, 3), (2, 1), (2, 3)])
def test_a_canary_that_would_move_recipients_is_refused(
    tmp_path: Path, record: list[Placement | None], there: int, wanted: int
) -> None:
    record.append(Placement(there))
    state = [*databases(there), release(VERSION, shards=there)]
    with pytest.raises(pulumi.RunError) as refused:
        declared(tmp_path, wanted, state, traffic=10, traffic_base=VERSION)
    assert str(refused.value) == (
        f"The recipients are spread over {there} of the databases and shards is {wanted}. A canary "
        "moves nobody, since the version beside it could not take over again; nothing was changed. "
        f"Set shards to {there} for the canary. When the new version has all requests, set it to "
        f"{wanted} and deploy without a canary."
    )


@pytest.mark.parametrize("wanted", [2, 3])
def test_a_canary_is_refused_while_recipients_are_being_moved(
    tmp_path: Path, record: list[Placement | None], wanted: int
) -> None:
    record.append(Placement(3, 2))
    state = [*databases(3), release(VERSION, shards=3)]
    with pytest.raises(pulumi.RunError, match="A move of the recipients from 3 to 2 databases isn"):
        declared(tmp_path, wanted, state, traffic=10, traffic_base=VERSION)


def test_no_earlier_version_serves_where_the_record_cant_be_read(
    tmp_path: Path, record: list[Placement | Exception | None]
) -> None:
    record.append(PlacementUnknown("It is malformed."))
    state = [*databases(2), release(VERSION, shards=2)]
    with pytest.raises(pulumi.RunError, match=r"no earlier version may serve.*It is malformed"):
        declared(tmp_path, 2, state, traffic=10, traffic_base=VERSION)


@pytest.mark.parametrize("shares", [True, False])
def test_an_empty_database_stays_while_an_earlier_version_may_ask_it(
    tmp_path: Path, record: list[Placement | None], shares: bool
) -> None:
    record.append(Placement(2))
    inputs = stack_inputs(tmp_path, protectStores="true")
    pin = Pin(version=VERSION, instead_of=inputs.bundle.sha256)
    serving: dict[str, Any] = {"traffic": 50, "traffic_base": VERSION} if shares else {"pin": pin}
    state = [*databases(3), release(VERSION, shards=2)]
    found = declared(tmp_path, 2, state, **serving)
    assert sorted(r.name for r in found.of_type("D1Database")) == [
        *("database", "database-1", "database-2"),
    ]


def test_a_database_with_recipients_stays_when_the_settings_want_fewer(
    tmp_path: Path, record: list[Placement | None]
) -> None:
    record.append(Placement(4))
    found = declared(tmp_path, 2, databases(4))
    assert sorted(r.name for r in found.of_type("D1Database")) == [
        *("database", "database-1", "database-2", "database-3"),
    ]
    assert found.one("shards").inputs["wanted"] == 2
    # The next update deletes it, and the engine deletes nothing that is protected.
    protected = {r.name: r.protect for r in found.of_type("D1Database")}
    assert protected == {
        "database": True,
        "database-1": True,
        "database-2": False,
        "database-3": False,
    }


@pytest.mark.parametrize(
    ("placement", "names"),
    [
        (Placement(2), ["database", "database-1"]),
        (Placement(1, 3), ["database", "database-1", "database-2"]),
        (Placement(3, 2), ["database", "database-1", "database-2"]),
        (None, ["database", "database-1"]),
    ],
)
def test_an_empty_database_goes_and_one_of_an_unfinished_move_stays(
    tmp_path: Path,
    record: list[Placement | None],
    placement: Placement | None,
    names: list[str],
) -> None:
    record.append(placement)
    found = declared(tmp_path, 2, databases(3))
    assert sorted(r.name for r in found.of_type("D1Database")) == names


def test_back_to_one_database_nothing_is_left_of_the_others(
    tmp_path: Path, record: list[Placement | None]
) -> None:
    record.append(Placement(1))
    found = declared(tmp_path, 1, databases(3))
    assert sorted(r.name for r in found.of_type("D1Database")) == ["database"]
    assert found.of_type("Shards") == []


def test_no_database_goes_where_the_state_doesnt_tell_which_is_the_first(tmp_path: Path) -> None:
    others = [one for one in databases(3) if "_shard_" in one["outputs"]["name"]]
    with pytest.raises(pulumi.RunError) as refused:
        declared(tmp_path, 1, others)
    assert str(refused.value) == (
        "The stack has 2 databases, and its state doesn't tell which one is the first; nothing was "
        "changed. Run 'pulumi refresh', and deploy again."
    )


def test_no_database_goes_where_the_record_cant_be_read(
    tmp_path: Path, record: list[Placement | Exception | None]
) -> None:
    record.append(PlacementUnknown("It is malformed."))
    with pytest.raises(pulumi.RunError, match=r"none of them may go.*It is malformed"):
        declared(tmp_path, 1, databases(2))


@pytest.mark.parametrize("n", [2, None])
def test_a_plan_whose_token_may_not_query_shows_what_the_last_update_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record: list[Placement | Exception | None],
    n: int | None,
) -> None:
    record.append(D1Refused("It may not.", status=403))
    state = [*databases(3), release(VERSION, shards=3)]
    if n:
        state.append({"type": SHARDS, "outputs": {"n": float(n)}})
    with pytest.raises(pulumi.RunError, match=r"none of them may go.*It may not"):
        declared(tmp_path, 2, state)
    monkeypatch.setattr("pulumi.runtime.is_dry_run", lambda: True)
    found = declared(tmp_path, 2, state)
    assert len(found.of_type("D1Database")) == (n or 3)
    with pytest.raises(pulumi.RunError, match=f"spread over {n or 3} of the databases"):
        declared(tmp_path, 1, state, traffic=10, traffic_base=VERSION)
    for status in (404, 500):
        record[0] = D1Refused("It may not.", status=status)
        with pytest.raises(pulumi.RunError, match="none of them may go"):
            declared(tmp_path, 2, state)


def release(version: str, **settings: Any) -> dict[str, Any]:
    """A state's list of releases."""
    return {
        "type": LEDGER,
        "outputs": {"releases": [{"version_id": version, "settings": settings}]},
    }


@pytest.mark.parametrize("known", [{}, {"shards": 2}])
def test_a_version_that_knows_too_few_databases_gets_no_traffic(
    tmp_path: Path, record: list[Placement | None], known: dict[str, int]
) -> None:
    # Also what a move under way may have moved already counts.
    record.append(Placement(1, 3))
    state = [*databases(3), release(VERSION, **known)]
    with pytest.raises(pulumi.RunError) as refused:
        declared(tmp_path, 3, state, traffic=10, traffic_base=VERSION)
    there = known.get("shards", 1)
    assert str(refused.value) == (
        f"Version 18f97339 knows {there} of the 3 databases over which the recipients are spread, "
        f"so it can't serve; nothing was changed. Set shards to {there} and deploy the newest "
        "release, which moves the recipients back; then this version can serve."
    )
    pin = Pin(version=VERSION, instead_of="0" * 64)
    inputs = stack_inputs(tmp_path, protectStores="true")
    held = pin.model_copy(update={"instead_of": inputs.bundle.sha256})
    with pytest.raises(pulumi.RunError, match="so it can't serve; nothing was changed"):
        declared(tmp_path, 3, state, pin=held)
    assert declared(tmp_path, 3, state, pin=pin).of_type("WorkersDeployment")


def test_a_version_that_knows_them_all_may_serve(
    tmp_path: Path, record: list[Placement | None]
) -> None:
    record.append(Placement(2))
    state = [*databases(3), release(VERSION, shards=2)]
    assert declared(tmp_path, 2, state, traffic=10, traffic_base=VERSION).of_type("Shards")


def test_a_protected_stack_has_no_unprotected_database_but_the_one_being_emptied(
    tmp_path: Path, record: list[Placement | None]
) -> None:
    record.append(Placement(3))
    inputs = stack_inputs(tmp_path, protectStores="true")
    settings: Settings = inputs.settings.model_copy(update={"shards": 2})
    found: list[Stack] = []

    def run() -> dict[str, Any]:
        with collect_declarations() as declarations:
            outputs = declare(replace(inputs, settings=settings))
            declarations.check(lambda: None)
        found.append(Stack(settings, inputs.secrets, declarations))
        return dict(outputs)

    declare_stack(run, stack="production", state=databases(3))
    assert list(real_stores_are_protected(found[0])) == []
    three = replace(found[0], settings=settings.model_copy(update={"shards": 3}))
    assert [breach.resource for breach in real_stores_are_protected(three)] == ["database-2"]


def test_one_to_eight_databases_are_a_setting() -> None:
    for number in range(1, 9):
        assert checked_config(shards=str(number)).settings().shards == number
    assert checked_config().settings().shards == 1


@pytest.mark.parametrize("value", ["0", "9", "-1", "1.5", "many", "true"])
def test_no_other_number_is_one_of_databases(value: str) -> None:
    assert [problem.key for problem in checked_config(shards=value).mistakes()] == ["shards"]

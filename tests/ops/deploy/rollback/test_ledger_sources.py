"""Where a rollback learns which migrations the database has: API, service, state."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from ops.deploy.rollback import ledger
from ops.deploy.rollback.ledger import LedgerReading, from_names, read_ledger
from ops.stacks.errors import OperationError

OUTPUTS = {"d1_database_id": "d1", "service_url": "http://service", "api_secret_key": "key"}
FILES: Any = [SimpleNamespace(name="0001_first.sql", min_code=1)]


class World:
    """The three sources, each of which may refuse."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.api: Any = OperationError("no API.")
        self.answer: Any = {"data": {"appliedMigrations": ["0001_first.sql", "0007_x.sql"]}}
        self.resources: list[Any] = []
        put = patch.setattr
        put(ledger, "_from_api", self._api)
        put(ledger, "migrations", lambda _: FILES)
        put(ledger, "ServiceClient", self._service)
        driver = SimpleNamespace(resources=lambda: self.resources)
        put(ledger, "choose_driver", lambda _: driver)

    def _api(self, *_: Any) -> Any:
        if isinstance(self.api, Exception):
            raise self.api
        return self.api

    def _service(self, url: str, key: str) -> Any:
        assert (url, key) == ("http://service", "key")

        def result(method: str, path: str) -> Any:
            assert (method, path) == ("GET", "/api/db/schema")
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer

        class Opened:
            def __enter__(self) -> Any:
                return SimpleNamespace(result=result)

            def __exit__(self, *_: object) -> None:
                return None

        return Opened()

    def read(self) -> LedgerReading:
        context: Any = SimpleNamespace(project=None)
        account: Any = None
        return read_ledger(context, account, OUTPUTS)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def names(found: LedgerReading) -> list[str]:
    return [applied.name for applied in found.applied]


def test_the_database_is_asked_first(world: World) -> None:
    world.api = from_names(["0001_first.sql"], FILES)
    found = world.read()
    assert (names(found), found.source) == (["0001_first.sql"], "the database, by the API")
    assert found.problems == ()


def test_the_service_tells_names_whose_level_is_their_number(world: World) -> None:
    found = world.read()
    assert (names(found), found.source) == (["0001_first.sql", "0007_x.sql"], "the service")
    assert found.problems == ("the database, by the API: no API.",)
    assert [applied.min_code for applied in found.applied] == [1, 7]


@pytest.mark.parametrize(
    "answer",
    [
        OperationError("no service."),
        [],
        {},
        {"data": None},
        {"data": {"appliedMigrations": None}},
        {"data": {"appliedMigrations": ["0001_first.sql", 5]}},
    ],
)
def test_the_state_tells_where_nobody_else_does(world: World, answer: Any) -> None:
    world.answer = answer
    world.resources = [
        {"type": "other:Migrations2", "outputs": {"applied": [{"name": "wrong"}]}},
        {"type": "x:Migrations"},
        {"type": "x:Migrations", "outputs": {"applied": ["wrong"]}},
        {"type": "x:Migrations", "outputs": {"applied": [{"hash": "h"}]}},
        {"type": "x:Migrations", "outputs": {"applied": [{"name": "0002_y.sql"}]}},
    ]
    found = world.read()
    assert (names(found), found.source) == (["0002_y.sql"], "the state")
    assert len(found.problems) == 2
    world.resources = []
    with pytest.raises(OperationError, match="the state: the state holds no applied migrations"):
        world.read()


def test_a_name_without_a_number_is_of_level_0() -> None:
    (applied,) = from_names(["first_0001.sql"], FILES)
    assert applied.min_code == 0


def test_the_api_tells_what_any_of_the_databases_has() -> None:
    def row(name: str, code: int) -> dict[str, Any]:
        return {"name": name, "level": int(name[:4]), "sha256": None, "min_code": code}

    first, second = row("0001_first.sql", 1), row("0002_second.sql", 5)
    asked: list[tuple[str, ...]] = []

    class Account:
        def query(self, *what: str) -> list[dict[str, Any]]:
            asked.append(what)
            return [second, first] if what[1] == "d1" else [first]

        def understood(self, _: str) -> Any:
            return nullcontext()

    account: Any = Account()
    databases = [{"id": "d1", "name": "a"}, {"id": "d2", "name": "b"}]
    found = ledger._from_api(account, {**OUTPUTS, "d1_databases": databases})
    assert [(one.name, one.min_code) for one in found] == [
        ("0001_first.sql", 1),
        ("0002_second.sql", 5),
    ]
    assert [what[1] for what in asked] == ["d1", "d2"]
    with pytest.raises(OperationError, match="the outputs name no database"):
        ledger._from_api(account, {"d1_databases": []})

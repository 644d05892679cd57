"""The embedded engine's words become those of every other driver."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from engine import EngineError, EngineEvent, UpdateResult
from engine.errors import StateDamaged
from ops.stacks import embedded
from ops.stacks.driver import HistoryEntry, Progress
from ops.stacks.embedded import EmbeddedDriver
from ops.stacks.errors import StackDamaged, StackFailed
from ops.stacks.local_stack import LocalStack
from ops.stacks.project import Project


class Engine:
    """An engine that says what a test tells it to."""

    result = UpdateResult("update", "succeeded", version=1, duration_s=0.5)
    error: EngineError | None = None
    events: tuple[EngineEvent, ...] = ()

    def __init__(self, **settings: Any) -> None:
        self._tell = settings["on_event"]

    def up(self, *, message: str) -> UpdateResult:
        if self.error is not None:
            raise self.error
        for event in self.events:
            self._tell(event)
        return self.result

    def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
        if self.error is not None:
            raise self.error
        return {"deployment": {"resources": None}}

    def history(self) -> list[dict[str, Any]]:
        times = {"startTime": 10, "endTime": 12}
        return [{"version": "3", "kind": "update", **times, "result": "succeeded"}]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> type[Engine]:
    class Own(Engine):
        pass

    monkeypatch.setattr(embedded, "EmbeddedEngine", Own)
    return Own


@pytest.fixture
def driver(tmp_path: Path) -> EmbeddedDriver:
    settings = {"environment": {}, "state_file": tmp_path / "s", "backend_dir": tmp_path}
    named = {"stack": "local", "config_file": tmp_path, "passphrase": "x", "key_file": tmp_path}
    local = cast(LocalStack, type("Local", (), {**settings, **named})())
    return EmbeddedDriver(Project(root=tmp_path, home=tmp_path), local)


def test_steps_are_told_by_their_signs_and_what_is_unchanged_is_not(
    driver: EmbeddedDriver, engine: type[Engine]
) -> None:
    d1: Any = {"type": "cloudflare:index/d1Database:D1Database", "name": "db"}
    engine.events = (
        EngineEvent("step_started", op="create", **d1),
        EngineEvent("step_done", op="create", **d1),
        EngineEvent("step_done", op="same", **d1),
        EngineEvent("step_failed", op="update", message="no", **d1),
        EngineEvent("diagnostic", message="mind", severity="warning"),
        EngineEvent("diagnostic", message="so"),
    )
    engine.result = UpdateResult(
        "update", "succeeded", {"create": 1}, [("create", "u")], {"a": 1}, version=4, duration_s=2.5
    )
    said: list[Progress] = []
    update = driver.up(said.append, message="m")
    assert said == [
        Progress("+ cloudflare:D1Database db"),
        Progress("✗ cloudflare:D1Database db: no", severity="error"),
        Progress("mind", severity="warning"),
        Progress("so"),
    ]
    assert (update.kind, update.changes, update.outputs) == ("update", {"create": 1}, {"a": 1})
    assert (update.version, update.seconds, update.steps) == (4, 2.5, (("create", "u"),))


def test_a_failure_is_told_in_the_engines_words(
    driver: EmbeddedDriver, engine: type[Engine], tmp_path: Path
) -> None:
    engine.result = UpdateResult(
        "update", "failed", version=1, duration_s=0.5, message="The database failed."
    )
    with pytest.raises(StackFailed, match=r"^The database failed\.$"):
        driver.up(lambda _: None, message="")
    engine.error = EngineError("Locked.")
    for call in (lambda: driver.up(lambda _: None, message=""), driver.export, driver.resources):
        with pytest.raises(StackFailed, match=r"^Locked\.$"):
            call()
    engine.error = StateDamaged("local", file=tmp_path, copy=None, lock_dir=tmp_path)
    with pytest.raises(StackDamaged) as damaged:
        driver.export()
    assert damaged.value.damage is engine.error


def test_a_stack_without_resources_has_none_and_its_history_is_typed(
    driver: EmbeddedDriver, engine: type[Engine]
) -> None:
    assert driver.resources() == []
    assert driver.history() == [HistoryEntry(3, "update", 10, 12, "succeeded", "", {})]


class Noting(Engine):
    """An engine that notes what is asked of it."""

    asked: list[tuple[Any, ...]] = []  # noqa: RUF012  one for the class, emptied by each test

    def __getattr__(self, name: str) -> Any:
        def noted(*values: Any, **named: Any) -> Any:
            if self.error is not None:
                raise self.error
            self.asked.append((name, *values, *named.items()))
            return {"outputs": {"url": "u"}, "lock_holders": ["ada@host", 7]}.get(name, self.result)

        return noted


CALLS: dict[str, tuple[Callable[[EmbeddedDriver], Any], tuple[Any, ...], Any]] = {
    "preview": (lambda d: d.preview(print).kind, ("preview",), "update"),
    "refresh": (lambda d: d.refresh(print).kind, ("refresh",), "update"),
    "destroy": (lambda d: d.destroy(print).kind, ("destroy",), "update"),
    "remove": (lambda d: d.remove(), ("remove_stack",), None),
    "unprotect": (lambda d: d.unprotect(), ("unprotect",), None),
    "locks": (lambda d: d.locks(), ("lock_holders",), ["ada@host", "7"]),
    "unlock": (lambda d: d.unlock(), ("cancel",), None),
    "replace": (lambda d: d.replace_state({"a": 1}), ("replace_state", {"a": 1}), None),
    "shown": (
        lambda d: d.outputs(show_secrets=True),
        ("outputs", ("show_secrets", True)),
        {"url": "u"},
    ),
    "hidden": (
        lambda d: d.outputs(show_secrets=False),
        ("outputs", ("show_secrets", False)),
        {"url": "u"},
    ),
    "finished": (lambda d: d.is_unfinished(), ("outputs", ("show_secrets", False)), False),
}


@pytest.mark.parametrize("name", CALLS)
def test_each_question_is_one_call_of_the_engine_and_its_error_a_stacks(
    monkeypatch: pytest.MonkeyPatch, driver: EmbeddedDriver, name: str
) -> None:
    call, asked, answer = CALLS[name]
    monkeypatch.setattr(embedded, "EmbeddedEngine", Noting)
    Noting.asked.clear()
    assert call(driver) == answer
    assert Noting.asked == [asked]
    damaged = StateDamaged("local", file=Path("s"), copy=None, lock_dir=Path("l"))
    for error, kind in ((EngineError("it broke"), StackFailed), (damaged, StackDamaged)):
        monkeypatch.setattr(Noting, "error", error)
        with pytest.raises(StackFailed) as failed:
            call(driver)
        assert type(failed.value) is kind


@pytest.mark.parametrize("show", [True, False])
def test_an_export_asks_for_secrets_where_its_caller_does(
    monkeypatch: pytest.MonkeyPatch, driver: EmbeddedDriver, show: bool
) -> None:
    seen: list[bool] = []

    class Exporting(Engine):
        def export(self, *, show_secrets: bool = False) -> dict[str, Any]:
            seen.append(show_secrets)
            return {"deployment": {"resources": [{"urn": "u"}]}}

    monkeypatch.setattr(embedded, "EmbeddedEngine", Exporting)
    driver.export(show_secrets=show)
    driver.export()
    assert driver.resources() == [{"urn": "u"}]
    assert seen == [show, False, False]

"""Protected stores survive a destroy unless the stack's name is typed for them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli.main import command_line
from ops.deploy import removal
from ops.deploy.removal import Removal
from ops.stacks.console import Reporter
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import GateClosed, OperationError, UsageError
from tests.ops.contexts import context_of

PROJECT = Path(__file__).parents[3]
URN = "urn:pulumi:production::notification-system::cloudflare:index/d1Database:D1Database::"


class Driver:
    """A stack with one protected resource; notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.state: list[Mapping[str, Any]] = [
            {"urn": f"{URN}database", "type": "a:b:C", "custom": True, "protect": True},
            {"urn": f"{URN}other", "type": "a:b:C", "custom": True},
        ]

    def resources(self) -> list[Mapping[str, Any]]:
        return self.state

    def unprotect(self) -> None:
        self.asked.append("unprotect")

    def destroy(self, _show: object) -> StackUpdate:
        self.asked.append("destroy")
        return StackUpdate(kind="destroy", changes={"delete": 2})


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    """The driver that the removal chooses; the account itself is outside of these tests."""
    found = Driver()
    monkeypatch.setattr(removal, "choose_driver", lambda *_: found)
    monkeypatch.setattr(removal, "StackAccount", type("Account", (), {"of": lambda *_: None}))
    for name in ("CloudflareProbe", "managed_resources"):
        monkeypatch.setattr(removal, name, lambda *_: None)
    monkeypatch.setattr(removal, "introduce", lambda *_, **__: found.asked.append("introduce"))
    for name in ("stop_schedules", "require_gone"):
        monkeypatch.setattr(removal, name, lambda *_: None)
    return found


def run(**options: bool) -> None:
    Removal(context_of(PROJECT, "production")).run(erase=False, **options)


@pytest.mark.requirement("PD-09")
def test_a_protected_store_keeps_the_whole_stack_from_going(driver: Driver) -> None:
    with pytest.raises(GateClosed, match="database of 'production' are protected") as refused:
        run()
    assert "--unprotect production" in str(refused.value)
    assert driver.asked == ["introduce"]


def test_it_goes_where_the_name_was_typed(driver: Driver) -> None:
    run(unprotect=True)
    assert driver.asked == ["introduce", "unprotect", "destroy"]


def test_what_is_not_protected_goes_without_more_ado(driver: Driver) -> None:
    driver.state = driver.state[1:]
    run()
    assert driver.asked == ["introduce", "destroy"]


def test_another_name_than_the_stacks_removes_nothing(driver: Driver) -> None:
    arguments = ["destroy", "--stack", "production", "--yes", "--unprotect", "development"]
    result = CliRunner().invoke(command_line(), arguments)
    assert isinstance(result.exception, UsageError)
    assert driver.asked == []


@pytest.mark.parametrize("erase", [True, False])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_local_stacks_data_goes_where_that_was_asked_for(
    driver: Driver,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    erase: bool,
    is_there: bool,
) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config: {cloudflare:baseUrl: 'http://127.0.0.1:9/client/v4'}\n"
    )
    note = driver.asked.append
    monkeypatch.setattr(removal, "start_local_cloud", lambda *_: note("start"))
    monkeypatch.setattr(removal, "erase_local_state", lambda *_: note("erase"))
    if is_there:
        (tmp_path / "home" / "cloud").mkdir(parents=True)
    driver.state = driver.state[1:]
    context = context_of(tmp_path, "dev", home=tmp_path / "home", reporter=Reporter())
    Removal(context).run(erase=erase)
    destroyed = ["start", "introduce", "destroy"] if is_there else []
    assert driver.asked == [*destroyed, *(["erase"] if erase else [])]
    said = "There is no local cloud and so nothing to destroy.\n"
    assert (said == capsys.readouterr().out) == (not is_there)


def test_all_local_data_goes_even_where_the_resources_cannot(
    driver: Driver,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text(
        "config: {cloudflare:baseUrl: 'http://127.0.0.1:9/client/v4'}\n"
    )
    (tmp_path / "cloud").mkdir()

    def refuse(*_: object) -> None:
        raise OperationError("it doesn't start.")

    monkeypatch.setattr(removal, "start_local_cloud", refuse)
    monkeypatch.setattr(removal, "erase_local_state", lambda *_: driver.asked.append("erase"))
    made = Removal(context_of(tmp_path, "dev", home=tmp_path, reporter=Reporter()))
    with pytest.raises(OperationError, match=r"it doesn't start\."):
        made.run(erase=False)
    assert (driver.asked, capsys.readouterr().out) == ([], "")
    made.run(erase=True)
    assert driver.asked == ["erase"]
    assert capsys.readouterr().out.splitlines() == [
        "The resources couldn't be destroyed one by one: it doesn't start.",
        "All local data is removed instead, including them.",
    ]


def test_data_of_a_real_account_is_never_erased(driver: Driver) -> None:
    with pytest.raises(UsageError, match="'production' is a stack of a real account"):
        Removal(context_of(PROJECT, "production")).run(erase=True)
    assert driver.asked == []

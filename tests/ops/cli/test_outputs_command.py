"""``notifyctl outputs`` prints one output for a script, or all of them for a person."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from ops.cli.commands import outputs as command
from ops.stacks.errors import StackFailed, UsageError

FOUND = {"service_url": "https://notify.example", "release": {"schema_level": 3}, "schema_level": 3}


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(found: Mapping[str, Any] = FOUND, **options: Any) -> str:
        asked: dict[str, Any] = {}
        driver = SimpleNamespace(outputs=lambda **how: asked.update(how) or dict(found))
        monkeypatch.setattr(command, "open_stack", lambda *_: object())
        monkeypatch.setattr(command, "choose_driver", lambda _: driver)
        command.outputs(
            typer.Context(typer.main.get_command(typer.Typer(callback=lambda: None))),
            **{"name": None, "stack": "dev", "json": False, **options},
        )
        assert asked == {"show_secrets": options.get("show_secrets", False)}
        return capsys.readouterr().out

    return run


def test_one_output_is_printed_as_it_is(printed: Any) -> None:
    assert printed(name="service_url", show_secrets=True) == "https://notify.example\n"
    assert printed(name="schema_level", show_secrets=False) == "3\n"
    assert json.loads(printed(name="release", show_secrets=False)) == {"schema_level": 3}


def test_one_output_as_json_is_quoted(printed: Any) -> None:
    assert (
        printed(name="service_url", json=True, show_secrets=False) == '"https://notify.example"\n'
    )


def test_all_outputs_are_a_document_or_a_table_in_order(printed: Any) -> None:
    assert json.loads(printed(json=True, show_secrets=False)) == FOUND
    table = printed(show_secrets=False)
    assert table.index("release") < table.index("schema_level") < table.index("service_url")


def test_an_output_that_there_is_not_is_named_with_those_that_there_are(printed: Any) -> None:
    with pytest.raises(UsageError, match="has no output 'url': service_url, release"):
        printed(name="url", show_secrets=False)


def test_a_stack_without_outputs_is_not_deployed(printed: Any) -> None:
    with pytest.raises(StackFailed, match="has no outputs: it isn't deployed"):
        printed(found={}, show_secrets=False)

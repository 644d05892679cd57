"""``notifyctl channels`` tells what the service answered, in words or as it came."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops.cli.commands import channels
from ops.stacks.errors import ServiceError, UsageError
from ops.stacks.moment import shown_time
from ops.stacks.service import ServiceClient
from tests.ops.answering_service import AnsweringService, answering_service

SOON = datetime(2126, 11, 30, tzinfo=UTC)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[AnsweringService]:
    with answering_service() as started:
        monkeypatch.setattr(channels, "open_stack", lambda *_: None)
        monkeypatch.setattr(channels, "connect", lambda _: ServiceClient(started.url, "k" * 64))
        yield started


def called(service: AnsweringService, data: Any, *arguments: str) -> Result:
    service.answers = [(200, json.dumps({"success": True, "data": data}).encode())]
    return CliRunner().invoke(channels.app, list(arguments))


def test_a_hold_is_told_with_the_command_that_ends_it(service: AnsweringService) -> None:
    data = {"until": SOON.isoformat()}
    before = datetime.now(UTC)
    found = called(service, data, "hold", "a/b", "--for", "2h", "-u", "ada", "-m", "it is down")
    assert found.output == (
        f"a/b is held for ada until {shown_time(SOON)}. To end it earlier: notifyctl channels "
        "release a/b --user ada --stack local\n"
    )
    call = service.seen[0]
    assert (call["method"], call["target"]) == ("PUT", "/api/holds/a%2Fb?user_id=ada")
    body = json.loads(call["body"])
    assert body["reason"] == "it is down"
    until = datetime.fromisoformat(body["until"])
    assert timedelta(hours=2) <= until - before <= datetime.now(UTC) - before + timedelta(hours=2)


def test_a_hold_for_everybody_names_nobody(service: AnsweringService) -> None:
    found = called(service, {"until": SOON.isoformat()}, "hold", "slack", "--for", "30m")
    assert found.output.startswith(f"slack is held until {shown_time(SOON)}.")
    assert "release slack --stack local" in found.output
    assert service.seen[0]["target"] == "/api/holds/slack"


@pytest.mark.parametrize("arguments", [("hold", "slack", "--for", "2h"), ("release", "slack")])
def test_a_user_whose_name_came_out_empty_is_not_everybody(
    service: AnsweringService, arguments: tuple[str, ...]
) -> None:
    found = called(service, {"until": SOON.isoformat(), "released": 0}, *arguments, "--user", "")
    assert isinstance(found.exception, UsageError)
    assert str(found.exception) == "--user is empty: give it a text."
    assert service.seen == []


def test_a_release_tells_how_many_go_on(service: AnsweringService) -> None:
    found = called(service, {"released": 2}, "release", "slack")
    assert found.output == "slack goes on: 2 notifications at once.\n"
    assert service.seen[0]["method"] == "DELETE"


def test_holds_are_listed_with_what_is_left_of_them(service: AnsweringService) -> None:
    until = datetime.now(UTC) + timedelta(days=2, hours=3, minutes=30)
    hold = {"channel": "slack", "user_id": None, "until": until.isoformat(), "reason": "down"}
    data = {"holds": [hold], "waiting": {"slack": 1, "lark": 3}}
    lines = called(service, data, "list").output.splitlines()
    left = ["2", "d", "3", "h"]
    assert lines[1].split() == ["slack", "everybody", shown_time(until), *left, "down"]
    assert lines[2:] == ["lark: 3 notifications waiting", "slack: 1 notification waiting"]
    assert called(service, {"holds": [], "waiting": {}}, "list").output == "No channel is held.\n"


@pytest.mark.parametrize("command", [("hold", "x", "--for", "1h"), ("release", "x"), ("list",)])
def test_json_is_what_the_service_answered(
    service: AnsweringService, command: tuple[str, ...]
) -> None:
    data = {"until": SOON.isoformat(), "released": 1, "holds": [], "waiting": {}}
    assert json.loads(called(service, data, *command, "--json").output) == data


@pytest.mark.parametrize("command", [("hold", "x", "--for", "1h"), ("release", "x"), ("list",)])
@pytest.mark.parametrize("data", [None, 5, [], {}, {"holds": [5], "until": 5, "released": "x"}])
def test_an_answer_of_another_form_is_told_as_such(
    service: AnsweringService, command: tuple[str, ...], data: Any
) -> None:
    error = called(service, data, *command).exception
    assert isinstance(error, ServiceError)
    assert "unknown form" in str(error)

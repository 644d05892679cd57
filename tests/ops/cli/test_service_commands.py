"""Commands that call the deployed service, against the client library's service in memory."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import Result

from notification_sdk import NotificationClient
from notification_sdk.testing import FakeNotificationService
from ops.cli.commands.filters import selection
from ops.observe import notifications as operations
from ops.stacks.errors import UsageError
from tests.ops.cli.in_process import Commands, failed_with


@pytest.fixture
def service(commands: Commands) -> FakeNotificationService:
    """A service that every command of this file is connected to."""
    found = FakeNotificationService()
    for module in ("users", "templates", "notifications", "logs", "send"):
        commands.replace(module, connected=lambda _: nullcontext(found.client()))
    return found


def document(result: Result) -> Any:
    """The one document on standard output, which is laid out for people too."""
    assert result.stdout.startswith(("{\n  ", "[\n  ", "[]")), result.output
    return json.loads(result.stdout)


def rows(result: Result) -> list[list[str]]:
    """The words of each printed line."""
    return [line.split() for line in result.stdout.splitlines()]


# users


def test_a_user_is_saved_switched_off_and_shown(
    commands: Commands, service: FakeNotificationService, tmp_path: Path
) -> None:
    url = "https://hooks.example/ada"
    said = commands.run("users", "set", "ada", "-c", "webhook", "--url", url).stdout
    assert said == "ada is reached over webhook.\n"
    (config,) = document(commands.run("users", "show", "ada", "--json"))["configs"]
    assert (config["channel"], config["is_active"]) == ("webhook", True)
    said = commands.run("users", "set", "ada", "-c", "webhook", "--inactive").stdout
    assert said == "ada is no longer reached over webhook.\n"
    table = rows(commands.run("users", "show", "ada"))
    assert table[0] == ["channel", "active", "configuration"]
    assert table[1][:2] == ["webhook", "no"]
    commands.run("users", "set", "ada", "-c", "webhook", "--active")
    assert rows(commands.run("users", "show", "ada"))[1][:2] == ["webhook", "yes"]
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"webhook_url": url}))
    commands.run("users", "set", "ada", "-c", "lark", "--file", str(file), "--inactive")
    found = document(commands.run("users", "show", "ada", "--json"))
    assert {each["channel"]: each["is_active"] for each in found["configs"]} == {
        "webhook": True,
        "lark": False,
    }
    assert found["user_id"] == "ada"


def test_a_user_of_whom_nothing_is_known_is_told_so(
    commands: Commands, service: FakeNotificationService
) -> None:
    assert commands.run("users", "show", "nobody").stdout == (
        "Nothing is known about nobody: no configuration, no notification.\n"
    )
    service.add_user("new", "lark")
    assert commands.run("users", "show", "new").stdout.splitlines()[-1] == "No notification."
    service.client().quick.lark("old", "Hi")
    assert commands.run("users", "show", "old").stdout.splitlines()[0] == "No configuration."


def test_a_configuration_that_is_not_there_cannot_be_switched(
    commands: Commands, service: FakeNotificationService
) -> None:
    for switch in ("--active", "--inactive"):
        result = commands.run("users", "set", "ada", "--channel", "telegram", switch)
        assert failed_with(result, UsageError) == (
            "ada has no configuration of telegram to switch: give --url or --file."
        )
    assert service.client().configs.list("ada") == ()


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("send", "--user", "", "--message", "x"), "--user"),
        (("send", "--user", "ada", "--message", " "), "--message"),
        (("send", "--user", "ada", "--message", "x", "--channel", ""), "--channel"),
        (("users", "show", ""), "USER"),
        (("users", "set", "", "--channel", "lark"), "USER"),
        (("users", "set", "ada", "--channel", ""), "--channel"),
        (("users", "test", ""), "USER"),
        (("users", "test", "ada", "--channel", ""), "--channel"),
        (("users", "test", "ada", "--message", ""), "--message"),
        (("logs", "--user", ""), "--user"),
        (("logs", "--code", ""), "--code"),
        (("logs", "--since", ""), "--since"),
        (("logs", "--id", " "), "--id"),
        (("notifications", "retry", "--user", ""), "--user"),
    ],
)
def test_an_option_that_came_out_empty_is_refused_and_nothing_is_asked_for(
    commands: Commands,
    service: FakeNotificationService,
    arguments: tuple[str, ...],
    option: str,
) -> None:
    """Read as absent, ``--user ""`` would mean everybody."""
    result = commands.run(*arguments)
    assert failed_with(result, UsageError) == f"{option} is empty: give it a text."
    assert service.requests == []


def test_a_configuration_comes_from_one_place(
    commands: Commands, service: FakeNotificationService
) -> None:
    result = commands.run("users", "set", "a", "-c", "lark", "--url", "u", "--file", "f")
    assert failed_with(result, UsageError).startswith("--url and --file both name")


def test_a_test_notification_is_sent(commands: Commands, service: FakeNotificationService) -> None:
    service.add_user("ada", "webhook", "lark")
    result = commands.run("users", "test", "ada", "-c", "lark")
    assert [line[:2] for line in rows(result)] == [["lark", service.sent[0].status]]
    (sent,) = service.sent
    assert (sent.channel, sent.content) == ("lark", "This is a test notification.")
    found = document(commands.run("users", "test", "ada", "-m", "hello", "--json"))
    assert len(found["results"]) == 2
    assert {each.content for each in service.sent[1:]} == {"hello"}


def test_the_last_five_notifications_of_a_user_are_shown(
    commands: Commands, service: FakeNotificationService
) -> None:
    service.add_user("ada", "webhook")
    for _ in range(6):
        commands.run("users", "test", "ada", "-c", "webhook")
    assert len(document(commands.run("users", "show", "ada", "--json"))["last"]) == 5
    lines = rows(commands.run("users", "show", "ada"))
    assert len([line for line in lines if line[1:2] == ["webhook"] and "T" in line[0]]) == 5


# send


def test_a_notification_is_sent_and_its_user_configured(
    commands: Commands, service: FakeNotificationService
) -> None:
    result = commands.run("send", "-u", "ada", "-m", "it works", "--url", "https://h.example/a")
    assert rows(result)[0][:2] == ["webhook", service.sent[0].status]
    (sent,) = service.sent
    assert (sent.user_id, sent.channel, sent.content) == ("ada", "webhook", "it works")
    arguments = ("send", "-u", "ada", "-m", "again", "--idempotency-key", "k" * 20, "--json")
    first, second = document(commands.run(*arguments)), document(commands.run(*arguments))
    assert len(service.sent) == 2
    ids = [[each["messageId"] for each in found["results"]] for found in (first, second)]
    assert ids[0] == ids[1]
    commands.run("send", "-u", "ada", "-m", "m", "--subject", "the subject")
    assert service.sent[-1].subject == "the subject"


def test_an_address_configures_one_channel(
    commands: Commands, service: FakeNotificationService
) -> None:
    one = ("send", "-u", "a", "-m", "m", "--url", "https://h.example/a", "-c", "lark")
    refused = failed_with(commands.run(*one, "-c", "slack"), UsageError)
    assert refused == "--url configures one channel: give exactly one --channel."
    assert service.sent == []
    assert commands.run(*one, "-c", "lark").exit_code == 0
    assert [sent.channel for sent in service.sent] == ["lark"]


def test_a_send_that_every_channel_fails_ends_with_1(
    commands: Commands, service: FakeNotificationService
) -> None:
    service.add_user("ada", "webhook")
    service.fail_channel("webhook")
    result = commands.run("send", "-u", "ada", "-m", "m")
    assert result.exit_code == 1
    assert rows(result)[0][0] == "webhook"


# templates


TEMPLATE = {
    "name": "Welcome",
    "description": "said first",
    "variables": ["name"],
    "is_active": True,
    "contents": {
        "webhook": {
            "content_type": "text",
            "subject_template": "To {{name}}",
            "content_template": "Hello {{name}}\nagain",
        }
    },
}


def saved(commands: Commands, tmp_path: Path, **changes: Any) -> Result:
    file = tmp_path / "template.json"
    file.write_text(json.dumps({**TEMPLATE, **changes}))
    return commands.run("templates", "set", "welcome", "-f", str(file))


def test_a_template_is_saved_shown_listed_and_switched_off(
    commands: Commands, service: FakeNotificationService, tmp_path: Path
) -> None:
    assert saved(commands, tmp_path).stdout == "Saved welcome.\n"
    shown = document(commands.run("templates", "show", "welcome"))
    assert {key: shown[key] for key in ("name", "is_active")} == {
        "name": "Welcome",
        "is_active": True,
    }
    content = shown["contents"]["webhook"]
    assert content["content_template"] == "Hello {{name}}\nagain"
    assert content["subject_template"] == "To {{name}}"
    assert rows(commands.run("templates", "list")) == [
        ["key", "name", "active", "channels", "variables"],
        ["welcome", "Welcome", "yes", "webhook", "name"],
    ]
    said = commands.run("templates", "delete", "welcome").stdout
    assert said == "Switched welcome off.\n"
    assert document(commands.run("templates", "list", "--json")) == []
    (listed,) = document(commands.run("templates", "list", "--inactive", "--json"))
    assert (listed["key"], listed["is_active"]) == ("welcome", False)
    assert rows(commands.run("templates", "list", "--inactive"))[1][2] == "no"


def test_a_field_that_no_template_has_is_named(
    commands: Commands, service: FakeNotificationService, tmp_path: Path
) -> None:
    result = saved(commands, tmp_path, colour="red", age=1)
    assert result.exit_code == 2
    assert "unknown field 'age'; a template has contents" in " ".join(result.output.split())


def test_what_a_template_would_send_is_shown(
    commands: Commands, service: FakeNotificationService, tmp_path: Path
) -> None:
    saved(commands, tmp_path)
    result = commands.run("templates", "render", "welcome", "-v", "name=a=b")
    lines = result.stdout.splitlines()
    assert lines[0] == "webhook (text)"
    assert "  Subject: To a=b" in lines
    assert lines[-2:] == ["  Hello a=b", "  again"]
    missing = commands.run("templates", "render", "welcome").stdout.splitlines()
    assert missing[-1] == "  missing: name"
    found = document(commands.run("templates", "render", "welcome", "-v", "name=[1]", "--json"))
    assert found["webhook"]["content_type"] == "text"
    assert "Hello" in found["webhook"]["content"]
    for word in ("NaN", "Infinity", "-Infinity"):
        shown = commands.run("templates", "render", "welcome", "-v", f"name={word}").stdout
        assert f"  Hello {word}\n" in shown


@pytest.mark.parametrize("given", ["name", "=x", ""])
def test_a_variable_has_a_name_and_a_value(
    commands: Commands, service: FakeNotificationService, given: str
) -> None:
    result = commands.run("templates", "render", "welcome", "-v", given)
    assert result.exit_code == 2
    assert "isn't NAME=VALUE" in " ".join(result.output.split())


# logs, notifications


def failing(commands: Commands, service: FakeNotificationService) -> list[str]:
    """Send three notifications, of which two fail; return the ids of those two."""
    service.add_user("ada", "webhook")
    service.add_user("grace", "webhook")
    commands.run("send", "-u", "grace", "-m", "fine")
    service.fail_channel("webhook")
    for _ in range(2):
        commands.run("send", "-u", "ada", "-m", "fails")
    return [each.message_id for each in service.sent if each.user_id == "ada"]


def test_accepted_notifications_are_listed_newest_first(
    commands: Commands, service: FakeNotificationService
) -> None:
    service.add_user("ada", "webhook")
    for number in range(22):
        commands.run("send", "-u", "ada", "-m", str(number))
    assert len(document(commands.run("logs", "--json"))) == 20
    assert len(document(commands.run("logs", "--json", "-n", "22"))) == 22
    lines = rows(commands.run("logs", "-n", "1"))
    assert lines[0] == ["time", "user", "channel", "status", "retries", "message", "id", "error"]
    assert lines[1][1:4] == ["ada", "webhook", service.sent[-1].status]
    assert lines[1][-1] == service.sent[-1].message_id
    nothing = commands.run("logs", "--user", "nobody").stdout
    assert nothing == "No notification matches.\n"


class Service:
    """Notes what operators ask of the service's queues."""

    def __init__(self) -> None:
        self.redriven: list[Any] = []
        self.discarded: list[list[int]] = []

    def redrive(self, _: Any, body: Any) -> dict[str, Any]:
        self.redriven.append(body)
        skipped = [{"reason": "r", "count": 1_234, "explanation": "they are permanent"}]
        return {"matched": 2_000, "queued": 1_000 if body else 0, "skipped": skipped}

    def discard(self, _: Any, ids: list[int]) -> int:
        self.discarded.append(ids)
        return len(ids)


@pytest.fixture
def queues(commands: Commands) -> Service:
    found = Service()
    commands.replace(
        "notifications",
        connect=lambda _: nullcontext(None),
        retry_in_bulk=found.redrive,
        discard=found.discard,
    )
    return found


def test_failed_notifications_are_chosen_by_options(commands: Commands, queues: Service) -> None:
    result = commands.run("notifications", "retry", "-c", "slack", "-u", "ada")
    assert result.stdout.splitlines() == [
        "2,000 failed notifications found, 1,000 queued to be sent again.",
        "  1,234 left out: they are permanent",
    ]
    assert result.exit_code == 0
    assert queues.redriven == [{"user_id": "ada", "channel": "slack"}]
    result = commands.run("notifications", "retry", "--json")
    assert document(result)["matched"] == 2_000
    assert result.exit_code == 1  # Some matched, and none was queued.
    refused = failed_with(commands.run("notifications", "retry", "x", "-c", "slack"), UsageError)
    assert refused.startswith("Give ids or options, not both")


def entry(number: int, status: str) -> Any:
    return SimpleNamespace(id=number, status=status)


def test_named_notifications_are_retried_where_they_have_failed(
    commands: Commands, queues: Service
) -> None:
    known = {
        "a": [entry(1, "failed"), entry(2, "sent"), entry(5, "cancelled")],
        "b": [entry(3, "failed")],
        "c": [entry(4, "sent")],
    }
    asked: list[int] = []

    def trigger(number: int) -> bool:
        asked.append(number)
        return True

    client = SimpleNamespace(retry=SimpleNamespace(trigger=trigger))
    commands.replace(
        "notifications",
        connected=lambda _: nullcontext(client),
        by_id=lambda _, given: known[given],
    )
    result = commands.run("notifications", "retry", "a", "b")
    assert result.stdout.splitlines() == [
        "4 failed notifications found, 2 queued to be sent again.",
        "  2 left out: they haven't failed",
    ]
    assert (asked, result.exit_code) == ([1, 3], 0)
    found = document(commands.run("notifications", "retry", "b", "--json"))
    assert found == {"matched": 1, "queued": 1, "skipped": []}
    assert commands.run("notifications", "retry", "c").exit_code == 1
    assert queues.redriven == []


def test_failed_notifications_are_discarded_once_it_is_agreed(
    commands: Commands, queues: Service
) -> None:
    found = [entry(1, "failed"), entry(2, "sent"), entry(3, "failed"), entry(4, "cancelled")]
    commands.replace(
        "notifications",
        connected=lambda _: nullcontext(None),
        by_id=lambda *_: found,
        selection=lambda **given: SimpleNamespace(
            redrive_body=lambda: {n: v for n, v in given.items() if v and n != "status"},
            find=lambda _: found if given["status"] == "failed" else [],
        ),
    )
    for arguments in ((), ("a", "--user", "ada")):
        refused = failed_with(commands.run("notifications", "discard", *arguments), UsageError)
        assert refused.startswith("Say which ones")
    refused = failed_with(commands.run("notifications", "discard", "a"), UsageError)
    assert refused.startswith("This discards 2 failed notifications: give --yes")
    result = commands.run("notifications", "discard", "a", "--yes")
    assert result.stdout == "2 notifications discarded.\n"
    result = commands.run("notifications", "discard", "--user", "ada", "-y", "--json")
    assert document(result) == {"matched": 4, "discarded": 2}
    assert queues.discarded == [[1, 3], [1, 3]]
    commands.on_a_terminal("ops.cli.commands.notifications")
    assert commands.run("notifications", "discard", "a", typed="n\n").exit_code == 1
    assert commands.run("notifications", "discard", "a", typed="y\n").exit_code == 0
    assert len(queues.discarded) == 3
    found[:] = [entry(2, "sent")]
    assert commands.run("notifications", "discard", "a").stdout == "0 notifications discarded.\n"
    assert len(queues.discarded) == 3


def test_a_notification_is_shown_with_its_attempts(commands: Commands) -> None:
    at = datetime(2026, 11, 29, 8, 30, tzinfo=UTC)
    attempt = SimpleNamespace(at=at, duration_ms=12, status_code=404, code="HTTP_404", error="gone")
    silent = SimpleNamespace(at=at, duration_ms=9, status_code=None, code="", error=None)
    told = {"id": 7, "last_error_code": "HTTP_404"}
    one = SimpleNamespace(
        id=7, message_id="m7", request_id="r1", user_id="ada", channel="webhook", template_key=None,
        subject="", status="failed", created_at=at, sent_at=None, next_retry_at=None, error="gone",
        attempts=[attempt, silent], document=told,
    )  # fmt: skip
    sent = SimpleNamespace(
        **{**vars(one), "id": 8, "status": "sent", "attempts": [], "document": {}}
    )
    known = {7: one, 8: sent}
    client = SimpleNamespace(logs=SimpleNamespace(get=known.__getitem__))
    commands.replace(
        "notifications", connected=lambda _: nullcontext(client), by_id=lambda *_: [one, sent]
    )
    lines = commands.run("notifications", "show", "r1").stdout.splitlines()
    time = "2026-11-29T08:30:00Z"
    assert lines[:8] == [
        "id        m7",
        "row       7",
        "request   r1",
        "user      ada",
        "channel   webhook",
        "status    failed",
        f"accepted  {time}",
        "error     HTTP_404 gone",
    ]
    assert lines[8] == "2 attempts"
    assert lines[9].split() == ["at", "took", "answer", "error"]
    assert lines[10].split() == [time, "12", "ms", "404", "HTTP_404", "gone"]
    assert lines[11].split() == [time, "9", "ms", "-"]
    after = lines[12:]
    assert "→ Send it again: notifyctl notifications retry m7" in after
    end = after.index("")
    assert all(line.startswith("→") for line in after[:end])
    assert after[end + 1 : end + 3] == ["id        m7", "row       8"]
    assert after[-1] == "0 attempts"
    found = document(commands.run("notifications", "show", "r1", "--json"))
    assert found == [told, {}]


# what the options choose


@pytest.mark.parametrize("status", ["retry", "retry_scheduled"])
def test_the_options_choose_notifications(status: str) -> None:
    found = selection(
        user="ada",
        channel="slack",
        status=status,
        template="t",
        code="c",
        request_id="r",
        message_id="m",
        since="2026-11-29T08:00:00Z",
        until="2026-11-29T08:00:00Z",
    )
    moment = datetime(2026, 11, 29, 8, tzinfo=UTC)
    assert found == operations.Selection(
        "ada", "slack", "retry", "t", "c", "r", "m", moment, moment
    )
    with pytest.raises(UsageError, match="--until lies before --since"):
        selection(since="2026-11-29T08:00:01Z", until="2026-11-29T08:00:00Z")
    assert selection() == operations.Selection()


def test_an_id_is_looked_for_as_row_message_and_request(
    commands: Commands, service: FakeNotificationService
) -> None:
    ids = failing(commands, service)
    client: NotificationClient = service.client()
    (found,) = operations.by_id(client, ids[0])
    assert found.message_id == ids[0]
    assert operations.by_id(client, str(found.id))[0].message_id == ids[0]
    assert operations.by_id(client, found.request_id or "")
    with pytest.raises(UsageError, match="No notification has the id '99999'"):
        operations.by_id(client, "99999")

"""An operator finds notifications, sends them again, and learns why a user gets nothing."""

from __future__ import annotations

import json
import os
import secrets
from typing import Any

import pytest

from tests import forked_commands
from tests.installation import LIMIT, Installation
from tests.pseudo_terminal import open_terminal, read_terminal

pytestmark = pytest.mark.workerd


@pytest.fixture
def user(installation: Installation) -> str:
    """A user whose webhook answers 404, with two notifications that have failed."""
    name = f"lost-{secrets.token_hex(4)}"
    configure(installation, name, f"{installation.sink_url}/nowhere/{name}")
    for _ in range(2):
        send(installation, name)
    return name


def configure(installation: Installation, user: str, url: str) -> None:
    done = installation.ctl("users", "set", user, "--channel", "webhook", "--url", url)
    assert done.returncode == 0, done.stderr


def send(installation: Installation, user: str, template: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"user_id": user, "channels": ["webhook"]}
    body["custom_content"] = {"content": "Hello"}
    with installation.service() as service:
        found: dict[str, Any] = service.call("POST", "/api/notifications/send", body=body).json()
    return found


def listed(installation: Installation, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = installation.ctl_json("logs", *options)
    return found


def test_each_condition_of_the_log_chooses(installation: Installation, user: str) -> None:
    rows = listed(installation, "--user", user)
    assert [row["status"] for row in rows] == ["failed", "failed"]
    newest, oldest = rows
    code = newest["last_error_code"]
    assert code
    own = ("--user", user)
    assert listed(installation, "--id", newest["message_id"]) == [newest]
    assert listed(installation, "--request-id", oldest["request_id"]) == [oldest]
    assert listed(installation, *own, "--code", code) == rows
    assert listed(installation, *own, "--code", "NO_SUCH_CODE") == []
    assert listed(installation, *own, "--template", "no-such-template") == []
    assert listed(installation, *own, "--status", "retry_scheduled") == []
    assert listed(installation, *own, "--since", oldest["created_at"]) == rows
    assert oldest not in listed(installation, *own, "--since", newest["created_at"])
    assert newest not in listed(installation, *own, "--until", oldest["created_at"])
    assert listed(installation, *own, "--limit", "1") == [newest]
    refused = installation.ctl("logs", "--since", "1h", "--until", "2h")
    assert (refused.returncode, "--until lies before --since" in refused.stderr) == (2, True)


def on_terminal(installation: Installation, columns: int, *arguments: str) -> str:
    """Run a command on a terminal of so many columns, and return what it shows."""
    ours, theirs = open_terminal(lines=24, columns=columns)
    environment = {**installation.environment, "TERM": "xterm", "NO_COLOR": "1"}
    environment.pop("COLUMNS", None)
    process = forked_commands.start(arguments, environment=environment, stdin=theirs, stdout=theirs)
    os.close(theirs)
    shown = read_terminal(ours)
    process.communicate(timeout=LIMIT)
    return shown


@pytest.mark.parametrize("columns", [60, 80, 100])
def test_ids_and_times_can_be_copied_in_every_width(
    installation: Installation, user: str, columns: int
) -> None:
    shown = on_terminal(installation, columns, "logs", "--user", user)
    for row in listed(installation, "--user", user):
        assert row["message_id"] in shown
        assert f"{row['created_at'][:19]}Z" in shown
    assert max(map(len, shown.splitlines())) <= columns


def test_a_notification_is_shown_with_what_was_answered(
    installation: Installation, user: str
) -> None:
    row = listed(installation, "--user", user)[0]
    for given in (row["message_id"], str(row["id"]), row["request_id"]):
        shown = installation.ctl("notifications", "show", given)
        assert shown.returncode == 0, shown.stderr
        assert row["message_id"] in shown.stdout
        assert "1 attempt\n" in shown.stdout
        assert "404" in shown.stdout
        assert f"notifyctl notifications retry {row['message_id']}" in shown.stdout
    unknown = installation.ctl("notifications", "show", "ntf_0")
    assert (unknown.returncode, "No notification has the id 'ntf_0'" in unknown.stderr) == (2, True)


def test_a_user_who_gets_nothing_is_explained_mended_and_served(
    installation: Installation, user: str
) -> None:
    told = installation.ctl("explain", user)
    assert told.returncode == 1
    assert "webhook: failed, last at" in told.stdout
    assert "404" in told.stdout
    assert "2 of the last 2 notifications failed" in told.stdout
    command = f"notifyctl notifications retry --user {user} --channel webhook"
    assert command in told.stdout

    configure(installation, user, f"{installation.sink_url}/hook/{user}")
    retried = installation.ctl_json(*command.split()[1:])
    assert (retried["matched"], retried["queued"]) == (2, 2)
    for _ in range(100):
        if all(row["status"] == "sent" for row in listed(installation, "--user", user)):
            break
        installation.advance_clock(1)
    assert len(installation.arrivals(f"/hook/{user}")) == 2
    told = installation.ctl("explain", user)
    assert (told.returncode, "webhook: reached, last at" in told.stdout) == (0, True)


def test_a_user_is_explained_whatever_is_wrong(installation: Installation) -> None:
    name = f"odd-{secrets.token_hex(4)}"
    unknown = installation.ctl("explain", name)
    assert unknown.returncode == 1
    assert f"knows no user '{name}'" in unknown.stdout
    configure(installation, name, f"{installation.sink_url}/hook/{name}")
    unused = installation.ctl("explain", name)
    assert (unused.returncode, "never used" in unused.stdout) == (0, True)
    installation.ctl("users", "set", name, "--channel", "webhook", "--inactive")
    off = installation.ctl("explain", name)
    assert (off.returncode, "switched off" in off.stdout) == (1, True)
    assert f"notifyctl users set {name} --channel webhook --active" in off.stdout


def test_failed_notifications_are_discarded_once_somebody_says_so(
    installation: Installation, user: str
) -> None:
    refused = installation.ctl("notifications", "discard")
    assert (refused.returncode, "Say which ones" in refused.stderr) == (2, True)
    asked = installation.ctl("notifications", "discard", "--user", user)
    assert (asked.returncode, "2 failed notifications" in asked.stderr) == (2, True)
    one = listed(installation, "--user", user)[0]["message_id"]
    assert installation.ctl_json("notifications", "discard", one, "--yes")["discarded"] == 1
    done = installation.ctl_json("notifications", "discard", "--user", user, "--yes")
    assert done["discarded"] >= 1
    rows = listed(installation, "--user", user)
    assert all("iscarded" in (row["error"] or "") for row in rows), json.dumps(rows)


def test_a_retry_says_why_it_leaves_one_out(installation: Installation) -> None:
    name = f"fine-{secrets.token_hex(4)}"
    configure(installation, name, f"{installation.sink_url}/hook/{name}")
    send(installation, name)
    row = listed(installation, "--user", name)[0]
    done = installation.ctl("notifications", "retry", row["message_id"])
    assert done.returncode == 1
    assert "1 left out: they haven't failed" in done.stdout
    both = installation.ctl("notifications", "retry", row["message_id"], "--user", name)
    assert (both.returncode, "not both" in both.stderr) == (2, True)

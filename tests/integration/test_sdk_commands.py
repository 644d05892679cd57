"""The commands that work through the client library."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import pytest

from tests.installation import Installation

pytestmark = [pytest.mark.workerd, pytest.mark.requirement("C-10.1")]
STACK = ("--stack", "local")


def refused(installation: Installation, *arguments: str) -> tuple[int, str]:
    result = installation.ctl(*arguments)
    return result.returncode, result.stderr


def test_a_template_is_saved_shown_rendered_listed_and_switched_off(
    installation: Installation, tmp_path: Path
) -> None:
    key = f"t-{secrets.token_hex(4)}"
    contents = {"webhook": {"content_template": "{{id}} for {{who.name}}", "content_type": "text"}}
    file = tmp_path / "template.json"
    file.write_text(json.dumps({"name": "Order", "variables": ["id"], "contents": contents}))
    saved = installation.ctl("templates", "set", key, "--file", str(file), *STACK)
    assert (saved.returncode, saved.stdout) == (0, f"Saved {key}.\n")

    shown = json.loads(installation.ctl("templates", "show", key, *STACK).stdout)
    assert (shown["name"], shown["variables"], shown["is_active"]) == ("Order", ["id"], True)
    assert shown["contents"]["webhook"]["content_template"] == "{{id}} for {{who.name}}"
    file.write_text(json.dumps(shown))
    assert installation.ctl("templates", "set", key, "--file", str(file), *STACK).returncode == 0

    rendered = installation.ctl_json(
        "templates", "render", key, "-v", "id=007", "-v", 'who={"name": "Ada"}', *STACK
    )
    assert rendered["webhook"]["content"] == "007 for Ada"
    plain = installation.ctl("templates", "render", key, "-v", "id=7", *STACK).stdout
    assert plain.splitlines()[0] == "webhook (text)"
    assert "  missing: who.name" in plain.splitlines()

    def listed(*more: str) -> dict[str, bool]:
        found = installation.ctl_json("templates", "list", *more, *STACK)
        return {each["key"]: each["is_active"] for each in found}

    assert listed()[key]
    assert installation.ctl("templates", "delete", key, *STACK).returncode == 0
    assert key not in listed()
    assert listed("--inactive")[key] is False


def test_a_user_is_configured_tried_out_and_shown(
    installation: Installation, tmp_path: Path
) -> None:
    user = f"user-{secrets.token_hex(4)}"
    hook = f"{installation.sink_url}/hook/{user}"
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"webhook_url": hook, "secret": "a secret of this test"}))
    done = installation.ctl("users", "set", user, "-c", "webhook", "--file", str(file), *STACK)
    assert (done.returncode, done.stdout) == (0, f"{user} is reached over webhook.\n")

    sent = installation.ctl_json("users", "test", user, "--message", "Hello", *STACK)
    assert [each["status"] for each in sent["results"]] == ["sent"]
    [arrival] = installation.arrivals(f"/hook/{user}")
    assert json.loads(arrival["body"])["content"] == "Hello"

    shown = installation.ctl_json("users", "show", user, *STACK)
    [config] = shown["configs"]
    assert (config["channel"], config["is_active"]) == ("webhook", True)
    assert config["config"]["webhook_url"] == hook
    assert "a secret" not in json.dumps(shown)
    assert shown["last"][0]["content"] == "Hello"
    assert user in installation.ctl("users", "show", user, *STACK).stdout.replace("\n", "")

    off = installation.ctl("users", "set", user, "-c", "webhook", "--inactive", *STACK)
    assert off.stdout == f"{user} is no longer reached over webhook.\n"
    code, said = refused(installation, "users", "test", user, *STACK)
    assert code == 6
    assert "was refused with 400 USER_NO_CHANNELS" in said


def test_send_and_logs_print_what_the_service_answers(installation: Installation) -> None:
    user = f"user-{secrets.token_hex(4)}"
    hook = f"{installation.sink_url}/hook/{user}"
    arguments = ("send", "--user", user, "--url", hook, "-m", "It works", "--subject", "Hi", *STACK)
    answer = installation.ctl_json(*arguments, "--idempotency-key", "one")
    again = installation.ctl_json(*arguments, "--idempotency-key", "one")
    assert answer["success"] is True
    assert again["results"][0]["messageId"] == answer["results"][0]["messageId"]
    [row] = installation.ctl_json("logs", "--user", user, "--status", "sent", *STACK)
    assert (row["message_id"], row["subject"]) == (answer["results"][0]["messageId"], "Hi")
    assert len(installation.arrivals(f"/hook/{user}")) == 1

    code, said = refused(installation, "logs", "--status", "lost", *STACK)
    assert (code, "GET /api/notification-logs was refused with 400 INVALID_PARAMETER" in said) == (
        6,
        True,
    )
    failing = ("send", "--user", user, "--url", f"{hook}?status=404", "-m", "x", *STACK)
    assert refused(installation, *failing)[0] == 1

"""The lines that end a deployment: where everything is, and what to do next."""

from __future__ import annotations

from typing import Any

from ops.stacks.deployment_report import DeploymentReport
from ops.stacks.driver import StackUpdate


def summary(sink_url: str | None = "http://127.0.0.1:8789", **outputs: Any) -> str:
    update = StackUpdate(
        kind="update", changes={"create": 1}, outputs=outputs, seconds=1.0, version=1
    )
    report = DeploymentReport("local", update, sink_url, 2.0, "/console")
    return "\n".join(report.summary())


def test_the_first_message_to_send_is_a_chats_own_call() -> None:
    text = summary(service_url="http://127.0.0.1:8788")
    assert "--channel lark --url http://127.0.0.1:8789/open-apis/bot/v2/hook/ada" in text
    assert "1 change in 2.0 s." in text


def test_a_change_comes_next_and_the_way_back_once_there_is_something_to_go_back_to() -> None:
    one, two = [{"version_id": "a"}], [{"version_id": "a"}, {"version_id": "b"}]
    change = "Change    edit a file in worker/src, then: .venv/bin/notifyctl up --stack local"
    for text in (
        summary(service_url="http://s"),
        summary(service_url="http://s", releases=one),
    ):
        assert change in text
        assert "rollback" not in text
    text = summary(service_url="http://s", releases=two)
    assert "Undo      .venv/bin/notifyctl rollback --stack local" in text
    assert "Change" not in text


def test_a_stack_of_an_account_says_where_to_look() -> None:
    text = summary(None, service_url="https://notify.example", releases=[{}, {}])
    assert text.splitlines()[-2:] == [
        "Service   https://notify.example",
        "Look      notifyctl status --stack local",
    ]


def test_the_console_and_its_key_are_told_where_the_release_has_one() -> None:
    text = summary(service_url="http://s", release={"assets_sha256": "a" * 64})
    assert "Console   http://s/console/   (" in text
    # Whoever opens the first address sees a page, not the API's JSON.
    assert text.index("Console") < text.index("Service   http://s   (for programs")
    assert "outputs api_secret_key" in text
    assert "Console" not in summary(service_url="http://s", release={"assets_sha256": ""})

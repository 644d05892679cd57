"""A plan that only looks starts no local cloud."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.deploy import deployment as module
from ops.deploy.account_state import AccountState
from ops.deploy.deployment import Deployment
from ops.stacks.console import Reporter
from ops.stacks.driver import StackUpdate
from ops.stacks.errors import StackFailed
from tests.ops.contexts import context_of


@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize("start", [True, False])
def test_a_plan_that_only_looks_requires_what_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_local: bool, start: bool
) -> None:
    url = "http://127.0.0.1:9/client/v4" if is_local else "https://api.cloudflare.com/client/v4"
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config: {{cloudflare:baseUrl: '{url}'}}\n")
    calls: list[Any] = []
    update = StackUpdate("preview", {"same": 1})
    driver = SimpleNamespace(preview=lambda _: update)
    monkeypatch.setattr(module, "require_local_cloud", lambda _, stack: calls.append(stack))
    monkeypatch.setattr(module, "introduce", lambda _: calls.append("introduced"))
    monkeypatch.setattr(module, "choose_driver", lambda _: driver)
    monkeypatch.setattr(module, "AccountState", lambda _: AccountState.__new__(AccountState))
    monkeypatch.setattr(AccountState, "require_free_names", lambda _: calls.append("names"))
    for name in ("_check_settings", "_bundle", "prepare"):
        monkeypatch.setattr(Deployment, name, lambda _, name=name: calls.append(name))
    assert Deployment(context_of(tmp_path, "dev")).preview(start=start) is update
    looked = ["dev"] if is_local and not start else []
    assert calls == [*looked, "_check_settings", "introduced", "_bundle", "prepare", "names"]


RESOURCE = "urn:pulumi:dev::p::cloudflare:index/queue:Queue::"


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ([], "nothing"),
        (
            [{"urn": f"{RESOURCE}retry", "id": "q1"}, {"urn": f"{RESOURCE}failed", "id": "q2"}],
            "retry (q1), failed (q2)",
        ),
    ],
)
def test_a_first_deployment_that_fails_names_what_it_made_and_both_ways_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: list[Any], named: str
) -> None:
    found = iter([[], made])
    monkeypatch.setattr(
        module,
        "AccountState",
        lambda _: SimpleNamespace(require_free_names=lambda: None, made=next(found)),
    )
    monkeypatch.setattr(Deployment, "preview", lambda _: StackUpdate("preview", {}))
    monkeypatch.setattr(Deployment, "prepare", lambda _: None)

    def fail(*_: Any, **__: Any) -> StackUpdate:
        raise StackFailed("A queue was refused.")

    monkeypatch.setattr(Deployment, "update", fail)
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    with pytest.raises(StackFailed) as failed:
        Deployment(context_of(tmp_path, "dev")).run(message="m", verify=False)
    assert str(failed.value) == (
        f"A queue was refused. Created so far: {named}. 'notifyctl up --stack dev' goes on from "
        "there; 'notifyctl destroy --stack dev' removes it."
    )
    # A later one says what failed, and no more.
    found = iter([made or [{"urn": RESOURCE, "id": "q0"}]])
    with pytest.raises(StackFailed, match=r"^A queue was refused\.$"):
        Deployment(context_of(tmp_path, "dev")).run(message="m", verify=False)


@pytest.mark.parametrize(
    ("serving", "version", "shares", "warned"),
    [
        ("aaaabbbbcccc", "ddddeeeeffff", [{}], True),
        ("aaaabbbbcccc", "0000eeeeffff", [{}], True),
        ("aaaabbbbcccc", "aaaabbbbcccc", [{}], False),
        ("aaaabbbbcccc", "ddddeeeeffff", [{}, {}], False),
        ("aaaabbbbcccc", "ddddeeeeffff", [], False),
        ("aaaabbbbcccc", "ddddeeeeffff", None, False),
    ],
)
def test_a_pin_that_keeps_a_deployment_from_serving_is_told(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    serving: str,
    version: str,
    shares: list[Any] | None,
    warned: bool,
) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    outputs = {"serving_version_id": serving, "version_id": version, "serving": shares}
    Deployment(context_of(tmp_path, "dev", reporter=Reporter())).warn_of_pin(outputs)
    said = " ".join(capsys.readouterr().out.split())
    assert said == (
        "warning: version aaaabbbb is pinned in place of this bundle, so your bundle doesn't "
        "serve. The next bundle will, or remove notification-system:pin from the stack's file."
        if warned
        else ""
    )


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize("has_service", [True, False])
def test_a_deployment_asks_deploys_and_verifies_in_this_order(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    verify: bool,
    is_local: bool,
    has_service: bool,
) -> None:
    url = "http://127.0.0.1:9/client/v4" if is_local else "https://api.cloudflare.com/client/v4"
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config: {{cloudflare:baseUrl: '{url}'}}\n")
    calls: list[Any] = []
    note = calls.append
    account = SimpleNamespace(require_free_names=lambda: note("names"), made=[])
    monkeypatch.setattr(module, "AccountState", lambda _: account)
    outputs = {"service_url": "u", "api_secret_key": "k"} if has_service else {}
    update = StackUpdate("update", {"create": 1}, outputs)
    monkeypatch.setattr(Deployment, "preview", lambda _: note("preview"))
    monkeypatch.setattr(Deployment, "ask_about_loss", lambda *_: note("loss"))
    monkeypatch.setattr(Deployment, "_check_settings", lambda _: note("settings"))
    monkeypatch.setattr(Deployment, "_bundle", lambda _: note("bundle"))
    monkeypatch.setattr(Deployment, "prepare", lambda _: note("prepare") or "sink")
    monkeypatch.setattr(Deployment, "_first_notification", lambda *_: note("first"))
    checks = SimpleNamespace(run=lambda _: note("checks"))
    monkeypatch.setattr(Deployment, "checks", lambda _: checks)
    monkeypatch.setattr(module, "console_path", lambda _: "/console")

    def deploy(_: Any, message: str, *, is_planned: bool) -> StackUpdate:
        note((message, is_planned))
        return update

    monkeypatch.setattr(Deployment, "update", deploy)
    report = Deployment(context_of(tmp_path, "dev")).run(message="m", verify=verify)
    asked = ["settings", "bundle"] if is_local else ["preview", "loss"]
    verified = ["checks", "first"] if verify and has_service else []
    assert calls == [*asked, "prepare", "names", ("m", True), *verified]
    assert (report.stack, report.update, report.sink_url, report.console_path) == (
        *("dev", update, "sink", "/console"),
    )


@pytest.mark.parametrize("start", [True, False])
@pytest.mark.parametrize("is_local", [True, False])
@pytest.mark.parametrize("missing", ["", "service_url", "api_secret_key"])
def test_outputs_are_those_of_a_stack_with_a_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: bool, is_local: bool, missing: str
) -> None:
    url = "http://127.0.0.1:9/client/v4" if is_local else "https://api.cloudflare.com/client/v4"
    (tmp_path / "Pulumi.dev.yaml").write_text(f"config: {{cloudflare:baseUrl: '{url}'}}\n")
    calls: list[Any] = []
    outputs = {"service_url": "u", "api_secret_key": "k", "version_id": "v"}
    outputs.pop(missing, None)
    driver = SimpleNamespace(outputs=lambda *, show_secrets: show_secrets and outputs)
    monkeypatch.setattr(module, "choose_driver", lambda _: driver)
    monkeypatch.setattr(module, "require_local_cloud", lambda _, stack: calls.append(stack))
    monkeypatch.setattr(Deployment, "prepare", lambda _: calls.append("prepare"))
    deployment = Deployment(context_of(tmp_path, "dev"))
    if missing:
        with pytest.raises(StackFailed, match="The stack 'dev' isn't deployed: it has no service_"):
            deployment.outputs(start=start)
    else:
        assert deployment.outputs(start=start) == outputs
    assert calls == [*(["dev"] if is_local and not start else []), "prepare"]


@pytest.mark.parametrize("forgotten", [0, 2])
def test_a_refresh_keeps_the_state_and_warns_of_what_it_would_forget(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    forgotten: int,
) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    calls: list[Any] = []
    result = StackUpdate("refresh", {"delete": forgotten} if forgotten else {"same": 3})

    def refresh(_: Any) -> StackUpdate:
        calls.append("refresh")
        return result

    def keep(*kept: Any) -> str:
        calls.append(kept)
        return "kept.json"

    driver = SimpleNamespace(export=lambda: {"a": 1}, refresh=refresh)
    monkeypatch.setattr(module, "choose_driver", lambda _: driver)
    monkeypatch.setattr(module, "introduce", lambda _: calls.append("introduce"))
    monkeypatch.setattr(module, "keep_state", keep)
    context = context_of(tmp_path, "dev", reporter=Reporter())
    assert Deployment(context).refresh() is result
    kept = (context.project.home, "dev", {"a": 1})
    assert calls == ["introduce", kept, "refresh"]
    said = " ".join(capsys.readouterr().out.split())
    warning = (
        f"The account seems to have lost {forgotten} of the stack's resources. Where that isn't "
        "so, the credential was wrong: pulumi stack import --stack dev --file kept.json"
    )
    assert (warning in said) == bool(forgotten)

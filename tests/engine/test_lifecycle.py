"""The project's own kind of program, with the real SDK, from nothing to nothing."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from engine import EngineEvent, session
from tests.engine.fake_cloudflare import FakeCloudflare
from tests.engine.workspace import CANARY, Workspace


def names(steps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(op, urn.rpartition("::")[2]) for op, urn in steps]


def test_a_service_is_created_kept_changed_and_destroyed(
    workspace: Workspace, api: FakeCloudflare
) -> None:
    workspace.program("service")
    created = workspace.up()
    assert created.changes == {"create": 11}
    assert created.outputs["version"] == workspace.resource("v")["id"]
    assert created.secret_outputs == {"api_key"}

    _assert_written_as_by_the_real_provider(workspace)

    calls = len(api.changing_calls())
    before = workspace.stack_file.read_text().split('"secrets_providers"')[1]
    assert workspace.up().changes == {"same": 11}
    assert len(api.changing_calls()) == calls
    assert workspace.stack_file.read_text().split('"secrets_providers"')[1] == before

    workspace.config["body"] = "print(2)"
    changed = workspace.up()
    assert changed.changes == {"replace": 2, "same": 9}
    assert names(changed.steps) == [
        ("replace", "v"),
        ("replace", "d"),
        ("delete-replaced", "d"),
        ("delete-replaced", "v"),
    ]
    assert not [call for call in api.calls if call[0] == "DELETE"]

    assert workspace.engine().refresh().changes == {"same": 11}
    engine = workspace.engine()
    assert engine.outputs()["api_key"] == "[secret]"
    assert engine.outputs(show_secrets=True)["api_key"] == CANARY
    assert CANARY not in workspace.everything_written()

    gone = engine.destroy()
    assert gone.changes == {"delete": 11}
    assert api.listing() == []
    kinds = [(entry["kind"], entry["version"]) for entry in engine.history()]
    assert kinds[0] == ("destroy", 5)
    assert kinds[-1] == ("update", 1)


def _assert_written_as_by_the_real_provider(workspace: Workspace) -> None:
    version = workspace.resource("v")
    assert version["outputs"]["__meta"] == '{"schema_version":"500"}'
    assert "ciphertext" in version["inputs"]["bindings"]
    assert "ciphertext" in version["outputs"]["bindings"]
    assert [len(item["contentSha256"]) for item in version["outputs"]["modules"]] == [64, 64]
    assert version["outputs"]["createdOn"] == "2026-11-21T21:51:51Z"
    assert workspace.resource("qc")["id"] == "missing ID"
    assert workspace.resource("cron")["id"] == "notification-system-dev"
    collection = f"workers/workers/{workspace.resource('w')['id']}/versions"
    sent = next(iter(workspace.api.objects[collection].values()))
    bindings = [item["name"] for item in sent["bindings"]]
    assert bindings == sorted(bindings)


def test_a_listener_that_fails_is_heard_of_at_the_end_and_stops_nothing(
    workspace: Workspace, api: FakeCloudflare
) -> None:
    def broken(event: EngineEvent) -> None:
        raise RuntimeError("the listener broke")

    workspace.program("stores")
    with pytest.raises(RuntimeError, match="the listener broke"):
        workspace.engine(on_event=broken).up()
    assert len(api.listing()) == 5
    assert workspace.engine().history()[0]["result"] == "succeeded"
    assert list((workspace.backend / ".pulumi/locks").rglob("*.json")) == []
    assert workspace.up().changes == {"same": 7}


def test_an_update_takes_its_time_though_the_clock_is_set_back_meanwhile(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.program("service")
    moments, passed = iter([1_000.0, 500.0, 400.0]), iter([10.0, 12.5])
    clock = SimpleNamespace(time=lambda: next(moments), monotonic=lambda: next(passed))
    monkeypatch.setattr(session, "time", clock)
    result = workspace.engine().refresh()
    assert (result.result, result.duration_s) == ("succeeded", 2.5)
    [entry] = workspace.engine().history()
    assert (entry["startTime"], entry["endTime"]) == (1_000, 1_002)


def test_every_operation_keeps_the_derived_key_where_the_engine_is_told(
    workspace: Workspace,
) -> None:
    workspace.program("service")
    kept = workspace.folder / "key"
    engine = workspace.engine(key_file=kept)
    asked: dict[str, Callable[[], object]] = {
        "refresh": engine.refresh,
        "outputs": lambda: engine.outputs(show_secrets=True),
        "export": lambda: engine.export(show_secrets=True),
        "destroy": engine.destroy,
    }
    for name, ask in asked.items():
        ask()
        assert kept.is_file(), name
        kept.unlink()

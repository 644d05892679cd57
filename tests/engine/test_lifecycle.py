"""The project's own kind of program, with the real SDK, from nothing to nothing."""

import pytest

from engine import EngineEvent
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

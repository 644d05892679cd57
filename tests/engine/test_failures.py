"""Runs that fail, and what is left after them."""

import pytest

from engine.errors import WrongPassphrase
from tests.engine.fake_cloudflare import FakeCloudflare, Refusal
from tests.engine.test_lifecycle import names
from tests.engine.workspace import CANARY, Workspace


def test_a_refused_create_stops_dependants_alone_and_the_retry_finishes(
    workspace: Workspace, api: FakeCloudflare
) -> None:
    workspace.program("stores")
    api.refuse[("POST", "workers/workers$")] = Refusal(403, 10000, "Workers is not enabled")
    failed = workspace.engine().up()
    assert failed.result == "failed"
    assert "Worker 'w' failed" in failed.message
    assert "403: Workers is not enabled (code 10000)" in failed.message
    assert not [call for call in api.calls if call[0] == "POST" and "consumers" in call[1]]
    assert {"db", "kv", "rq"} <= {
        r["urn"].rpartition("::")[2] for r in workspace.state()["resources"]
    }
    assert "pending_operations" not in workspace.state()
    api.refuse.clear()
    assert names(workspace.up().steps) == [("create", "w"), ("create", "qc")]


def test_nothing_is_deleted_where_the_program_fails(
    workspace: Workspace, api: FakeCloudflare
) -> None:
    workspace.program("stores")
    workspace.up()
    workspace.edit(r"(?s)consumer = .*# edit: end", "raise ValueError('it is ' + 'broken')")
    failed = workspace.engine().up()
    assert failed.result == "failed"
    assert failed.message.startswith("The Pulumi program failed: ValueError: it is broken (app/")
    assert "Traceback" not in workspace.said()
    assert not [call for call in api.calls if call[0] == "DELETE"]
    assert failed.outputs["database"] == workspace.resource("db")["id"]


def test_a_failing_program_is_told_with_its_own_line_where_an_installed_package_raised(
    workspace: Workspace,
) -> None:
    workspace.program("stores")
    package = workspace.folder / "app/.venv/lib/site-packages/careless.py"
    package.parent.mkdir(parents=True)
    package.write_text("def load(key):\n    raise KeyError(key)\n")
    (workspace.folder / "app/parts.py").write_text(
        "import sys\n"
        f"sys.path.append({str(package.parent)!r})\n"
        "import careless\n"
        "def load(key):\n"
        "    careless.load(key)\n"
    )
    broken = 'import parts\\nparts.load(config.require("apiKey"))'
    workspace.edit(r"(?s)consumer = .*# edit: end", broken)
    failed = workspace.engine().preview()
    assert failed.message.startswith(
        "The Pulumi program failed: KeyError: '[secret]' (app/parts.py:5). "
    )
    assert "Traceback" not in workspace.said()
    assert CANARY not in workspace.everything_written()


def test_an_error_in_a_value_that_several_resources_wait_for_is_told_with_its_line(
    workspace: Workspace,
) -> None:
    workspace.program("stores")
    broken = (
        'name = database.id.apply(lambda known: known["none"])\n'
        'worker = Resource("Worker", "w", {"name": name})\n'
        'other = Resource("Worker", "v", {"name": "v", "tags": [name, name]})\n'
        'pulumi.export("name", name)\n'
    )
    workspace.edit(r"(?s)worker = .*# edit: end", broken)
    program = (workspace.folder / "app/__main__.py").read_text().splitlines()
    line = 1 + program.index(broken.splitlines()[0])
    failed = workspace.engine().up()
    assert "TypeError: string indices must be integers" in failed.message
    assert f" (app/__main__.py:{line}). " in failed.message


def test_an_unreachable_api_is_told_in_one_sentence(workspace: Workspace) -> None:
    workspace.program("stores")
    workspace.api.close()
    failed = workspace.engine().up()
    assert "did not answer POST" in failed.message
    assert "see that the local cloud runs" in failed.message


def test_a_secret_in_a_providers_answer_is_not_repeated(
    workspace: Workspace, api: FakeCloudflare
) -> None:
    workspace.program("stores")
    workspace.edit("# edit: end", 'print("key", config.require("apiKey"))\n# edit: end')
    api.refuse[("POST", "queues$")] = Refusal(400, 1, f"no queue for {CANARY}")
    failed = workspace.engine().up()
    assert "no queue for [secret]" in failed.message
    assert CANARY not in workspace.everything_written()
    assert "key [secret]" in workspace.said()


def test_drift_is_found_by_a_refresh_and_put_right_by_the_next_up(
    workspace: Workspace, api: FakeCloudflare
) -> None:
    workspace.program("stores")
    workspace.up()
    queue = api.objects["queues"][workspace.resource("rq")["id"]]
    queue |= {"queue_name": "renamed by hand", "consumers_total_count": 1}
    text = workspace.stack_file.read_text()
    assert names(workspace.engine().refresh(preview_only=True).steps) == [("update", "rq")]
    assert workspace.stack_file.read_text() == text
    assert workspace.engine().refresh().changes == {"same": 6, "update": 1}
    assert workspace.engine().refresh().changes == {"same": 6, "update": 1}
    assert names(workspace.up().steps) == [("update", "rq")]
    assert api.names("queues") == ["retry-queue"]


def test_a_wrong_passphrase_is_refused_before_the_program_registers_anything(
    workspace: Workspace,
) -> None:
    workspace.program("stores")
    workspace.up()
    calls = len(workspace.api.calls)
    with pytest.raises(WrongPassphrase, match="give the passphrase"):
        workspace.engine(passphrase="another").up()
    assert len(workspace.api.calls) == calls
    assert list((workspace.backend / ".pulumi/locks").rglob("*.json")) == []
    assert workspace.up().changes == {"same": 7}

"""Resources that exist already come under management by the option ``import_``."""

from typing import Any

import pytest

from tests.engine.fake_cloudflare import ACCOUNT, TOKEN, FakeCloudflare
from tests.engine.older_plugin import fit_to_plugin
from tests.engine.test_real_pulumi import Cli
from tests.engine.workspace import Workspace


@pytest.fixture
def existing(workspace: Workspace, api: FakeCloudflare) -> dict[str, str]:
    """The account of somebody who made database, namespace, queue and Worker by hand; the
    program names them by import ids."""
    made = {
        "db": ("d1/database", {"name": "db", "read_replication": {"mode": "disabled"}}),
        "kv": ("storage/kv/namespaces", {"title": "old title"}),
        "rq": ("queues", {"queue_name": "retry-queue"}),
        "w": ("workers/workers", _worker()),
    }
    ids = {}
    for name, (collection, body) in made.items():
        answer = api.answer("POST", collection, body, TOKEN)
        ids[name] = answer.get("uuid") or answer.get("queue_id") or answer["id"]
    workspace.program("stores")
    workspace.edit(
        '{"name": "service"}', '{"name": "service", "observability": {"enabled": False}}'
    )
    for name, identifier in ids.items():
        pattern = rf'("{name}", \{{[^\n]*\}}+)(, depends_on=[^\n]*)?\)\n'
        workspace.edit(pattern, rf'\1, import_="{ACCOUNT}/{identifier}"\2)\n')
    return ids


def _worker() -> dict[str, Any]:
    return {
        "name": "service",
        "logpush": False,
        "observability": {
            "enabled": False,
            "head_sampling_rate": 1,
            "traces": {
                "enabled": False,
                "head_sampling_rate": 1,
                "destinations": [],
                "persist": True,
            },
        },
        "subdomain": {"enabled": False, "previews_enabled": False},
        "tags": [],
        "tail_consumers": [],
    }


@pytest.mark.requirement("S0-15", "S0-16")
def test_what_exists_is_imported_and_what_differs_is_updated(
    workspace: Workspace, api: FakeCloudflare, existing: dict[str, str]
) -> None:
    calls = len(api.changing_calls())
    planned = workspace.engine().preview()
    assert planned.result == "succeeded", planned.message
    assert planned.changes == {"create": 3, "import": 4, "update": 1}
    assert len(api.changing_calls()) == calls, "a preview reads and changes nothing"

    done = workspace.up()
    assert done.changes == planned.changes
    assert {name: workspace.resource(name)["id"] for name in existing} == existing
    assert len(api.objects["d1/database"]) == len(api.objects["workers/workers"]) == 1
    assert api.objects["storage/kv/namespaces"][existing["kv"]]["title"] == "cache"
    assert workspace.resource("db")["importID"] == f"{ACCOUNT}/{existing['db']}"

    assert workspace.up().changes == {"same": 7}
    assert workspace.engine().refresh().changes == {"same": 7}


def test_import_ids_that_are_taken_out_later_change_nothing(
    workspace: Workspace, existing: dict[str, str]
) -> None:
    workspace.up()
    workspace.edit(r', import_="[^"]*"', "")
    assert workspace.up().changes == {"same": 7}
    assert "importID" not in workspace.resource("db")


def test_what_would_be_replaced_is_not_imported(
    workspace: Workspace, api: FakeCloudflare, existing: dict[str, str]
) -> None:
    workspace.edit('"db", {"name": "db"', '"db", {"name": "other"')
    result = workspace.engine().up()
    assert result.result == "failed"
    assert "name of what exists differs" in result.message
    assert api.names("d1/database") == ["db"]


def test_an_id_that_is_nobodys_is_refused(
    workspace: Workspace, api: FakeCloudflare, existing: dict[str, str]
) -> None:
    del api.objects["d1/database"][existing["db"]]
    result = workspace.engine().preview()
    assert result.result == "failed"
    assert f"there is no {ACCOUNT}/{existing['db']}" in result.message


def test_another_resource_in_the_place_of_a_managed_one_is_refused(
    workspace: Workspace, api: FakeCloudflare
) -> None:
    workspace.program("stores")
    workspace.up()
    other = api.answer("POST", "storage/kv/namespaces", {"title": "other"}, TOKEN)["id"]
    workspace.edit(r'("kv", \{[^\n]*\})\)', rf'\1, import_="{ACCOUNT}/{other}")')
    result = workspace.engine().up()
    assert result.result == "failed"
    assert "the stack manages" in result.message
    assert len(api.objects["storage/kv/namespaces"]) == 2


@pytest.mark.real_pulumi
def test_the_real_cli_imports_the_same_and_takes_over(
    workspace: Workspace,
    api: FakeCloudflare,
    existing: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    cli = Cli(workspace)
    cli("stack", "init")
    changes = cli.up()
    assert changes["import"] == 4
    assert {name: workspace.resource(name)["id"] for name in existing} == existing
    assert workspace.up().changes == {"same": 7}
    cli("preview", "--expect-no-changes")


@pytest.mark.real_pulumi
def test_the_real_cli_accepts_what_this_engine_imported(
    workspace: Workspace, existing: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TOKEN)
    workspace.up()
    fit_to_plugin(workspace.stack_file)
    Cli(workspace)("preview", "--expect-no-changes")

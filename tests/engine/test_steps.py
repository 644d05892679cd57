"""What the planner does where random programs, which the real CLI judges, seldom or never come."""

import pytest

from engine import EngineError
from tests.engine.fake_cloudflare import FakeCloudflare
from tests.engine.test_lifecycle import names
from tests.engine.workspace import Workspace


@pytest.fixture
def stores(workspace: Workspace) -> Workspace:
    workspace.program("stores")
    workspace.up()
    return workspace


def test_delete_before_replace_takes_dependents_that_must_follow_first(
    stores: Workspace, api: FakeCloudflare
) -> None:
    stores.edit(
        r'queue = Resource\("Queue", "rq", \{"queueName": "retry-queue"\}\)',
        'queue = Resource("Queue", "rq", {"queueName": "q2"}, replace_on_changes=["queueName"], '
        "delete_before_replace=True)",
    )
    assert names(stores.up().steps) == [
        ("delete-replaced", "qc"),
        ("delete-replaced", "rq"),
        ("replace", "rq"),
        ("replace", "qc"),
    ]
    assert api.names("queues") == ["q2"]
    assert not any(r.get("pendingReplacement") for r in stores.state()["resources"])
    assert stores.up().changes == {"same": 7}


def test_deleted_with_saves_the_call_where_the_other_goes_too(
    stores: Workspace, api: FakeCloudflare
) -> None:
    stores.edit(r"depends_on=\[worker\],", "depends_on=[worker], deleted_with=queue,")
    stores.up()
    stores.engine().destroy()
    assert not [c for c in api.calls if c[0] == "DELETE" and "consumers" in c[1]]


def test_ignored_changes_are_no_changes(stores: Workspace) -> None:
    stores.edit(r'\{"title": "cache"\}', '{"title": "x"}, ignore_changes=["title"]')
    assert stores.up().changes == {"same": 7}
    assert stores.resource("kv")["inputs"]["title"] == "cache"


def test_a_replaced_resource_and_one_that_goes_with_it_have_nothing_to_ignore(
    stores: Workspace,
) -> None:
    stores.edit(
        r'"name": "db", "readReplication": \{"mode": "disabled"\}\}',
        '"name": "db2", "readReplication": {"mode": "auto"}}, ignore_changes=["readReplication"]',
    )
    stores.edit(
        '"queueName": "retry-queue"}', '"queueName": "q2"}, replace_on_changes=["queueName"]'
    )
    stores.edit(r'"q2"\}, ', '"q2"}, delete_before_replace=True, ')
    stores.edit(r"\{\"batchSize\": 10\},\n    \},", '{"batchSize": 9},\n    },')
    stores.edit(r"depends_on=\[worker\],", 'depends_on=[worker], ignore_changes=["settings"],')
    stores.up()
    assert stores.resource("db")["inputs"]["readReplication"] == {"mode": "auto"}
    assert stores.resource("qc")["inputs"]["settings"] == {"batchSize": 9}
    assert stores.up().changes == {"same": 7}


def test_a_protected_resource_is_neither_replaced_nor_deleted(
    stores: Workspace, api: FakeCloudflare
) -> None:
    stores.edit(r'"disabled"\}\}\)', '"disabled"}}, protect=True)')
    stores.up()
    stores.edit('"name": "db"', '"name": "db2"')
    refused = stores.engine().up()
    assert refused.result == "failed"
    assert "'db'" in refused.message
    assert "protected" in refused.message
    refused = stores.engine().destroy()
    assert "protected" in refused.message
    assert refused.steps == []
    assert api.names("d1/database") == ["db"]


def test_two_resources_of_one_name_are_refused(stores: Workspace) -> None:
    stores.edit("# edit: end", 'Resource("Namespace", "kv", {"title": "other"})\n# edit: end')
    refused = stores.engine().up()
    assert refused.result == "failed"
    assert "another name" in refused.message


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("replacement_trigger=1", "a replacement trigger"),
        ('custom_timeouts=pulumi.CustomTimeouts(create="5m")', "custom timeouts"),
    ],
)
def test_options_that_only_the_cli_has_are_refused_by_name(
    workspace: Workspace, option: str, named: str
) -> None:
    workspace.program("stores")
    workspace.edit(r'\{"title": "cache"\}', f'{{"title": "cache"}}, {option}')
    refused = workspace.engine().up()
    assert refused.result == "failed"
    assert named in refused.message
    assert "install the pulumi CLI" in refused.message


def test_a_stack_with_resources_is_not_removed(stores: Workspace) -> None:
    with pytest.raises(EngineError, match="destroy it first"):
        stores.engine().remove_stack()
    stores.engine().destroy()
    stores.engine().remove_stack()
    assert not stores.stack_file.exists()
    assert stores.engine().history() == []

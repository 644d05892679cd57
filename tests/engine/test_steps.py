"""What the planner does for each kind of change."""

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


def test_a_changed_name_of_a_queue_is_an_update_in_place(
    stores: Workspace, api: FakeCloudflare
) -> None:
    id_ = stores.resource("rq")["id"]
    stores.edit('"retry-queue"', '"other-queue"')
    assert names(stores.up().steps) == [("update", "rq"), ("update", "qc")]
    assert stores.resource("rq")["id"] == id_
    assert api.objects["queues"][id_]["queue_name"] == "other-queue"


def test_a_replacement_creates_before_it_deletes(stores: Workspace, api: FakeCloudflare) -> None:
    old = stores.resource("db")["id"]
    stores.edit('"name": "db"', '"name": "db2"')
    assert names(stores.up().steps) == [("replace", "db"), ("delete-replaced", "db")]
    assert api.names("d1/database") == ["db2"]
    assert stores.resource("db")["id"] != old


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


def test_what_the_program_drops_is_deleted(stores: Workspace, api: FakeCloudflare) -> None:
    stores.edit(r"(?s)consumer = .*# edit: end", "# edit: end")
    assert names(stores.up().steps) == [("delete", "qc")]


def test_a_retained_resource_is_only_forgotten(stores: Workspace, api: FakeCloudflare) -> None:
    stores.edit(r'\{"title": "cache"\}', '{"title": "cache"}, retain_on_delete=True')
    stores.up()
    stores.edit(r"cache = .*", "cache = queue = database")
    stores.edit(r"queue = R", "queue = R")
    assert names(stores.up().steps) == [("delete", "kv")]
    assert len(api.objects["storage/kv/namespaces"]) == 1


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


def test_a_rename_with_an_alias_replaces_nothing(stores: Workspace, api: FakeCloudflare) -> None:
    calls = len(api.changing_calls())
    stores.edit(
        r'"Queue", "rq", (\{.*\})\)', r'"Queue", "retry", \1, aliases=[pulumi.Alias(name="rq")])'
    )
    assert stores.up().changes == {"same": 7}
    assert len(api.changing_calls()) == calls
    text = stores.stack_file.read_text()
    assert "::rq" not in text
    assert "aliases" not in text
    stores.edit(r", aliases=\[.*?\]", "")
    assert stores.up().changes == {"same": 7}


def test_moving_into_a_component_with_aliases_replaces_nothing(
    stores: Workspace, api: FakeCloudflare
) -> None:
    calls = len(api.changing_calls())
    stores.edit(
        "# edit: begin",
        "class Group(pulumi.ComponentResource):\n"
        "    def __init__(self) -> None:\n"
        '        super().__init__("probe:index:Group", "group")\n'
        '        self.register_outputs({"a": 1})\n\n\n'
        "group = Group()",
    )
    stores.edit(
        r'\{"title": "cache"\}',
        '{"title": "cache"}, parent=group, '
        "aliases=[pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)]",
    )
    assert names(stores.up().steps) == [("create", "group")]
    assert len(api.changing_calls()) == calls
    assert stores.resource("kv")["parent"].endswith("Group::group")
    assert stores.resource("group")["outputs"] == {"a": 1}


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

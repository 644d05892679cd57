"""States that older versions of the provider wrote, under today's program and stand-ins.

What an older version leaves in a state: its own number in the provider's resource, another schema
version in each resource's private note or none, and no outputs that came later. The real plugin's
own upgraders of such states are not part of the stand-ins and are not shown here.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.workspace import Workspace

Resource = dict[str, Any]


def older_schema(resource: Resource) -> None:
    if "__meta" in resource.get("outputs", {}):
        resource["outputs"]["__meta"] = '{"schema_version":"0"}'


def no_note(resource: Resource) -> None:
    resource.get("outputs", {}).pop("__meta", None)
    resource.get("outputs", {}).pop("__pulumi_raw_state_delta", None)


def no_later_outputs(resource: Resource) -> None:
    """Computed outputs that came with a later version."""
    for name in ("modifiedOn", "createdOn", "number", "authorEmail", "fileSize", "numTables"):
        resource.get("outputs", {}).pop(name, None)


def older_provider(resource: Resource) -> None:
    if resource["type"] == "pulumi:providers:cloudflare":
        for part in ("inputs", "outputs"):
            resource[part]["version"] = "6.17.0"


def rewrite(workspace: Workspace, *changes: Callable[[Resource], None]) -> int:
    """Write the state as an older version would have; how many resources differ now."""
    document = json.loads(workspace.stack_file.read_text())
    resources = document["checkpoint"]["latest"]["resources"]
    before = json.dumps(resources)
    changed = 0
    for resource in resources:
        earlier = json.dumps(resource)
        for change in changes:
            change(resource)
        changed += json.dumps(resource) != earlier
    assert json.dumps(resources) != before
    workspace.stack_file.write_text(json.dumps(document))
    return changed


@pytest.mark.requirement("PD-15")
@pytest.mark.parametrize(
    ("changes", "at_least"),
    [
        pytest.param((older_schema,), 9, marks=pytest.mark.soak),
        pytest.param((no_note,), 9, marks=pytest.mark.soak),
        ((older_schema, no_later_outputs, older_provider), 10),
    ],
)
def test_a_state_of_an_older_provider_plans_no_change_of_a_resource(
    workspace: Workspace, changes: tuple[Callable[[Resource], None], ...], at_least: int
) -> None:
    workspace.program("service")
    assert workspace.up().changes == {"create": 11}
    assert rewrite(workspace, *changes) >= at_least
    planned = workspace.engine().preview()
    assert planned.result == "succeeded", planned.message
    # Another version may be a change of the provider's own entry, and of that alone.
    touched = {urn for op, urn in planned.steps if op != "same"}
    assert [urn for urn in touched if "pulumi:providers:cloudflare" not in urn] == []
    workspace.up()
    assert workspace.up().changes == {"same": 11}
    assert workspace.engine().refresh().changes == {"same": 11}


def test_a_state_that_differs_in_an_input_is_no_older_one(workspace: Workspace) -> None:
    def other_name(resource: Resource) -> None:
        if resource["type"].endswith(":WorkersKvNamespace"):
            resource["outputs"]["title"] = resource["inputs"]["title"] = "another"

    workspace.program("service")
    workspace.up()
    assert rewrite(workspace, other_name) == 1
    assert workspace.engine().preview().changes["update"] == 1

"""States that older versions of the provider wrote, under today's program and stand-ins.

The real plugin's own upgraders of such states have their test beside a real plugin
(test_real_older_states.py).
"""

import json
from collections.abc import Callable

import pytest

from tests.engine.older_states import ERAS, Era, Resource
from tests.engine.workspace import Workspace


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
    "era",
    [ERAS[0], *(pytest.param(era, marks=pytest.mark.soak) for era in ERAS[1:])],
    ids=str,
)
def test_a_state_of_an_older_provider_plans_nothing_but_new_defaults(
    workspace: Workspace, era: Era
) -> None:
    workspace.program("service")
    assert workspace.up().changes == {"create": 11}
    assert rewrite(workspace, era.rewrite) >= 7
    planned = workspace.engine().preview()
    assert planned.result == "succeeded", planned.message
    assert planned.changes.keys() <= {"same", "update"}
    # Another version may be a change of the provider's own entry, too.
    changed = {urn for op, urn in planned.steps if op != "same"}
    touched = [urn for urn in changed if "pulumi:providers:cloudflare" not in urn]
    assert [urn.rpartition("::")[2] for urn in touched] == era.completed
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

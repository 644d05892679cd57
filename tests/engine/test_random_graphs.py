"""Programs with random dependencies go in one run, each resource before what it needs."""

import random
import re

import pytest

from tests.engine.fake_cloudflare import FakeCloudflare, Refusal
from tests.engine.workspace import Workspace

KINDS = {
    "Queue": ("queueName", "queues"),
    "Namespace": ("title", "storage/kv/namespaces"),
    "D1Database": ("name", "d1/database"),
    "Worker": ("name", "workers/workers"),
}
Graph = dict[str, tuple[str, list[str], str]]
"""Resource → its kind, what it depends on, and its parent (empty: the stack)."""


def random_graph(seed: int) -> Graph:
    """A program of 4 to 12 resources, where each may need any of those before it."""
    chosen = random.Random(seed)  # noqa: S311 - a repeatable graph, no secret
    graph: Graph = {}
    for number in range(chosen.randint(4, 12)):
        before = list(graph)
        needs = chosen.sample(before, chosen.randint(0, min(3, len(before))))
        parent = chosen.choice(before) if before and chosen.random() < 0.25 else ""
        graph[f"r{number}"] = (chosen.choice(sorted(KINDS)), sorted(needs), parent)
    return graph


def program(graph: Graph) -> str:
    lines = []
    for name, (kind, needs, parent) in graph.items():
        options = f"depends_on=[{', '.join(needs)}]"
        options += f", parent={parent}" if parent else ""
        lines.append(
            f'{name} = Resource("{kind}", "{name}", {{"{KINDS[kind][0]}": "{name}"}}, {options})'
        )
    return "\n".join(lines) + "\n"


def deployed(workspace: Workspace, graph: Graph) -> dict[str, str]:
    """Deploy the graph; return its resources by id."""
    workspace.program("stores")
    workspace.edit(r"(?s)# edit: begin.*", program(graph))
    assert workspace.up().changes == {"create": len(graph) + 2}
    return {str(workspace.resource(name)["id"]): name for name in graph}


def assert_order(api: FakeCloudflare, graph: Graph, ids: dict[str, str]) -> None:
    deleted = [ids[path.rpartition("/")[2]] for verb, path in api.calls if verb == "DELETE"]
    place = {name: number for number, name in enumerate(deleted)}
    assert set(place) == set(graph)
    for name, (_, needs, parent) in graph.items():
        for needed in filter(None, (*needs, parent)):
            assert place[name] < place[needed], f"{name} has to go before {needed}"


def destroy_in_one_run(workspace: Workspace, api: FakeCloudflare, seed: int) -> None:
    graph = random_graph(seed)
    ids = deployed(workspace, graph)
    result = workspace.engine().destroy()
    assert result.result == "succeeded", result.message
    assert api.listing() == []
    assert "resources" not in workspace.state()
    assert_order(api, graph, ids)


@pytest.mark.requirement("PD-02")
@pytest.mark.parametrize("seed", range(5))
def test_a_random_graph_is_destroyed_in_one_run(
    workspace: Workspace, api: FakeCloudflare, seed: int
) -> None:
    destroy_in_one_run(workspace, api, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(5, 55))
def test_fifty_random_graphs_are_destroyed_in_one_run_each(
    workspace: Workspace, api: FakeCloudflare, seed: int
) -> None:
    destroy_in_one_run(workspace, api, seed)


@pytest.mark.parametrize("seed", [101, 102])
def test_a_destroy_that_failed_half_way_is_completed_by_the_next_one(
    workspace: Workspace, api: FakeCloudflare, seed: int
) -> None:
    graph = random_graph(seed)
    ids = deployed(workspace, graph)
    stubborn = random.Random(seed).choice(sorted(ids))  # noqa: S311 - a repeatable choice
    api.refuse[("DELETE", re.escape(stubborn))] = Refusal(500, 10002, "internal error")
    failed = workspace.engine().destroy()
    assert failed.result == "failed"
    assert [entry for entry in api.listing() if entry.endswith(stubborn)]

    api.refuse.clear()
    api.calls.clear()
    assert workspace.engine().destroy().result == "succeeded"
    assert api.listing() == []
    assert "resources" not in workspace.state()

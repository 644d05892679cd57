"""Finding what is there: zones, permission groups, and GitHub's things by their inputs."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from engine.errors import ProviderError
from engine.provider import Target
from engine.providers.cloudflare_functions import CLOUDFLARE_FUNCTIONS
from engine.providers.cloudflare_table import CLOUDFLARE_TYPES
from engine.providers.github_table import GITHUB_TYPES
from engine.providers.resource_type import ResourceType
from engine.providers.stand_in_provider import StandInProvider

ZONES, ZONE, GROUPS = CLOUDFLARE_FUNCTIONS.values()


class Listing:
    """An API with these items in any list, which keeps what it was asked."""

    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = list(items)
        self.asked: list[str] = []

    def call(self, method: str, path: str, body: Any = None) -> Any:
        self.asked.append(path)
        return self.items if "?" in path else {"id": path.rpartition("/")[2], "name": "by id"}

    def call_if_there(self, method: str, path: str) -> Any:
        self.asked.append(path)
        return self.items[-1]

    def pages(self, path: str, items: str = "") -> Any:
        self.asked.append(f"{path} {items}".rstrip())
        return self.items

    def close(self) -> None:
        """Nothing is open."""

    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.asked[0]).query)


@pytest.mark.parametrize("count", [0, 2, 3])
def test_another_number_of_zones_than_one_is_refused(count: int) -> None:
    api = Listing(*({"id": str(at)} for at in range(count)))
    with pytest.raises(ProviderError, match=f"exactly one zone, {count} found"):
        ZONE(api, {"filter": {"name": "a"}})


def test_the_one_zone_is_read_by_its_id() -> None:
    api = Listing({"id": "z-1"})
    assert ZONE(api, {"filter": {"name": "a"}})["name"] == "by id"
    assert api.asked[1:] == ["/zones/z-1"]
    named = Listing()
    assert ZONE(named, {"zoneId": "z-2"})["zoneId"] == "z-2"
    assert named.asked == ["/zones/z-2"]


def test_a_look_up_asks_with_the_filters_that_are_given() -> None:
    api = Listing({"id": "a"}, {"id": "b"})
    asked = {"name": "n", "status": "", "account": {"id": "1", "name": ""}, "maxItems": 1}
    assert ZONES(api, asked)["results"] == [{"id": "a"}]
    assert api.query() == {"name": ["n"], "account.id": ["1"], "per_page": ["1000"]}
    groups = Listing({"id": "a"}, {"id": "b"})
    assert len(GROUPS(groups, {"accountId": "1", "scope": "s"})["results"]) == 2
    assert groups.asked[0].startswith("/accounts/1/tokens/permission_groups?")
    assert groups.query() == {"scope": ["s"], "per_page": ["1000"]}


def find(name: str, inputs: dict[str, Any], *items: dict[str, Any]) -> str | None:
    return find_in(GITHUB_TYPES, name, inputs, Listing(*items))


def find_in(
    table: dict[str, ResourceType], name: str, inputs: dict[str, Any], api: Listing
) -> str | None:
    token = next(token for token in table if token.endswith(f":{name}"))
    provider = StandInProvider(table, api, package="x")
    live = provider.find(Target(f"urn:pulumi:dev::p::{token}::x", token, "x", ""), inputs)
    return None if live is None else live.id


POLICY = "RepositoryEnvironmentDeploymentPolicy"
PLACE = {"repository": "r", "environment": "e:1"}


@pytest.mark.parametrize(
    ("name", "inputs", "other"),
    [
        ("ActionsVariable", {"repository": "r", "variableName": "b_x"}, {"name": "A_X"}),
        ("ActionsVariable", {"repository": "r", "variableName": "b_x"}, {"name": "C_X"}),
        ("ActionsVariable", {"repository": "r", "variableName": "b_x"}, {"name": "b_x"}),
        (POLICY, {**PLACE, "branchPattern": "b"}, {"policy_id": 1, "name": "a", "type": "branch"}),
        (POLICY, {**PLACE, "branchPattern": "b"}, {"policy_id": 1, "name": "c", "type": "branch"}),
        (POLICY, {**PLACE, "branchPattern": "b"}, {"policy_id": 1, "name": "b", "type": "tag"}),
        (POLICY, {**PLACE, "tagPattern": "b"}, {"policy_id": 1, "name": "b", "type": "branch"}),
    ],
)
def test_another_thing_is_not_taken_for_it(
    name: str, inputs: dict[str, Any], other: dict[str, Any]
) -> None:
    assert find(name, {"value": "v", **inputs}, other) is None


def test_the_same_thing_is_found_behind_another() -> None:
    variable = {"repository": "r", "variableName": "b_x", "value": "v"}
    assert find("ActionsVariable", variable, {"name": "A"}, {"name": "B_X"}) == "r:b_x"
    others = [
        {"policy_id": 1, "name": "a", "type": "tag"},
        {"policy_id": 2, "name": "b", "type": "tag"},
    ]
    assert find(POLICY, {**PLACE, "tagPattern": "b"}, *others) == "r:e??1:2"


SHARES = [{"version_id": "v-1", "percentage": 100}]
WANTED = [{"versionId": "v-1", "percentage": 100}]
THINGS: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "D1Database": ({"name": "n"}, "/accounts/1/d1/database", {"uuid": "d", "name": "n"}),
    "WorkersKvNamespace": (
        {"title": "n"},
        "/accounts/1/storage/kv/namespaces",
        {"id": "d", "title": "n"},
    ),
    "Queue": ({"queueName": "n"}, "/accounts/1/queues", {"queue_id": "d", "queue_name": "n"}),
    "Worker": ({"name": "n"}, "/accounts/1/workers/workers", {"id": "d", "name": "n"}),
    "WorkersDeployment": (
        {"scriptName": "w", "strategy": "percentage", "versions": WANTED},
        "/accounts/1/workers/scripts/w/deployments deployments",
        {"id": "d", "versions": SHARES},
    ),
    "WorkersRoute": (
        {"zoneId": "z", "pattern": "a/*"},
        "/zones/z/workers/routes",
        {"id": "d", "pattern": "a/*"},
    ),
    "QueueConsumer": (
        {"queueId": "q", "scriptName": "w", "type": "worker"},
        "/accounts/1/queues/q/consumers",
        {"consumer_id": "d", "script": "w", "type": "worker"},
    ),
}
"""What a killed update may have made: its inputs, the list that it is in, and its item."""


@pytest.mark.parametrize("name", THINGS)
def test_a_thing_of_cloudflares_is_found_among_others_of_its_list(name: str) -> None:
    inputs, listed, item = THINGS[name]
    inputs = {"accountId": "1", **inputs}
    other = {
        key: [{"version_id": "v-2", "percentage": 100}] if key == "versions" else f"{value}-2"
        for key, value in item.items()
    }
    api = Listing(other, item)
    found = find_in(CLOUDFLARE_TYPES, name, inputs, api)
    # The provider's consumer has no id of its own; which was found shows in what it is read by.
    assert found == ("missing ID" if name == "QueueConsumer" else "d")
    assert api.asked[0] == listed
    assert api.asked[1].endswith("/d")
    alone = Listing(other)
    assert find_in(CLOUDFLARE_TYPES, name, inputs, alone) is None
    assert alone.asked == [listed]


@pytest.mark.parametrize("answer", [{"script": "w"}, {"script_name": "w"}])
def test_a_consumer_is_known_by_either_name_of_its_script(answer: dict[str, str]) -> None:
    api = Listing({"consumer_id": "d", **answer})
    inputs = {"accountId": "1", "queueId": "q", "scriptName": "w"}
    assert find_in(CLOUDFLARE_TYPES, "QueueConsumer", inputs, api) == "missing ID"


def test_each_type_is_looked_up_or_made_twice_as_once_or_named_here() -> None:
    neither = {
        token.rpartition(":")[2]
        for token, type_ in CLOUDFLARE_TYPES.items()
        if type_.lookup is None and not type_.repeatable
    }
    assert neither == {"WorkerVersion", "AccountToken"}
    looked_up = {t.rpartition(":")[2] for t, type_ in CLOUDFLARE_TYPES.items() if type_.lookup}
    assert looked_up == set(THINGS)

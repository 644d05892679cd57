"""Properties edited outside Pulumi are found, and an answer that tells nothing is unknown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from ops.observe.drift import cloudflare_probe
from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.managed import Managed
from ops.stacks.account import StackAccount
from ops.stacks.errors import OperationError


def managed(type_: str, name: str, identifier: str, /, **inputs: Any) -> Managed:
    return Managed(type_, name, identifier, {**inputs, "consumerId": "mine"}, inputs)


QUEUE = managed("cloudflare:Queue", "retry-queue", "q", settings={"deliveryDelay": 5})
WORKER = managed(
    "cloudflare:Worker",
    "worker",
    "w1",
    name="w",
    observability={"enabled": True, "headSamplingRate": 1},
)
CONSUMER = managed("cloudflare:QueueConsumer", "consumer", "c", queueId="q", scriptName="ours")
GOOD: Mapping[str, Any] = {
    "queues/q": {"queue_id": "q", "settings": {"delivery_delay": 5, "delivery_paused": False}},
    "workers/workers/w1": {
        "id": "w1",
        "name": "w",
        "observability": {"enabled": True, "head_sampling_rate": 1.0},
    },
    "queues/q/consumers": [{"consumer_id": "mine", "script_name": "ours"}],
}


class Answering(StackAccount):
    """An account whose client gives one answer to each path."""

    def ask(self, what: str, call: Callable[[Any], Any]) -> Any:
        return call(self)

    def get(self, url: str, *, cast_to: object) -> Any:
        path = url.partition(f"{self.account_id}/")[2].partition("?")[0]
        answers: Mapping[str, Any] = self.__dict__["answers"]
        found = answers[path]
        return found if isinstance(found, str) or "success" in found else {"result": found}


def found(resource: Managed, **changes: Any) -> list[tuple[str, str]]:
    account = Answering("production", "0" * 32, "http://127.0.0.1:9", True, "t")
    account.__dict__["answers"] = {**GOOD, **changes}
    probe = CloudflareProbe(account)
    return [(finding.kind, finding.found) for finding in probe.findings(resource)]


def test_what_is_as_it_was_set_is_no_difference() -> None:
    assert [found(resource) for resource in (QUEUE, WORKER, CONSUMER)] == [[], [], []]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"delivery_paused": True}, "deliveryPaused on"),
        ({"delivery_delay": 60}, "deliveryDelay 60"),
    ],
)
def test_a_queue_that_was_paused_or_delayed_is_found(
    settings: Mapping[str, Any], told: str
) -> None:
    queue = {**GOOD["queues/q"], "settings": {**GOOD["queues/q"]["settings"], **settings}}
    assert found(QUEUE, **{"queues/q": queue}) == [("queue settings", told)]


def test_a_changed_sampling_of_the_logs_is_found() -> None:
    changed = {"enabled": True, "head_sampling_rate": 0.1}
    worker = {**GOOD["workers/workers/w1"], "observability": changed}
    assert found(WORKER, **{"workers/workers/w1": worker}) == [
        ("observability", "headSamplingRate 0.1")
    ]


def test_a_consumer_that_another_worker_took_over_under_the_same_id_is_found() -> None:
    taken = [{"consumer_id": "mine", "script_name": "theirs"}]
    assert found(CONSUMER, **{"queues/q/consumers": taken}) == [("consumer", "theirs")]


@pytest.mark.parametrize("answer", [{}, {"x": 1}, {"name": "somebody else's"}, [], [5]])
@pytest.mark.parametrize("resource", [QUEUE, WORKER])
def test_an_answer_about_something_else_is_no_difference_of_every_property(
    resource: Managed, answer: Any
) -> None:
    with pytest.raises(OperationError, match=r"answered (without|with no|in a form)"):
        found(resource, **dict.fromkeys(GOOD, answer))


@pytest.mark.parametrize("answer", ["<html>sign in</html>", {"success": False, "errors": []}])
@pytest.mark.parametrize("resource", [QUEUE, WORKER, CONSUMER])
def test_an_answer_that_is_no_document_is_never_read_as_absence(
    resource: Managed, answer: Any
) -> None:
    with pytest.raises(OperationError, match="no document of Cloudflare's API"):
        found(resource, **dict.fromkeys(GOOD, answer))


DEPLOYMENT = managed("cloudflare:WorkersDeployment", "deployment", "d1", scriptName="notify")
TOKEN = managed("cloudflare:AccountToken", "token", "t1", name="ci")


def probed(method: str, resource: Managed, path: str, answer: Any) -> Any:
    """What a probe reads of one resource."""
    account = Answering("production", "0" * 32, "http://127.0.0.1:9", True, "t")
    account.__dict__["answers"] = {path: answer}
    return getattr(CloudflareProbe(account), method)(resource)


def test_the_first_deployment_is_the_one_that_serves() -> None:
    path = "workers/scripts/notify/deployments"
    answer = {"deployments": [{"id": "new"}, {"id": "old"}]}
    assert probed("_deployment", DEPLOYMENT, path, answer) == {"id": "new"}
    assert probed("_deployment", DEPLOYMENT, path, {"deployments": []}) is None


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"request_ip": {"in": ["1.2.3.4"], "not_in": []}}, {"ins": ["1.2.3.4"], "notIns": []}),
        ({}, {}),
        (None, {}),
    ],
)
def test_a_tokens_addresses_have_the_providers_names(condition: Any, expected: Any) -> None:
    answer = {"id": "t1", "status": "active", "condition": condition}
    found = probed("_token", TOKEN, "tokens/t1", answer)
    assert found["condition"] == {"requestIp": expected}
    assert found["status"] == "active"


def test_a_resource_is_called_by_the_first_name_that_it_has() -> None:
    for inputs, name in (
        ({"title": "kv", "queueName": "q"}, "kv"),
        ({"scriptName": "w", "pattern": "p/*"}, "p/*"),
        ({"hostname": "h"}, "h"),
        ({}, "id"),
    ):
        assert cloudflare_probe._called(managed("x", "x", "id", **inputs)) == name

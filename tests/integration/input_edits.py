"""Each input that the program sets, changed past Pulumi by the API, as drift has to find it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.observe.drift.cloudflare_kinds import KINDS
from ops.observe.drift.cloudflare_probe import CloudflareProbe
from ops.observe.drift.comparison import leaves
from ops.observe.drift.finding import Finding
from ops.observe.drift.managed import Managed, managed_resources
from ops.stacks.account import StackAccount
from tests.integration.adopted_account import AdoptedAccount
from tests.ops.adoption.earlier.account import ACCOUNT

Body = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where a kind of resource is changed by the API.

    Attributes:
        path: with the outputs of the resource, and its id, in braces.
        keep: what of the answer is sent back, so that a change of one property changes no other.
        method: of the change.
    """

    path: str
    keep: tuple[str, ...]
    method: str = "PUT"


PLACES = {
    "D1Database": Place("d1/database/{id}", ("read_replication",)),
    "WorkersKvNamespace": Place("storage/kv/namespaces/{id}", ("title",)),
    "Queue": Place("queues/{id}", ("queue_name",), "PATCH"),
    "Worker": Place(
        "workers/workers/{id}",
        ("name", "logpush", "observability", "tags", "tail_consumers", "subdomain"),
    ),
    "QueueConsumer": Place(
        "queues/{queueId}/consumers/{consumerId}",
        ("type", "script_name", "settings", "dead_letter_queue"),
    ),
    "WorkersRoute": Place("/client/v4/zones/{zoneId}/workers/routes/{id}", ("pattern", "script")),
}
CHANGES: Mapping[str, Mapping[str, tuple[str, Any]]] = {
    "D1Database": {"readReplication.mode": ("read_replication.mode", "auto")},
    "WorkersKvNamespace": {"title": ("title", "somebody-elses-title")},
    "Queue": {"queueName": ("queue_name", "another-queue")},
    "Worker": {
        "name": ("name", "another-name"),
        "observability.enabled": ("observability.enabled", False),
        "observability.headSamplingRate": ("observability.head_sampling_rate", 0.5),
        "subdomain.enabled": ("subdomain.enabled", False),
        "subdomain.previewsEnabled": ("subdomain.previews_enabled", False),
    },
    "QueueConsumer": {
        "scriptName": ("script_name", "shop"),
        "deadLetterQueue": ("dead_letter_queue", "shops-queue"),
        "settings.batchSize": ("settings.batch_size", 77),
        "settings.maxRetries": ("settings.max_retries", 9),
        "settings.maxWaitTimeMs": ("settings.max_wait_time_ms", 1000),
        "settings.retryDelay": ("settings.retry_delay", 17),
    },
    "WorkersRoute": {
        "pattern": ("pattern", "www.example.test/else*"),
        "script": ("script", "shop"),
    },
}
"""For each property its name in the API, and another value."""
NO_CALL = {
    ("D1Database", "name"): "the API renames no database",
    ("WorkersCustomDomain", "zoneId"): "it follows from the host name",
    ("QueueConsumer", "type"): "the local cloud has no consumers that pull",
}


def set_at(body: Body, path: str, value: Any) -> Body:
    name, _, rest = path.partition(".")
    return {**body, name: set_at(body[name], rest, value) if rest else value}


class Account:
    """The account, as somebody changes it in the dashboard, and what drift says of it."""

    def __init__(self, adopted: AdoptedAccount) -> None:
        self.call = adopted.call
        home = adopted.installation.home
        self._state = home / "pulumi/.pulumi/stacks/notification-system/local.json"
        self._control = adopted.installation.control
        self._probe = CloudflareProbe(
            StackAccount(
                stack="local",
                account_id=ACCOUNT.rpartition("/")[2],
                base_url=f"{adopted.installation.control_url}/client/v4",
                is_local=True,
                token=(home / "cloud" / "api-token").read_text().strip(),
            )
        )

    @property
    def managed(self) -> list[Managed]:
        """What the stack's state has now."""
        state = json.loads(self._state.read_text())["checkpoint"]["latest"]
        return managed_resources(state["resources"])

    def named(self, name: str) -> Managed:
        """One resource of the state."""
        return next(one for one in self.managed if one.name == name)

    def kinds(self, managed: Managed) -> list[str]:
        """What drift finds of one resource."""
        return [one.kind for one in self._probe.findings(managed) if isinstance(one, Finding)]

    def at(self, method: str, path: str, body: Any = None) -> Any:
        """A call below the account, or from the root on."""
        if not path.startswith("/"):
            return self.call(method, path, body)
        answer = self._control(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json()["result"]


def edit_input(account: Account, managed: Managed, path: str) -> Callable[[], None]:
    """Change one property by the API; return what puts it back."""
    type_ = managed.type.partition(":")[2]
    if special := SPECIAL.get((type_, path)):
        return special(account, managed)
    place = PLACES[type_]
    texts = {key: managed.text(key) for key in ("queueId", "consumerId", "zoneId")}
    url = place.path.format(id=managed.id, **texts)
    if type_ == "QueueConsumer":
        [there] = account.at("GET", url.rpartition("/")[0])
    else:
        there = account.at("GET", url)
    body = {key: there[key] for key in place.keep if there.get(key) is not None}
    name, value = CHANGES[type_][path]
    account.at(place.method, url, set_at(body, name, value))
    return lambda: account.at(place.method, url, body)


def edit_crons(account: Account, managed: Managed) -> Callable[[], None]:
    url = f"workers/scripts/{managed.text('scriptName')}/schedules"
    before = [{"cron": one["cron"]} for one in account.at("GET", url)["schedules"]]
    account.at("PUT", url, [*before, {"cron": "7 7 * * *"}])
    return lambda: account.at("PUT", url, before)


def edit_shares(account: Account, managed: Managed) -> Callable[[], None]:
    """Give another version a part of the requests."""
    worker = next(one for one in account.managed if one.type == "cloudflare:Worker")
    versions = f"workers/workers/{worker.id}/versions"
    [active] = managed.inputs["versions"]
    version = account.at("GET", f"{versions}/{active['versionId']}?include=modules")
    body = {key: version[key] for key in ("modules", "main_module", "compatibility_date")}
    body["compatibility_flags"] = version["compatibility_flags"]
    other = account.at("POST", versions, body)["id"]
    url = f"workers/scripts/{managed.text('scriptName')}/deployments"

    def deploy(**shares: float) -> None:
        parts = [{"version_id": one, "percentage": share} for one, share in shares.items()]
        account.at("POST", url, {"strategy": "percentage", "versions": parts})

    deploy(**{active["versionId"]: 90, other: 10})
    return lambda: deploy(**{active["versionId"]: 100})


def edit_service(account: Account, managed: Managed) -> Callable[[], None]:
    return _moved(account, managed, managed.text("hostname"), "shop")


def edit_hostname(account: Account, managed: Managed) -> Callable[[], None]:
    return _moved(account, managed, f"other.{managed.text('hostname')}", managed.text("service"))


def _moved(account: Account, managed: Managed, host: str, service: str) -> Callable[[], None]:
    """Detach the domain and attach one in its place, as the dashboard does."""
    account.at("DELETE", f"workers/domains/{managed.id}")
    attached = account.at("PUT", "workers/domains", {"hostname": host, "service": service})
    return lambda: account.at("DELETE", f"workers/domains/{attached['id']}")


SPECIAL: Mapping[tuple[str, str], Callable[[Account, Managed], Callable[[], None]]] = {
    ("WorkersCronTrigger", "schedules"): edit_crons,
    ("WorkersDeployment", "versions"): edit_shares,
    ("WorkersCustomDomain", "service"): edit_service,
    ("WorkersCustomDomain", "hostname"): edit_hostname,
}
"""What is changed by other calls than a PUT of the thing itself."""
ONE_WAY = {edit_service, edit_hostname}
"""Edits after which another thing is there: drift's own repair makes it anew."""


@dataclass(frozen=True)
class InputEdit:
    """One compared input of one resource.

    Attributes:
        resource: its name in the program.
        path: of the property.
        kind: what drift calls the difference.
        is_one_way: whether another thing is there afterwards, which a repair makes anew.
    """

    resource: str
    path: str
    kind: str
    is_one_way: bool


def input_edits(account: Account) -> Iterator[InputEdit]:
    """Yield every input of the stack's state that drift compares and a call can change."""
    for managed in account.managed:
        kind = KINDS.get(managed.type)
        type_ = managed.type.partition(":")[2]
        for path, value in leaves(managed.inputs, kind) if kind else ():
            rule = kind.rule(path) if kind else None
            if rule is not None and value is not None and (type_, path) not in NO_CALL:
                is_one_way = SPECIAL.get((type_, path)) in ONE_WAY
                yield InputEdit(managed.name, path, rule.kind, is_one_way)

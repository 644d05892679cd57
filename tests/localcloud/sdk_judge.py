"""Every call that the local cloud has a route for, made with Cloudflare's own Python client.

The calls make what later ones need, and delete it in the end. Each answer is parsed strictly into
the models of the SDK, and kept as it came for other judges.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import httpx
from cloudflare import Cloudflare

from tests.localcloud.running_cloud import MODULE, RunningCloud

HANDLER = "export default { fetch: () => new Response() };"
SCRIPT_FILES = {"index.js": ("index.js", HANDLER, "application/javascript+module")}
SHARE = {"strategy": "percentage"}


# Methods that can't be judged strictly → why. A D1 binding of `workers.beta.workers.versions` isn't
# judged either: its model wants `database_id`, which the recorded provider calls don't have.
UNPARSED = {
    "workers.scripts.versions.get": "the SDK's own model of the bindings can't be parsed into",
    "workers.scripts.versions.create": "the same",
    "workers.scripts.tail.get": "documented as the list of a Worker's tails, typed as one tail",
}


@dataclass(frozen=True)
class Recorded:
    """One call and the JSON that was answered: `method` is its place in the client."""

    method: str
    document: Any


class Judge:
    """The SDK's client, the ids of what it has made, and what was answered."""

    def __init__(self, cloud: RunningCloud) -> None:
        self.cloud = cloud
        self.account = cloud.endpoints.account_id
        self._responses: list[httpx.Response] = []
        self.client = Cloudflare(
            api_token=cloud.endpoints.api_token,
            base_url=cloud.endpoints.control_url,
            http_client=httpx.Client(
                trust_env=False, event_hooks={"response": [self._responses.append]}
            ),
            max_retries=0,
            _strict_response_validation=True,
        )
        self.ids: dict[str, Any] = {
            "account_id": self.account,
            "zone_id": cloud.http.get("/zones").json()["result"][0]["id"],
        }
        self.answers: dict[str, Any] = {}
        self.recorded: list[Recorded] = []

    def call(self, method: str, /, *arguments: Any, **named: Any) -> Any:
        """Call a method by its place in the client, and keep its answer."""
        function: Any = self.client
        *resources, last = method.split(".")
        for part in resources:
            function = getattr(function, part)
        function = getattr(function.with_raw_response if method in UNPARSED else function, last)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            found = function(*arguments, **named)
        if hasattr(found, "iter_pages"):
            found = [item for page in found.iter_pages() for item in page._get_page_items()]
        self.answers[method] = found
        first, *_ = self._responses
        self._responses.clear()
        if first.headers.get("content-type", "").startswith("application/json"):
            self.recorded.append(Recorded(method, first.json()))
        return found


def play(judge: Judge) -> None:
    """Make every call that the local cloud has a route for."""
    of = {"account_id": judge.account}
    _account(judge, of)
    _stores(judge, of)
    _workers(judge, of)
    _queues(judge, of)
    _zone(judge, of)
    _buckets(judge, of)
    _removed(judge, of)


def _account(judge: Judge, of: dict[str, str]) -> None:
    call = judge.call
    call("user.get")
    call("user.tokens.verify")
    (membership,) = call("memberships.list")
    call("memberships.get", membership.id)
    call("accounts.list")
    call("accounts.get", **of)
    call("workers.subdomains.get", **of)
    call("workers.subdomains.update", subdomain="mine", **of)
    groups = call("accounts.tokens.permission_groups.list", **of)
    call("accounts.tokens.permission_groups.get", **of)
    policy = {
        "effect": "allow",
        "permission_groups": [{"id": groups[0].id}],
        "resources": {f"com.cloudflare.api.account.{judge.account}": "*"},
    }
    wanted: dict[str, Any] = {
        "name": "ci",
        "policies": [policy],
        "expires_on": "2999-01-01T00:00:00Z",
        "condition": {"request_ip": {"in": ["127.0.0.0/8"]}},
    }
    token = call("accounts.tokens.create", **wanted, **of)
    call("accounts.tokens.list", **of)
    call("accounts.tokens.get", token.id, **of)
    call("accounts.tokens.verify", **of)
    call("accounts.tokens.update", token.id, **wanted, **of)
    call("accounts.tokens.value.update", token.id, **of)
    call("accounts.tokens.delete", token.id, **of)


def _stores(judge: Judge, of: dict[str, str]) -> None:
    call = judge.call
    database = call("d1.database.create", name="db", **of).uuid
    call("d1.database.list", **of)
    call("d1.database.get", database, **of)
    call("d1.database.update", database, read_replication={"mode": "auto"}, **of)
    call("d1.database.edit", database, read_replication={"mode": "disabled"}, **of)
    call("d1.database.query", database, sql="CREATE TABLE t (a); SELECT 1 AS one", **of)
    call("d1.database.raw", database, sql="SELECT 1 AS one", **of)
    call("d1.database.export", database, output_format="polling", **of)
    call("d1.database.import_", database, action="init", etag="0" * 32, **of)
    bookmark = call("d1.database.time_travel.get_bookmark", database, **of).bookmark
    call("d1.database.time_travel.restore", database, bookmark=bookmark, **of)
    namespace = call("kv.namespaces.create", title="cache", **of).id
    call("kv.namespaces.list", **of)
    call("kv.namespaces.get", namespace, **of)
    call("kv.namespaces.update", namespace, title="renamed", **of)
    at = {"namespace_id": namespace, **of}
    call("kv.namespaces.values.update", "k", value=b"v", **at)
    call("kv.namespaces.values.get", "k", **at)
    call("kv.namespaces.metadata.get", "k", **at)
    call("kv.namespaces.keys.list", namespace, **of)
    pairs = [{"key": "one", "value": "1"}]
    call("kv.namespaces.bulk_update", namespace, body=pairs, **of)
    call("kv.namespaces.bulk_get", namespace, keys=["one"], **of)
    call("kv.namespaces.bulk_delete", namespace, body=["one"], **of)
    call("kv.namespaces.keys.bulk_update", namespace, body=pairs, **of)
    call("kv.namespaces.keys.bulk_get", namespace, keys=["one"], **of)
    call("kv.namespaces.keys.bulk_delete", namespace, body=["one"], **of)
    call("kv.namespaces.values.delete", "k", **at)
    judge.ids |= {"database_id": database, "namespace_id": namespace}


def _workers(judge: Judge, of: dict[str, str]) -> None:
    call = judge.call
    switch = {"enabled": True, "previews_enabled": True}
    worker = call("workers.beta.workers.create", name="w", subdomain=switch, **of).id
    call("workers.beta.workers.list", **of)
    call("workers.beta.workers.get", worker, **of)
    call("workers.beta.workers.update", worker, name="w", subdomain=switch, **of)
    whole: dict[str, Any] = {"logpush": False, "observability": {"enabled": True}}
    whole |= {"subdomain": switch, "tail_consumers": [], "tags": ["red"]}
    call("workers.beta.workers.edit", worker, name="w", **whole, **of)
    at = {"worker_id": worker, **of}
    bindings = [
        {"type": "kv_namespace", "name": "KV", "namespace_id": judge.ids["namespace_id"]},
        {"type": "plain_text", "name": "TEXT", "text": "x"},
        {"type": "json", "name": "JSON", "json": {"a": 1}},
        {"type": "secret_text", "name": "KEY", "text": "hidden"},
        {"type": "version_metadata", "name": "META"},
        {
            "type": "ratelimit",
            "name": "LIMIT",
            "namespace_id": "1",
            "simple": {"limit": 1, "period": 60},
        },
    ]
    version = call(
        "workers.beta.workers.versions.create",
        worker,
        modules=[MODULE],
        main_module="entry.py",
        compatibility_date="2026-10-01",
        compatibility_flags=["python_workers"],
        bindings=bindings,
        annotations={"workers/tag": "one"},
        **of,
    ).id
    call("workers.beta.workers.versions.list", worker, **of)
    call("workers.beta.workers.versions.get", version, include="modules", **at)
    script = {"script_name": "w", **of}
    shares = [{"version_id": version, "percentage": 100}]
    made = call("workers.scripts.deployments.create", "w", versions=shares, **SHARE, **of)
    call("workers.scripts.deployments.list", "w", **of)
    call("workers.scripts.deployments.get", made.id, **script)
    call("workers.scripts.versions.list", "w", **of)
    call("workers.scripts.versions.get", version, **script)
    database = {"type": "d1", "name": "DB", "id": judge.ids["database_id"]}
    metadata = {
        "main_module": "index.js",
        "compatibility_date": "2026-10-01",
        "bindings": [*bindings, database],
    }
    upload = {"metadata": metadata, "files": list(SCRIPT_FILES.values())}
    call("workers.scripts.update", "w", **upload, **of)
    call("workers.scripts.versions.create", "w", **upload, **of)
    call("workers.scripts.update", "w", **upload, **of)
    call("workers.scripts.get", "w", **of)
    call("workers.scripts.content.get", "w", **of)
    call("workers.scripts.list", **of)
    call("workers.scripts.schedules.update", "w", body=[{"cron": "0 * * * *"}], **of)
    call("workers.scripts.schedules.get", "w", **of)
    secret = {"name": "KEY", "text": "x", "type": "secret_text"}
    call("workers.scripts.secrets.update", "w", **secret, **of)
    call("workers.scripts.secrets.list", "w", **of)
    call("workers.scripts.secrets.get", "KEY", **script)
    call(
        "workers.scripts.secrets.bulk_update", "w", secrets={"NEW": {**secret, "name": "NEW"}}, **of
    )
    call("workers.scripts.secrets.delete", "KEY", **script)
    call("workers.scripts.settings.edit", "w", logpush=True, **of)
    call("workers.scripts.settings.get", "w", **of)
    call("workers.scripts.script_and_version_settings.edit", "w", settings={"tags": ["red"]}, **of)
    call("workers.scripts.script_and_version_settings.get", "w", **of)
    call("workers.scripts.subdomain.create", "w", enabled=True, **of)
    call("workers.scripts.subdomain.get", "w", **of)
    call("workers.scripts.subdomain.delete", "w", **of)
    tail = call("workers.scripts.tail.create", "w", **of).id
    call("workers.scripts.tail.get", "w", **of)
    call("workers.scripts.tail.delete", tail, **script)
    manifest = {"/a.txt": {"hash": "0" * 32, "size": 1}}
    call("workers.scripts.assets.upload.create", "w", manifest=manifest, **of)
    judge.ids |= {"worker_id": worker, "script_name": "w", "version_id": version}


def _queues(judge: Judge, of: dict[str, str]) -> None:
    call = judge.call
    queue = call("queues.create", queue_name="jobs", **of).queue_id
    call("queues.create", queue_name="letters", **of)
    call("queues.list", **of)
    call("queues.get", queue, **of)
    call("queues.get_metrics", queue, **of)
    call("queues.update", queue, queue_name="jobs", settings={"delivery_delay": 1}, **of)
    call("queues.edit", queue, settings={"delivery_paused": True}, **of)
    consumer = {"type": "worker", "script_name": "w", "dead_letter_queue": "letters"}
    found = call("queues.consumers.create", queue, **consumer, **of).consumer_id
    at = {"queue_id": queue, **of}
    call("queues.consumers.list", queue, **of)
    call("queues.consumers.get", found, **at)
    call("queues.consumers.update", found, **consumer, **at)
    call("queues.list", **of)
    call("queues.consumers.delete", found, **at)
    call("queues.purge.start", queue, delete_messages_permanently=True, **of)
    call("queues.purge.status", queue, **of)
    judge.ids["queue_id"] = queue


def _zone(judge: Judge, of: dict[str, str]) -> None:
    call = judge.call
    zone = {"zone_id": judge.ids["zone_id"]}
    call("zones.list")
    call("zones.get", **zone)
    domain = call("workers.domains.update", hostname="a.example.test", service="w", **of).id
    call("workers.domains.list", **of)
    call("workers.domains.get", domain, **of)
    route = call("workers.routes.create", pattern="example.test/*", script="w", **zone).id
    call("workers.routes.list", **zone)
    call("workers.routes.get", route, **zone)
    call("workers.routes.update", route, pattern="example.test/a", script="w", **zone)
    call("workers.routes.delete", route, **zone)
    call("workers.beta.workers.get", judge.ids["worker_id"], **of)
    call("workers.domains.delete", domain, **of)


def _buckets(judge: Judge, of: dict[str, str]) -> None:
    call = judge.call
    call("r2.buckets.create", name="box", **of)
    call("r2.buckets.list", **of)
    call("r2.buckets.get", "box", **of)
    at = {"bucket_name": "box", **of}
    call("r2.buckets.objects.upload", "k", b"content", **at)
    call("r2.buckets.objects.list", "box", **of)
    call("r2.buckets.objects.get", "k", **at)
    call("r2.buckets.objects.delete", "k", **at)
    call("r2.buckets.delete", "box", **of)


def _removed(judge: Judge, of: dict[str, str]) -> None:
    call = judge.call
    call("queues.delete", judge.ids["queue_id"], **of)
    call("workers.scripts.delete", "w", **of)
    other = call("workers.beta.workers.create", name="v", **of).id
    call("workers.beta.workers.delete", other, **of)
    call("d1.database.delete", judge.ids["database_id"], **of)
    call("kv.namespaces.delete", judge.ids["namespace_id"], **of)

"""One account's day: every family of resources, made, listed, changed, refused and deleted.

`python -m tests.localcloud.whole_account` writes all answers to `whole_account.yaml`. Read the
difference before you commit it: each line of it is something that a client of Cloudflare's API
sees. That the answers have Cloudflare's shape is checked by its SDKs' models, in other files.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest import mock

import httpx
import yaml
from nacl.public import PublicKey, SealedBox

from localcloud.api.permission_groups import ACCOUNT, PERMISSION_GROUPS, ZONE
from localcloud.api.resources import Account
from localcloud.clock import VirtualClock
from localcloud.endpoints import ACCOUNT_ID
from tests.localcloud.running_cloud import MODULE, RunningCloud, version_body

FILE = Path(__file__).with_name("whole_account.yaml")
START_MS = 1_767_225_600_000
OTHER_APIS = ("/api/v3/", "/local/", "/sink/")
"""GitHub's API, that of the local cloud itself, and the sink, which has a port of its own."""
OWN_ROOTS = ("/accounts", "/zones", "/user", "/memberships", "/graphql")
"""Paths that don't begin below the account."""


@dataclass(frozen=True)
class Form:
    """A body in parts."""

    parts: list[tuple[str, tuple[str | None, bytes, str]]]
    bearer: str = ""
    """The token that it carries in place of the account's."""


Call = tuple[str, str] | tuple[str, str, Any] | tuple[str, str, Any, str]
"""Method, path, body, and the name by which later calls mean the id of the answer; or names with
what they mean in the result, as in `link=upload_url file=filename`."""

NONE = "0" * 32
LONG = "x" * 600
REPOSITORY = "/api/v3/repos/local/notification-system"
PRODUCTION = f"{REPOSITORY}/environments/production"
REVIEWERS = [{"type": "User", "id": 1002}]
[D1_READ] = [g.id for g in PERMISSION_GROUPS if (g.name, g.scope) == ("D1 Read", ACCOUNT)]
[ZONE_READ] = [g.id for g in PERMISSION_GROUPS if (g.name, g.scope) == ("Zone Read", ZONE)]
POLICY = {
    "effect": "allow",
    "permission_groups": [{"id": D1_READ}],
    "resources": {f"{ACCOUNT}.{ACCOUNT_ID}": "*"},
}
OTHER_POLICY = {
    "effect": "deny",
    "permission_groups": [{"id": ZONE_READ}],
    "resources": {f"{ACCOUNT}.{ACCOUNT_ID}": {f"{ZONE}.*": "*"}},
}
TOKEN = {
    "name": "other",
    "policies": [POLICY, OTHER_POLICY],
    "condition": {"request_ip": {"in": ["127.0.0.0/8"], "not_in": ["192.0.2.0/24"]}},
    "expires_on": "2027-01-01T00:00:00Z",
    "not_before": "2026-01-01T00:00:00Z",
}
BINDINGS = [
    {"type": "d1", "name": "DB", "id": "{d1}"},
    {"type": "kv_namespace", "name": "CACHE", "namespace_id": "{kv}"},
    {"type": "queue", "name": "JOBS", "queue_name": "jobs"},
    {"type": "plain_text", "name": "GREETING", "text": "hi"},
    {"type": "secret_text", "name": "KEY", "text": "never shown"},
    {"type": "json", "name": "OPTIONS", "json": {"a": [1]}},
    {"type": "version_metadata", "name": "VERSION"},
    {
        "type": "ratelimit",
        "name": "LIMIT",
        "namespace_id": "1",
        "simple": {"limit": 5, "period": 60},
    },
    {"type": "analytics_engine", "name": "CALLS", "dataset": "calls"},
    {"type": "service", "name": "OTHER", "service": "other"},
]


def consumer(**changes: Any) -> dict[str, Any]:
    return {"type": "worker", "script_name": "shop", **changes}


def deployment(*shares: tuple[str, float], **more: Any) -> dict[str, Any]:
    versions = [{"version_id": version, "percentage": percent} for version, percent in shares]
    return {"strategy": "percentage", "versions": versions, **more}


BAD_ENVIRONMENTS: list[Any] = [
    *("{", [], {"wait_timer": 43_201}, {"wait_timer": -1}, {"wait_timer": True}),
    *({"reviewers": 7}, {"reviewers": [7]}, {"reviewers": REVIEWERS * 7}),
    {"reviewers": [{"type": "Team", "id": 1}]},
    {"reviewers": [{"type": "User", "id": 9}]},
    {"reviewers": [{"type": "User", "id": "1002"}]},
    *({"prevent_self_review": 1}, {"deployment_branch_policy": []}),
    {"deployment_branch_policy": {"protected_branches": True}, "can_admins_bypass": 7},
    {"deployment_branch_policy": {}},
]
INSERTS = b"INSERT INTO t VALUES (2, 'two');\nINSERT INTO t VALUES (3, 'three');"
BROKEN = b"INSERT INTO none VALUES (1)"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def form(metadata: Any, *modules: tuple[str, str, bytes]) -> Form:
    """The form of an upload: its metadata, and modules with their names and types."""
    text = metadata if isinstance(metadata, str) else json.dumps(metadata)
    named = [(name, (name, content, kind)) for name, kind, content in modules]
    return Form([("metadata", (None, text.encode(), "application/json")), *named])


ENTRY = ("entry.py", "text/x-python", b"print(1)")
PAGE = b"<h1>Hi</h1>"
HASH = md5(PAGE)
ASSET = {"hash": HASH, "size": len(PAGE)}
ASSET_CONFIGS: list[dict[str, Any]] = [
    {"html_handling": "some"},
    {"run_worker_first": []},
    {"run_worker_first": ["x"]},
    {"run_worker_first": ["!/x"]},
    {"run_worker_first": ["/a", "/a"]},
    {"run_worker_first": ["/a*", "/ab"]},
    {"run_worker_first": ["/" + "x" * 100]},
    {"not_found_handling": "404-page", "run_worker_first": ["/api/*", "!/api/x"]},
    {"html_handling": "none", "run_worker_first": ["/api/*", "!/x/*"]},
]
CHAPTERS: dict[str, list[Call]] = {
    "account": [
        ("GET", "/accounts"),
        ("GET", "/accounts?name=Local account"),
        ("GET", "/accounts?name=Other"),
        ("GET", "/accounts?name="),
        ("GET", "/accounts?direction=up"),
        ("GET", f"/accounts/{ACCOUNT_ID}"),
        ("GET", f"/accounts/{NONE}"),
        ("GET", "/user"),
        ("GET", "/user/tokens/verify"),
        ("GET", "/tokens/verify"),
        ("GET", "/memberships"),
        ("GET", "/memberships?status=pending"),
        ("GET", "/memberships?account.name=Other"),
        ("GET", "/memberships?order=age"),
        ("GET", "/memberships/00000000000000000000000000000003"),
        ("GET", f"/memberships/{NONE}"),
        ("GET", "/workers/subdomain"),
        ("PUT", "/workers/subdomain", {"subdomain": "shop"}),
        ("PUT", "/workers/subdomain", {"subdomain": "-"}),
        ("PUT", "/workers/subdomain", {}),
        ("GET", "/workers/subdomain"),
    ],
    "databases": [
        ("POST", "/d1/database", {"name": "first"}, "d1"),
        (
            *("POST", "/d1/database"),
            {"name": "second", "jurisdiction": "eu", "read_replication": {"mode": "auto"}},
            "d1b",
        ),
        ("POST", "/d1/database", {"name": "first"}),
        ("POST", "/d1/database", {"name": ""}),
        ("POST", "/d1/database", {"name": "x" * 65}),
        ("POST", "/d1/database", {"name": "third", "primary_location_hint": "moon"}),
        ("POST", "/d1/database", "{"),
        ("GET", "/d1/database"),
        ("GET", "/d1/database?name=second"),
        ("GET", "/d1/database?name=none"),
        ("GET", "/d1/database?per_page=1&page=2"),
        ("GET", "/d1/database?per_page=1001"),
        ("GET", "/d1/database?page=0"),
        ("GET", "/d1/database?page=1&page=2"),
        ("GET", "/d1/database?colour=red"),
        (
            *("POST", "/d1/database/{d1}/query"),
            {"sql": "CREATE TABLE t (a, b); INSERT INTO t VALUES (?, ?)", "params": [1, "x"]},
        ),
        ("POST", "/d1/database/{d1}/query", {"sql": "SELECT * FROM t WHERE a = ?", "params": [1]}),
        ("POST", "/d1/database/{d1}/raw", {"sql": "SELECT * FROM t"}),
        (
            *("POST", "/d1/database/{d1}/query"),
            {"batch": [{"sql": "SELECT a FROM t"}, {"sql": "SELECT ?", "params": [None]}]},
        ),
        ("POST", "/d1/database/{d1}/query", {"sql": "SELECT * FROM none"}),
        ("POST", "/d1/database/{d1}/query", {"sql": "SELECT ?"}),
        ("POST", "/d1/database/{d1}/query", {"sql": "SELECT 1", "params": [1, 2]}),
        ("POST", "/d1/database/{d1}/query", {}),
        ("POST", "/d1/database/{d1}/query", {"sql": "SELECT 1", "batch": []}),
        ("GET", "/d1/database/{d1}"),
        ("PATCH", "/d1/database/{d1}", {"read_replication": {"mode": "auto"}}),
        ("PUT", "/d1/database/{d1}", {"read_replication": {"mode": "never"}}),
        ("PUT", "/d1/database/{d1}", {}),
        ("GET", f"/d1/database/{NONE}"),
        ("DELETE", "/d1/database/{d1b}"),
        ("DELETE", "/d1/database/{d1b}"),
    ],
    "namespaces": [
        ("POST", "/storage/kv/namespaces", {"title": "cache"}, "kv"),
        ("POST", "/storage/kv/namespaces", {"title": "b"}, "kvb"),
        ("POST", "/storage/kv/namespaces", {"title": "cache"}),
        ("POST", "/storage/kv/namespaces", {"title": ""}),
        ("POST", "/storage/kv/namespaces", {"title": "x" * 513}),
        ("GET", "/storage/kv/namespaces"),
        ("GET", "/storage/kv/namespaces?order=title&direction=desc"),
        ("GET", "/storage/kv/namespaces?order=age"),
        ("GET", "/storage/kv/namespaces/{kv}"),
        ("PUT", "/storage/kv/namespaces/{kvb}", {"title": "c"}),
        ("PUT", "/storage/kv/namespaces/{kvb}", {"title": "cache"}),
        ("PUT", "/storage/kv/namespaces/{kv}/values/a%2Fb", b"text"),
        ("PUT", "/storage/kv/namespaces/{kv}/values/ttl?expiration_ttl=60", b"x"),
        ("PUT", "/storage/kv/namespaces/{kv}/values/ttl?expiration_ttl=59", b"x"),
        ("PUT", "/storage/kv/namespaces/{kv}/values/ttl?expiration=1767225700", b"x"),
        ("PUT", f"/storage/kv/namespaces/{{kv}}/values/{LONG}", b"x"),
        ("GET", "/storage/kv/namespaces/{kv}/values/a%2Fb"),
        ("GET", "/storage/kv/namespaces/{kv}/values/none"),
        ("GET", "/storage/kv/namespaces/{kv}/metadata/a%2Fb"),
        ("GET", "/storage/kv/namespaces/{kv}/metadata/none"),
        ("GET", "/storage/kv/namespaces/{kv}/keys"),
        ("GET", "/storage/kv/namespaces/{kv}/keys?prefix=a&limit=10"),
        ("GET", "/storage/kv/namespaces/{kv}/keys?limit=9"),
        ("GET", "/storage/kv/namespaces/{kv}/keys?limit=1001"),
        (
            *("PUT", "/storage/kv/namespaces/{kv}/bulk"),
            [
                {"key": "n", "value": "7"},
                {"key": "bytes", "value": "/w==", "base64": True},
            ],
        ),
        ("PUT", "/storage/kv/namespaces/{kv}/bulk", [{"key": "b", "value": "!", "base64": True}]),
        ("PUT", "/storage/kv/namespaces/{kv}/bulk", [{"key": "", "value": "x"}]),
        ("PUT", "/storage/kv/namespaces/{kv}/bulk", {}),
        (
            *("POST", "/storage/kv/namespaces/{kv}/bulk/get"),
            {"keys": ["n", "none"], "withMetadata": True},
        ),
        ("POST", "/storage/kv/namespaces/{kv}/bulk/get", {"keys": ["n"], "type": "json"}),
        ("POST", "/storage/kv/namespaces/{kv}/bulk/get", {"keys": ["a/b"], "type": "json"}),
        ("POST", "/storage/kv/namespaces/{kv}/bulk/get", {"keys": ["bytes"]}),
        ("POST", "/storage/kv/namespaces/{kv}/bulk/delete", ["n", "bytes"]),
        ("DELETE", "/storage/kv/namespaces/{kv}/values/a%2Fb"),
        ("GET", f"/storage/kv/namespaces/{NONE}"),
        ("GET", f"/storage/kv/namespaces/{NONE}/keys"),
        ("DELETE", "/storage/kv/namespaces/{kvb}"),
    ],
    "queues": [
        ("POST", "/queues", {"queue_name": "jobs"}, "queue"),
        (
            *("POST", "/queues"),
            {
                "queue_name": "dead",
                "settings": {"delivery_delay": 5, "message_retention_period": 3_600},
            },
            "dead",
        ),
        ("POST", "/queues", {"queue_name": "jobs"}),
        ("POST", "/queues", {"queue_name": "No"}),
        ("POST", "/queues", {"queue_name": "q", "settings": {"delivery_delay": -1}}),
        ("GET", "/queues"),
        ("GET", "/queues?name=dead&name=none"),
        ("GET", "/queues?page=2"),
        ("GET", "/queues/{queue}"),
        ("GET", "/queues/{queue}/metrics"),
        ("GET", "/queues/{queue}/purge"),
        ("POST", "/queues/{queue}/purge", {}),
        ("POST", "/queues/{queue}/purge", {"delete_messages_permanently": True}),
        ("GET", "/queues/{queue}/purge"),
        ("PATCH", "/queues/{dead}", {"settings": {"delivery_paused": True}}),
        ("PUT", "/queues/{dead}", {"settings": {"delivery_delay": 7}}),
        ("PATCH", "/queues/{dead}", {"queue_name": "jobs"}),
        ("PATCH", "/queues/{dead}", {"queue_name": "letters"}),
        ("GET", f"/queues/{NONE}"),
        ("DELETE", f"/queues/{NONE}"),
    ],
    "buckets": [
        ("POST", "/r2/buckets", {"name": "backups"}),
        ("POST", "/r2/buckets", {"name": "rare", "storageClass": "InfrequentAccess"}),
        ("POST", "/r2/buckets", {"name": "backups"}),
        ("POST", "/r2/buckets", {"name": "B"}),
        ("POST", "/r2/buckets", {"name": "b", "storageClass": "Ice"}),
        ("GET", "/r2/buckets"),
        ("GET", "/r2/buckets?direction=desc&per_page=1"),
        ("GET", "/r2/buckets?direction=desc&start_after=rare"),
        ("GET", "/r2/buckets?cursor=backups"),
        ("GET", "/r2/buckets?name_contains=ack"),
        ("GET", "/r2/buckets?per_page=1001"),
        ("GET", "/r2/buckets/backups"),
        ("PUT", "/r2/buckets/backups/objects/a/1", b"one"),
        ("PUT", "/r2/buckets/backups/objects/a/2", b"two"),
        ("PUT", "/r2/buckets/backups/objects/b", b""),
        ("PUT", "/r2/buckets/backups/objects/b", b"anew"),
        ("GET", "/r2/buckets/backups/objects/b"),
        ("GET", "/r2/buckets/backups/objects"),
        ("GET", "/r2/buckets/backups/objects?per_page=1"),
        ("GET", "/r2/buckets/backups/objects?per_page=2&cursor=a/1"),
        ("GET", "/r2/buckets/backups/objects?delimiter=/"),
        ("GET", "/r2/buckets/backups/objects?delimiter=/&prefix=a/"),
        ("GET", "/r2/buckets/backups/objects/none"),
        ("DELETE", "/r2/buckets/backups"),
        ("DELETE", "/r2/buckets/backups/objects/none"),
        ("DELETE", "/r2/buckets/backups/objects/a/1"),
        ("DELETE", "/r2/buckets/rare"),
        ("GET", "/r2/buckets/rare"),
    ],
    "workers": [
        ("POST", "/workers/workers", {"name": "other"}, "other"),
        (
            *("POST", "/workers/workers"),
            {
                "name": "shop",
                "logpush": True,
                "observability": {"enabled": True, "head_sampling_rate": 0.5},
                "tags": ["a", "b"],
                "tail_consumers": [{"name": "other"}],
                "subdomain": {"enabled": True, "previews_enabled": True},
            },
            "shop",
        ),
        ("POST", "/workers/workers", {"name": "shop"}),
        ("POST", "/workers/workers", {"name": "No Name"}),
        ("POST", "/workers/workers", {}),
        ("GET", "/workers/workers"),
        ("GET", "/workers/workers?order_by=name&order=asc"),
        ("GET", "/workers/workers?order_by=age"),
        ("GET", "/workers/workers/other"),
        ("PATCH", "/workers/workers/{other}", {"logpush": True}),
        ("PUT", "/workers/workers/{other}", {"name": "other", "tags": ["c"]}),
        ("PATCH", "/workers/workers/{other}", {"name": "shop"}),
        ("GET", f"/workers/workers/{NONE}"),
        ("GET", "/workers/scripts"),
        ("GET", "/workers/scripts?tags=a:yes,c:no"),
        ("GET", "/workers/scripts?tags=a:maybe"),
        ("GET", "/workers/scripts/shop/subdomain"),
        ("POST", "/workers/scripts/other/subdomain", {"enabled": True}),
        ("POST", "/workers/scripts/other/subdomain", {"enabled": True, "previews_enabled": False}),
        ("DELETE", "/workers/scripts/other/subdomain"),
        ("GET", "/workers/scripts/shop/settings"),
        ("GET", "/workers/scripts/shop/script-settings"),
        ("PATCH", "/workers/scripts/other/script-settings", {"tags": ["d"], "logpush": False}),
        ("GET", "/workers/services/shop"),
        ("GET", "/workers/services/none"),
        ("GET", "/workers/tails/by-consumer/other"),
        ("GET", "/workers/scripts/other/references"),
    ],
    "versions": [
        ("POST", "/workers/workers/shop/versions", version_body(bindings=BINDINGS), "v1"),
        (
            *("POST", "/workers/workers/{shop}/versions"),
            version_body(
                annotations={"workers/message": "second", "workers/tag": "two"},
                limits={"cpu_ms": 50},
                placement={"mode": "smart"},
                usage_model="bundled",
            ),
            "v2",
        ),
        ("POST", "/workers/workers/shop/versions", version_body(modules=[])),
        ("POST", "/workers/workers/shop/versions", version_body(modules=[MODULE, MODULE])),
        ("POST", "/workers/workers/shop/versions", version_body(main_module="none.py")),
        ("POST", "/workers/workers/shop/versions", version_body(compatibility_date="today")),
        (
            *("POST", "/workers/workers/shop/versions"),
            version_body(modules=[{**MODULE, "content_base64": "!"}]),
        ),
        (
            *("POST", "/workers/workers/shop/versions"),
            version_body(modules=[{**MODULE, "name": "../entry.py"}], main_module="../entry.py"),
        ),
        ("POST", "/workers/workers/shop/versions", version_body(migrations=[{"tag": "1"}])),
        ("POST", "/workers/workers/shop/versions", version_body(annotations={"a": "b"})),
        (
            *("POST", "/workers/workers/shop/versions"),
            version_body(annotations={"workers/tag": "t" * 101}),
        ),
        *(
            ("POST", "/workers/workers/shop/versions", version_body(bindings=[binding]))
            for binding in (
                {"type": "d1", "name": "DB", "id": NONE},
                {"type": "kv_namespace", "name": "KV", "namespace_id": NONE},
                {"type": "queue", "name": "Q", "queue_name": "none"},
                {"type": "service", "name": "S", "service": "none"},
                {"type": "assets", "name": "A"},
                {"type": "durable_object_namespace", "name": "D"},
                {"type": "plain_text", "name": "1", "text": "x"},
                {"type": "plain_text", "name": "T", "text": "x" * 5_121},
            )
        ),
        ("POST", "/workers/workers/shop/versions", version_body(bindings=[BINDINGS[3]] * 2)),
        ("GET", "/workers/workers/shop/versions"),
        ("GET", "/workers/workers/shop/versions?per_page=1&page=2"),
        ("GET", "/workers/workers/shop/versions/{v1}"),
        ("GET", "/workers/workers/shop/versions/{v1}?include=modules"),
        ("GET", f"/workers/workers/shop/versions/{NONE}"),
        ("GET", "/workers/scripts/shop/versions"),
        ("GET", "/workers/scripts/shop/versions/{v1}"),
        ("GET", f"/workers/scripts/shop/versions/{NONE}"),
    ],
    "deployments": [
        ("POST", "/workers/scripts/shop/deployments", deployment(("{v1}", 100)), "dep"),
        (
            *("POST", "/workers/scripts/shop/deployments"),
            deployment(("{v2}", 10), ("{v1}", 90), annotations={"workers/message": "a tenth"}),
        ),
        ("POST", "/workers/scripts/shop/deployments", deployment(("{v1}", 50), ("{v2}", 49))),
        ("POST", "/workers/scripts/shop/deployments", deployment(("{v1}", 50), ("{v1}", 50))),
        ("POST", "/workers/scripts/shop/deployments", deployment((NONE, 100))),
        ("POST", "/workers/scripts/shop/deployments", deployment()),
        (
            *("POST", "/workers/scripts/shop/deployments"),
            {"strategy": "luck", "versions": [{"version_id": "{v1}", "percentage": 100}]},
        ),
        ("GET", "/workers/scripts/shop/deployments"),
        ("GET", "/workers/scripts/shop/deployments/{dep}"),
        ("GET", f"/workers/scripts/shop/deployments/{NONE}"),
        ("GET", "/workers/scripts/shop/deployments?since=soon"),
        ("GET", "/workers/scripts/shop/settings"),
        ("PUT", "/workers/scripts/shop/secrets", {"name": "NEW", "text": "s", "type": "plain"}),
        (
            *("PUT", "/workers/scripts/shop/secrets"),
            {"name": "NEW", "text": "s", "type": "secret_text"},
        ),
        ("POST", "/workers/scripts/shop/deployments", deployment(("{v1}", 100))),
        ("POST", "/workers/scripts/shop/deployments", deployment(("{v2}", 100))),
        (
            *("PUT", "/workers/scripts/shop/secrets"),
            {"name": "NEW", "text": "s", "type": "secret_text"},
        ),
        ("GET", "/workers/scripts/shop/secrets"),
        ("GET", "/workers/scripts/shop/secrets/NEW"),
        ("GET", "/workers/scripts/shop/secrets/none"),
        (
            *("PATCH", "/workers/scripts/shop/secrets-bulk"),
            {
                "secrets": {
                    "NEW": None,
                    "B": {"name": "B", "text": "b", "type": "secret_text"},
                }
            },
        ),
        ("DELETE", "/workers/scripts/shop/secrets/NEW"),
        ("DELETE", "/workers/scripts/shop/secrets/B"),
        (
            *("PATCH", "/workers/scripts/shop/settings"),
            {"bindings": [BINDINGS[0], BINDINGS[1], BINDINGS[2]], "tags": ["e"]},
        ),
        ("PATCH", "/workers/scripts/shop/settings", {"compatibility_date": "today"}),
        ("GET", "/workers/workers/shop/versions?per_page=1"),
        ("GET", "/workers/scripts/none/deployments"),
        # What has no version yet.
        ("GET", "/workers/scripts/other"),
        ("GET", "/workers/scripts/other/content/v2"),
        ("GET", "/workers/scripts/other/versions"),
        ("GET", "/workers/scripts/other/deployments"),
        ("GET", "/workers/scripts/other/secrets"),
        ("GET", "/workers/scripts/other/settings"),
        ("GET", "/workers/services/other"),
        (
            *("PUT", "/workers/scripts/other/secrets"),
            {"name": "NEW", "text": "s", "type": "secret_text"},
        ),
        ("PATCH", "/workers/scripts/other/settings", {"tags": ["x"]}),
        ("PATCH", "/workers/scripts/other/secrets-bulk", {"secrets": {}}),
        ("DELETE", "/workers/scripts/other/secrets/NEW"),
    ],
    "triggers": [
        (
            *("PUT", "/workers/scripts/shop/schedules"),
            [{"cron": "*/5 * * * *"}, {"cron": "0 3 * * mon"}],
        ),
        ("PUT", "/workers/scripts/shop/schedules", [{"cron": "0 3 * * mon"}]),
        ("PUT", "/workers/scripts/shop/schedules", [{"cron": "61 * * * *"}]),
        ("PUT", "/workers/scripts/shop/schedules", {}),
        ("GET", "/workers/scripts/shop/schedules"),
        ("POST", "/queues/{queue}/consumers", consumer(), "consumer"),
        ("POST", "/queues/{queue}/consumers", consumer()),
        ("POST", "/queues/{queue}/consumers", consumer(script_name="none")),
        ("POST", "/queues/{queue}/consumers", consumer(dead_letter_queue="jobs")),
        ("POST", "/queues/{queue}/consumers", consumer(dead_letter_queue="none")),
        ("POST", "/queues/{queue}/consumers", consumer(settings={"batch_size": 0})),
        (
            *("PUT", "/queues/{queue}/consumers/{consumer}"),
            consumer(
                dead_letter_queue="letters",
                settings={
                    "batch_size": 1,
                    "max_concurrency": 2,
                    "max_retries": 4,
                    "max_wait_time_ms": 5,
                    "retry_delay": 6,
                },
            ),
        ),
        ("GET", "/queues/{queue}/consumers"),
        ("GET", "/queues/{queue}/consumers/{consumer}"),
        ("GET", f"/queues/{{queue}}/consumers/{NONE}"),
        ("GET", "/queues/{queue}"),
        ("GET", "/workers/workers/shop"),
        ("DELETE", "/queues/{queue}"),
        ("DELETE", "/queues/{dead}"),
        ("DELETE", "/workers/workers/shop"),
        ("DELETE", "/queues/{queue}/consumers/{consumer}"),
        ("DELETE", "/queues/{queue}/consumers/{consumer}"),
        ("DELETE", "/queues/{queue}"),
        ("DELETE", "/queues/{dead}"),
        ("DELETE", "/storage/kv/namespaces/{kv}"),
    ],
    "addresses": [
        ("GET", "/zones"),
        ("GET", "/zones?name=contains:AMPLE"),
        ("GET", "/zones?name=contains_case_sensitive:AMPLE"),
        ("GET", "/zones?name=near:x"),
        ("GET", "/zones?status=pending"),
        ("GET", "/zones?status=pending&name=example.test&match=any"),
        ("GET", "/zones?type=full,partial&order=status&direction=desc"),
        ("GET", "/zones?type=partial"),
        ("GET", "/zones/{zone}"),
        ("GET", f"/zones/{NONE}"),
        ("GET", "/zones/abc"),
        ("PUT", "/workers/domains", {"hostname": "a.example.test", "service": "shop"}, "domain"),
        ("PUT", "/workers/domains", {"hostname": "a.example.test", "service": "shop"}),
        ("PUT", "/workers/domains", {"hostname": "a.example.test", "service": "other"}),
        ("PUT", "/workers/domains", {"hostname": "a.none.test", "service": "shop"}),
        (
            *("PUT", "/workers/domains"),
            {"hostname": "b.example.test", "service": "shop", "zone_name": "none.test"},
        ),
        ("PUT", "/workers/domains", {"hostname": "no host", "service": "shop"}),
        ("PUT", "/workers/domains", {"hostname": "c.example.test", "service": "none"}),
        ("GET", "/workers/domains"),
        ("GET", "/workers/domains?service=other"),
        ("GET", "/workers/domains/{domain}"),
        ("GET", f"/workers/domains/{NONE}"),
        (
            *("PUT", "/workers/scripts/other/domains/records"),
            {"origins": [{"hostname": "a.example.test"}], "override_existing_origin": True},
            "domain2",
        ),
        ("POST", "/zones/{zone}/workers/routes", {"pattern": "*.example.test/*"}, "route"),
        (
            *("POST", "/zones/{zone}/workers/routes"),
            {"pattern": "example.test/x", "script": "shop"},
        ),
        ("POST", "/zones/{zone}/workers/routes", {"pattern": "*.example.test/*"}),
        ("POST", "/zones/{zone}/workers/routes", {"pattern": "ex*mple.test/"}),
        ("POST", "/zones/{zone}/workers/routes", {"pattern": "other.test/"}),
        ("POST", "/zones/{zone}/workers/routes", {"pattern": "example.test/y", "script": "none"}),
        (
            *("PUT", "/zones/{zone}/workers/routes/{route}"),
            {"pattern": "www.example.test/*", "script": "other"},
        ),
        ("PUT", "/zones/{zone}/workers/routes/{route}", {"pattern": "example.test/x"}),
        ("GET", "/zones/{zone}/workers/routes"),
        ("GET", "/zones/{zone}/workers/routes/{route}"),
        ("GET", f"/zones/{{zone}}/workers/routes/{NONE}"),
        (
            *("PUT", "/workers/scripts/shop/routes"),
            [{"pattern": "example.test/z"}, {"pattern": "www.example.test/z*"}],
        ),
        ("PUT", "/workers/scripts/shop/routes", [{"pattern": "www.example.test/*"}]),
        ("PUT", "/workers/scripts/shop/routes", [{"pattern": "other.test/z"}]),
        ("GET", "/workers/workers/other"),
        ("DELETE", "/zones/{zone}/workers/routes/{route}"),
        ("DELETE", "/workers/domains/{domain}"),
    ],
    "transfers": [
        ("GET", "/d1/database/{d1}/time_travel/bookmark?timestamp=2026-02-01T00:00:00Z"),
        ("GET", "/d1/database/{d1}/time_travel/bookmark", None, "mark=bookmark"),
        ("GET", "/d1/database/{d1}/time_travel/bookmark?timestamp=2026-02-01"),
        ("GET", "/d1/database/{d1}/time_travel/bookmark?timestamp=2025-12-31T23:59:59Z"),
        ("GET", "/d1/database/{d1}/time_travel/bookmark?timestamp=soon"),
        ("POST", "/d1/database/{d1}/import", {"action": "poll"}),
        ("POST", "/d1/database/{d1}/import", {"action": "init"}),
        ("POST", "/d1/database/{d1}/import", {"action": "init", "etag": "x"}),
        ("POST", "/d1/database/{d1}/import", {"action": "start"}),
        (
            *("POST", "/d1/database/{d1}/import", {"action": "init", "etag": md5(INSERTS)}),
            "link=upload_url file=filename",
        ),
        (
            *("POST", "/d1/database/{d1}/import"),
            {"action": "ingest", "etag": md5(INSERTS), "filename": "{file}"},
        ),
        ("POST", "/d1/database/{d1}/import", {"action": "ingest", "etag": md5(INSERTS)}),
        ("PUT", "{link}0", INSERTS),
        ("PUT", "{link}", INSERTS),
        ("GET", "{link}"),
        (
            *("POST", "/d1/database/{d1}/import"),
            {"action": "ingest", "etag": md5(b"other"), "filename": "{file}"},
        ),
        (
            *("POST", "/d1/database/{d1}/import"),
            {"action": "ingest", "etag": md5(INSERTS), "filename": "{file}"},
            "job=at_bookmark",
        ),
        ("POST", "/d1/database/{d1}/import", {"action": "poll", "current_bookmark": "{job}"}),
        ("POST", "/d1/database/{d1}/import", {"action": "poll", "current_bookmark": "x"}),
        (
            *("POST", "/d1/database/{d1}/import", {"action": "init", "etag": md5(BROKEN)}),
            "link=upload_url file=filename",
        ),
        ("PUT", "{link}", BROKEN),
        (
            *("POST", "/d1/database/{d1}/import"),
            {"action": "ingest", "etag": md5(BROKEN), "filename": "{file}"},
        ),
        (
            *("POST", "/d1/database/{d1}/export", {"output_format": "polling"}),
            "link=result.signed_url job=at_bookmark",
        ),
        (
            *("POST", "/d1/database/{d1}/export"),
            {"output_format": "polling", "current_bookmark": "{job}"},
        ),
        ("GET", "{link}"),
        *(
            call
            for options in ({"no_data": True}, {"no_schema": True}, {"tables": ["none"]})
            for call in (
                (
                    *("POST", "/d1/database/{d1}/export"),
                    {"output_format": "polling", "dump_options": options},
                    "link=result.signed_url",
                ),
                ("GET", "{link}"),
            )
        ),
        ("POST", "/d1/database/{d1}/export", {"output_format": "file"}),
        ("POST", f"/d1/database/{NONE}/export", {"output_format": "polling"}),
        ("POST", "/d1/database/{d1}/time_travel/restore"),
        ("POST", "/d1/database/{d1}/time_travel/restore?bookmark={mark}&timestamp=2026-02-01"),
        ("POST", "/d1/database/{d1}/time_travel/restore?bookmark=none"),
        ("POST", "/d1/database/{d1}/time_travel/restore?bookmark={mark}"),
        ("POST", "/d1/database/{d1}/time_travel/restore?timestamp=2026-02-01"),
        ("POST", "/d1/database/{d1}/query", {"sql": "SELECT count(*) AS rows FROM t"}),
    ],
    "uploads": [
        ("PUT", "/workers/scripts/web", form({"main_module": "entry.py"}, ENTRY), "web"),
        (
            *("PUT", "/workers/scripts/web"),
            form(
                {
                    "main_module": "./entry.py",
                    "bindings": [BINDINGS[3], BINDINGS[4], {"type": "inherit", "name": "GONE"}],
                    "compatibility_date": "2026-01-01",
                    "compatibility_flags": ["python_workers"],
                    "annotations": {"workers/message": "second"},
                    "usage_model": "unbound",
                    "limits": {"cpu_ms": 9},
                    "logpush": True,
                    "tags": ["w"],
                    "observability": {"enabled": True},
                    "tail_consumers": [{"service": "shop"}],
                },
                ("./entry.py", "text/x-python", b"print(2)"),
                ("entry.map", "application/source-map", b"{}"),
            ),
        ),
        (
            *("POST", "/workers/scripts/web/versions"),
            form(
                {"main_module": "entry.py", "keep_bindings": ["secret_text"]},
                ENTRY,
            ),
        ),
        (
            *("POST", "/workers/scripts/web/versions?include_subdomain_availability=true"),
            form(
                {"main_module": "entry.py", "bindings": [{"type": "inherit", "name": "KEY"}]},
                ENTRY,
            ),
        ),
        (
            *("POST", "/workers/scripts/web/versions?bindings_inherit=strict"),
            form(
                {"main_module": "entry.py", "bindings": [{"type": "inherit", "name": "GONE"}]},
                ENTRY,
            ),
        ),
        *(
            ("PUT", "/workers/scripts/web", body)
            for body in (
                b"",
                Form([("entry.py", ("entry.py", b"", "text/x-python"))]),
                form("{", ENTRY),
                form({}, ENTRY),
                form({"main_module": "none.py"}, ENTRY),
                form({"body_part": "script"}, ENTRY),
                form({"main_module": "entry.py", "containers": [{}]}, ENTRY),
                form({"main_module": "entry.py", "assets": {"jwt": "x.y.z"}}, ENTRY),
                form({"main_module": "entry.py", "bindings": [{"type": "inherit"}]}, ENTRY),
                form({"main_module": "entry.py"}, ENTRY, ENTRY),
            )
        ),
        ("PUT", "/workers/scripts/No Name", form({"main_module": "entry.py"}, ENTRY)),
        ("GET", "/workers/scripts/web/versions"),
        ("GET", "/workers/scripts/web/versions?deployable=true&per_page=1"),
        ("GET", "/workers/scripts/web/versions?deployable=perhaps"),
        ("GET", "/workers/scripts/web/settings"),
        ("GET", "/workers/services/web"),
        *(
            ("POST", "/workers/scripts/web/assets-upload-session", {"manifest": manifest})
            for manifest in (
                {"no-slash": ASSET},
                {"/../x": ASSET},
                {"/" + "x" * 1_024: ASSET},
                {"/x": {"hash": "x", "size": 1}},
                {"/x": {"hash": NONE, "size": -1}},
                {"/x": {"hash": NONE, "size": 26_214_401}},
            )
        ),
        ("POST", "/workers/scripts/No Name/assets-upload-session", {"manifest": {}}),
        (
            *("POST", "/workers/scripts/web/assets-upload-session"),
            {"manifest": {"/index.html": ASSET}},
            "session=jwt",
        ),
        ("POST", "/workers/assets/upload?base64=true", Form([])),
        *(
            ("POST", f"/workers/assets/upload{query}", Form([part], "{session}"))
            for query, part in (
                ("", (HASH, (None, base64.b64encode(PAGE), "text/html"))),
                ("?base64=true", (NONE, (None, b"eA==", "text/html"))),
                ("?base64=true", (HASH, (None, b"eA==", "text/html"))),
                ("?base64=true", (HASH, (None, b"!", "text/html"))),
            )
        ),
        (
            *("POST", "/workers/assets/upload?base64=true"),
            Form([(HASH, (None, base64.b64encode(PAGE), "text/html"))], "{session}"),
            "done=jwt",
        ),
        (
            *("POST", "/workers/scripts/web/assets-upload-session"),
            {"manifest": {"/index.html": ASSET}},
        ),
        *(
            (
                *("PUT", "/workers/scripts/web"),
                form(
                    {
                        "main_module": "entry.py",
                        "bindings": [{"type": "assets", "name": "ASSETS"}],
                        "assets": {"jwt": "{done}", "config": config},
                    },
                    ENTRY,
                ),
            )
            for config in ASSET_CONFIGS
        ),
        ("PUT", "/workers/scripts/other", form({"assets": {"jwt": "{done}"}})),
        (
            *("POST", "/workers/scripts/web/versions"),
            form({"main_module": "entry.py", "keep_assets": True}, ENTRY),
        ),
        ("DELETE", "/workers/scripts/web"),
    ],
    "tokens": [
        ("POST", "/tokens", {"name": "ci", "policies": [POLICY]}, "token"),
        ("POST", "/tokens", TOKEN, "token2"),
        ("POST", "/tokens", {"name": "", "policies": [POLICY]}),
        ("POST", "/tokens", {"name": "x", "policies": []}),
        ("POST", "/tokens", {"name": "x", "policies": [{**POLICY, "effect": "maybe"}]}),
        (
            *("POST", "/tokens"),
            {"name": "x", "policies": [{**POLICY, "permission_groups": [{"id": NONE}]}]},
        ),
        (
            *("POST", "/tokens"),
            {"name": "x", "policies": [{**POLICY, "resources": OTHER_POLICY["resources"]}]},
        ),
        ("POST", "/tokens", {**TOKEN, "expires_on": "soon"}),
        ("POST", "/tokens", {**TOKEN, "condition": {"request_ip": {"in": ["here"]}}}),
        ("GET", "/tokens"),
        ("GET", "/tokens?direction=desc&per_page=1"),
        ("GET", "/tokens?direction=up"),
        ("PUT", "/tokens/{token}", {**TOKEN, "expires_on": "2025-01-01T00:00:00Z"}),
        ("GET", "/tokens?include_expired=false"),
        ("PUT", "/tokens/{token}", {**TOKEN, "status": "disabled", "expires_on": None}),
        ("GET", "/tokens/{token}"),
        ("PUT", "/tokens/{token}/value", {}),
        ("GET", f"/tokens/{NONE}"),
        ("DELETE", "/tokens/{token}"),
        ("DELETE", "/tokens/{token}"),
        ("GET", "/tokens/permission_groups?name=d1"),
    ],
    "github": [
        *(
            ("GET", f"/api/v3{path}")
            for path in (
                *("/user", "/users/LOCAL", "/users/reviewer-one", "/users/1002", "/users/nobody"),
                *("/users/reviewer-one/keys", "/users/nobody/gpg_keys", "/orgs/local", "/orgs/a"),
                *("/repos/local/notification-system", "/repos/local/other", "/nothing"),
                *("/repositories/4200", "/repositories/4201"),
            )
        ),
        ("GET", f"{REPOSITORY}/environments"),
        (
            *("PUT", PRODUCTION),
            {
                "wait_timer": 43_200,
                "prevent_self_review": True,
                "reviewers": REVIEWERS,
                "deployment_branch_policy": {
                    "protected_branches": False,
                    "custom_branch_policies": True,
                },
            },
        ),
        ("PUT", f"{REPOSITORY}/environments/staging"),
        (
            *("PUT", f"{REPOSITORY}/environments/STAGING"),
            {
                "can_admins_bypass": False,
                "deployment_branch_policy": {
                    "protected_branches": True,
                    "custom_branch_policies": False,
                },
            },
        ),
        *(("PUT", PRODUCTION, body) for body in BAD_ENVIRONMENTS),
        ("PUT", f"{REPOSITORY}/environments/{'x' * 256}", {}),
        ("GET", PRODUCTION),
        ("GET", f"{REPOSITORY}/environments?per_page=1"),
        ("GET", f"{REPOSITORY}/environments?per_page=1&page=2"),
        ("GET", f"{REPOSITORY}/environments/none"),
        ("POST", f"{PRODUCTION}/deployment-branch-policies", {"name": "main"}, "policy"),
        ("POST", f"{PRODUCTION}/deployment-branch-policies", {"name": "v*", "type": "tag"}),
        ("POST", f"{PRODUCTION}/deployment-branch-policies", {"name": "main"}),
        ("POST", f"{PRODUCTION}/deployment-branch-policies", {"name": ""}),
        ("POST", f"{PRODUCTION}/deployment-branch-policies", {"name": "x", "type": "commit"}),
        ("POST", f"{REPOSITORY}/environments/staging/deployment-branch-policies", {"name": "m"}),
        ("GET", f"{PRODUCTION}/deployment-branch-policies"),
        ("PUT", f"{PRODUCTION}/deployment-branch-policies/{{policy}}", {"name": "release/*"}),
        ("GET", f"{PRODUCTION}/deployment-branch-policies/{{policy}}"),
        ("GET", f"{PRODUCTION}/deployment-branch-policies/99"),
        ("DELETE", f"{PRODUCTION}/deployment-branch-policies/{{policy}}"),
        *(
            call
            for scope in (f"{REPOSITORY}/actions", PRODUCTION)
            for call in (
                ("GET", f"{scope}/variables"),
                ("POST", f"{scope}/variables", {"name": "colour", "value": "red"}),
                ("POST", f"{scope}/variables", {"name": "COLOUR", "value": "blue"}),
                ("POST", f"{scope}/variables", {"name": "1", "value": "x"}),
                ("POST", f"{scope}/variables", {"name": "GITHUB_X", "value": "x"}),
                ("POST", f"{scope}/variables", {"name": "X"}),
                ("POST", f"{scope}/variables", {"value": "X"}),
                ("POST", f"{scope}/variables", {"name": "X", "value": 7}),
                ("PATCH", f"{scope}/variables/colour", {"value": "green"}),
                ("PATCH", f"{scope}/variables/none", {"value": "green"}),
                ("GET", f"{scope}/variables/colour"),
                ("GET", f"{scope}/variables"),
                ("DELETE", f"{scope}/variables/colour"),
                ("DELETE", f"{scope}/variables/colour"),
                ("GET", f"{scope}/secrets/public-key"),
                ("PUT", f"{scope}/secrets/KEY", {"key_id": "1", "encrypted_value": "eA=="}),
                ("PUT", f"{scope}/secrets/KEY", {"key_id": "{key}", "encrypted_value": "!"}),
                ("PUT", f"{scope}/secrets/KEY", {"key_id": "{key}", "encrypted_value": "eA=="}),
                ("PUT", f"{scope}/secrets/KEY", {"key_id": "{key}"}),
                ("PUT", f"{scope}/secrets/KEY", {"encrypted_value": "eA=="}),
                ("PUT", f"{scope}/secrets/key", {"seal": "s3cret"}),
                ("PUT", f"{scope}/secrets/KEY", {"seal": "another"}),
                ("PUT", f"{scope}/secrets/GITHUB_KEY", {"seal": "another"}),
                ("GET", f"{scope}/secrets"),
                ("GET", f"{scope}/secrets/KEY"),
                ("GET", f"{scope}/secrets/NONE"),
                ("DELETE", f"{scope}/secrets/KEY"),
                ("DELETE", f"{scope}/secrets/KEY"),
            )
        ),
        ("POST", f"{REPOSITORY}/issues/7/comments", {"body": "hello"}, "comment"),
        ("POST", f"{REPOSITORY}/issues/7/comments", {"body": " "}),
        ("POST", f"{REPOSITORY}/issues/7/comments", {"body": "x" * 65_537}),
        ("POST", f"{REPOSITORY}/issues/7/comments", {"body": 7}),
        ("GET", f"{REPOSITORY}/issues/7/comments"),
        ("GET", f"{REPOSITORY}/issues/8/comments"),
        ("PATCH", f"{REPOSITORY}/issues/comments/{{comment}}", {"body": "hello again"}),
        ("GET", f"{REPOSITORY}/issues/comments/{{comment}}"),
        ("DELETE", f"{REPOSITORY}/issues/comments/{{comment}}"),
        ("DELETE", f"{REPOSITORY}/issues/comments/{{comment}}"),
        ("GET", f"{REPOSITORY}/issues/comments/{2**63}"),
        (
            *("POST", f"{REPOSITORY}/pulls"),
            {"title": "A change", "head": "change", "base": "main"},
            "pull",
        ),
        ("POST", f"{REPOSITORY}/pulls", {"title": "A change", "head": "change"}),
        ("PATCH", f"{REPOSITORY}/pulls/{{pull}}", {"state": "merged"}),
        ("PATCH", f"{REPOSITORY}/pulls/{{pull}}", {"state": "closed"}),
        ("GET", f"{REPOSITORY}/pulls"),
        ("GET", f"{REPOSITORY}/pulls?state=lost"),
        ("GET", f"{REPOSITORY}/pulls/99"),
        ("DELETE", PRODUCTION),
        ("DELETE", PRODUCTION),
    ],
    "local": [
        ("GET", "/local/clock"),
        ("POST", "/local/clock", {"advance_ms": 0}),
        ("POST", "/local/clock", {"advance_ms": -1}),
        ("POST", "/local/clock", {"advance_ms": 34_560_000_001}),
        ("GET", "/local/logs?limit=0"),
        ("GET", "/local/logs?limit=1001"),
        ("GET", "/local/logs?level=loud"),
        ("POST", "/local/cron/run", {"script": "shop", "cron": "0 3 * * mon"}),
        ("POST", "/local/cron/run", {"script": "none", "cron": "0 3 * * mon"}),
        ("POST", "/local/cron/run", {"script": "shop", "cron": "1 3 * * mon"}),
        ("POST", "/local/cron/run", {"script": "shop"}),
        ("GET", "/local/cron"),
        ("GET", "/local/queues"),
        ("GET", "/local/state"),
        ("POST", "/local/zones", {"name": "shop.test"}),
        ("POST", "/local/zones", {"name": "shop.test"}),
        ("POST", "/local/zones", {"name": "shop"}),
        ("DELETE", "/local/zones/shop.test"),
        ("DELETE", "/local/zones/shop.test"),
        ("DELETE", "/local/zones/example.test"),
        ("GET", "/local/faults"),
        ("POST", "/local/faults", {"fault": "at once"}),
        ("DELETE", "/local/faults/9"),
        ("DELETE", "/local/faults"),
    ],
    "sink": [
        ("POST", "/sink/hook/a", b"one"),
        ("PUT", "/sink/hook/a?status=404&retry_after=0", b""),
        ("POST", "/sink/hook/a?status=200&retry_after=5", b""),
        ("POST", "/sink/hook/a?status=429", b""),
        ("POST", "/sink/hook/a?status=204", b""),
        ("POST", "/sink/hook/a?status=199", b""),
        ("POST", "/sink/hook/a?status=600", b""),
        ("POST", "/sink/hook/b?fail_first=1&retry_after=86400", b""),
        ("POST", "/sink/hook/b?fail_first=1&retry_after=86400", b""),
        ("POST", "/sink/hook/b?fail_first=1000001", b""),
        ("POST", "/sink/hook/b?retry_after=86401", b""),
        ("POST", "/sink/hook/b?delay_ms=60001", b""),
        ("POST", "/sink/hook/b?fail=slack:rate_limited", b"x"),
        ("POST", "/sink/hook/b?fail=slack:none", b"x"),
        ("POST", "/sink/hook/b?fail=none:none", b"x"),
        ("POST", "/sink/services/T/B/one", {"text": "hi"}),
        ("POST", "/sink/nothing", b"x"),
        ("GET", "/sink/services/T/B/one"),
        ("POST", "/sink/api/failures", {"path_prefix": "/bot1:", "fail": "telegram:429"}),
        ("POST", "/sink/api/failures", {"path_prefix": "bot1:", "fail": "telegram:429"}),
        (
            *("POST", "/sink/api/failures"),
            {"path_prefix": "/bot1:", "fail": "telegram:429", "count": 1_000_001},
        ),
        ("POST", "/sink/bot1:a/sendMessage", {"chat_id": "1", "text": "hi"}),
        ("POST", "/sink/bot1:a/sendMessage", {"chat_id": "1", "text": "hi"}),
        ("GET", "/sink/api/messages?limit=3"),
        ("GET", "/sink/api/messages?path=/hook/a&after_id=2"),
        ("GET", "/sink/api/messages?limit=0"),
        ("GET", "/sink/api/messages?limit=1001"),
        ("GET", "/sink/api/messages?after_id=x"),
        ("DELETE", "/sink/api/failures"),
        ("DELETE", "/sink/api/messages"),
        ("GET", "/sink/api/messages"),
    ],
    "tails": [
        ("GET", "/workers/scripts/shop/tails"),
        ("POST", "/workers/scripts/shop/tails", None, "tail"),
        (
            *("POST", "/workers/scripts/shop/tails"),
            {"filters": [{"outcome": ["exception"]}, {"sampling_rate": 0.5}]},
        ),
        ("POST", "/workers/scripts/shop/tails", {"filters": [{}]}),
        ("POST", "/workers/scripts/shop/tails", {"filters": [{"query": "a", "method": ["GET"]}]}),
        ("POST", "/workers/scripts/shop/tails", {"filters": [{"sampling_rate": 1.1}]}),
        ("POST", "/workers/scripts/shop/tails", {"filters": [{"outcome": []}]}),
        ("POST", "/workers/scripts/none/tails"),
        *[("POST", "/workers/scripts/shop/tails")] * 9,
        ("POST", "/workers/scripts/other/tails"),
        ("GET", "/workers/scripts/other/tails"),
        ("DELETE", "/workers/scripts/other/tails/{tail}"),
        ("DELETE", "/workers/scripts/shop/tails/{tail}"),
        ("DELETE", "/workers/scripts/shop/tails/{tail}"),
    ],
    "malformed bodies": [
        (method, path, body)
        for method, path in (
            ("PUT", "/workers/subdomain"),
            ("POST", "/d1/database"),
            ("PATCH", "/d1/database/{d1}"),
            ("POST", "/d1/database/{d1}/query"),
            ("POST", "/d1/database/{d1}/raw"),
            ("POST", "/d1/database/{d1}/import"),
            ("POST", "/d1/database/{d1}/export"),
            ("POST", "/storage/kv/namespaces"),
            ("PUT", "/storage/kv/namespaces/{kv}"),
            ("PUT", "/storage/kv/namespaces/{kv}/bulk"),
            ("DELETE", "/storage/kv/namespaces/{kv}/bulk"),
            ("POST", "/storage/kv/namespaces/{kv}/bulk/delete"),
            ("POST", "/storage/kv/namespaces/{kv}/bulk/get"),
            ("POST", "/queues"),
            ("PATCH", "/queues/{queue}"),
            ("POST", "/queues/{queue}/purge"),
            ("POST", "/queues/{queue}/consumers"),
            ("POST", "/r2/buckets"),
            ("POST", "/workers/workers"),
            ("PATCH", "/workers/workers/shop"),
            ("POST", "/workers/workers/shop/versions"),
            ("POST", "/workers/scripts/shop/deployments"),
            ("POST", "/workers/scripts/shop/subdomain"),
            ("PATCH", "/workers/scripts/shop/settings"),
            ("PATCH", "/workers/scripts/shop/script-settings"),
            ("PUT", "/workers/scripts/shop/secrets"),
            ("PATCH", "/workers/scripts/shop/secrets-bulk"),
            ("PUT", "/workers/scripts/shop/schedules"),
            ("POST", "/workers/scripts/shop/tails"),
            ("POST", "/workers/scripts/shop/assets-upload-session"),
            ("PUT", "/workers/scripts/shop/routes"),
            ("PUT", "/workers/scripts/shop/domains/records"),
            ("PUT", "/workers/domains"),
            ("POST", "/zones/{zone}/workers/routes"),
            ("POST", "/tokens"),
            ("POST", "/analytics_engine/sql"),
            ("POST", "/graphql"),
            ("POST", "/local/clock"),
            ("POST", "/local/cron/run"),
            ("POST", "/local/zones"),
            ("POST", "/local/faults"),
        )
        for body in ("{", "7")
    ],
    "the end": [
        ("DELETE", "/workers/workers/other"),
        ("DELETE", "/workers/scripts/shop?force=perhaps"),
        ("DELETE", "/workers/scripts/shop?force=true"),
        ("DELETE", "/workers/services/other"),
        ("DELETE", "/queues/{queue}"),
        ("DELETE", "/queues/{dead}"),
        ("DELETE", "/storage/kv/namespaces/{kv}"),
        ("DELETE", "/d1/database/{d1}"),
        ("GET", "/workers/workers"),
        ("GET", "/nothing/here"),
        ("PATCH", "/queues", {}),
        ("GET", "/radar/nothing"),
    ],
}


class Story:
    """The calls, made one a second on an account whose ids count up."""

    def __init__(self, cloud: RunningCloud) -> None:
        self._cloud = cloud
        self._key = ""
        self._names = {"zone": str(cloud.http.get("/zones").json()["result"][0]["id"])}

    def tell(self, call: Call) -> dict[str, Any]:
        """Make one call; the call with its answer, as the file holds it."""
        method, path, body, name = (*call, None, None)[:4]
        options: dict[str, Any] = {}
        if isinstance(body, Form):
            filled = [
                (n, (file, self._filled(c.decode()).encode() if n == "metadata" else c, kind))
                for n, (file, c, kind) in body.parts
            ]
            options["files"] = filled
            if body.bearer:
                options["headers"] = {"Authorization": f"Bearer {self._filled(body.bearer)}"}
        elif isinstance(body, bytes | str):
            options["content"] = body
        elif body is not None:
            options["json"] = json.loads(self._filled(json.dumps(self._sealed(body))))
        answer = self._cloud.http.request(method, self._url(self._filled(path)), **options)
        if path.endswith("/public-key"):
            self._names["key"], self._key = answer.json()["key_id"], answer.json()["key"]
        if name is not None:
            document = answer.json()
            self._learn(name, document.get("result", document))
        host = self._cloud.root_url.removeprefix("http://")
        text = json.dumps(_shown(answer)).replace(host, "local")
        text = re.sub(r"signature=[0-9a-f]{64}", "signature=64 digits", text)
        text = re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "a signed token", text)
        shown: dict[str, Any] = json.loads(text)
        return {"call": f"{method} {path[:90]}", "http": answer.status_code, **shown}

    def _learn(self, names: str, result: Any) -> None:
        for name, _, place in (part.partition("=") for part in names.split()):
            found: Any = _id(result) if not place else result
            for key in place.split(".") if place else ():
                found = found[key]
            self._names[name] = str(found)

    def _url(self, path: str) -> str:
        if path.startswith("http:"):
            return path
        if path.startswith("/sink/"):
            return self._cloud.endpoints.sink_url + path.removeprefix("/sink")
        if path.startswith(OTHER_APIS):
            return self._cloud.root_url + path
        return path if path.startswith(OWN_ROOTS) else f"/accounts/{ACCOUNT_ID}{path}"

    def _sealed(self, body: Any) -> Any:
        """Seal what a body says is to be sealed, with the key that was read last."""
        if not isinstance(body, dict) or "seal" not in body:
            return body
        box = SealedBox(PublicKey(base64.b64decode(self._key))).encrypt(body["seal"].encode())
        return {"key_id": "{key}", "encrypted_value": base64.b64encode(box).decode()}

    def _filled(self, text: str) -> str:
        for name, value in self._names.items():
            text = text.replace(f"{{{name}}}", value)
        return text


def _id(result: Any) -> str:
    found = result[0] if isinstance(result, list) else result
    return str(
        next(found[key] for key in ("id", "uuid", "consumer_id", "queue_id") if key in found)
    )


def _shown(answer: httpx.Response) -> dict[str, Any]:
    """What an answer says, without what every answer has, and what differs in each run."""
    if "json" not in answer.headers.get("content-type", ""):
        told = ("content-type", "etag") if "d1-files" not in str(answer.url) else ("content-type",)
        kept = {k: v for k, v in answer.headers.items() if k in told}
        return {"headers": kept, "text": answer.text}
    document = answer.json()
    if not isinstance(document, dict) or "success" not in document:
        kept = {k: v for k, v in answer.headers.items() if k in _TOLD_HEADERS}
        return {"headers": kept} | _cut({"document": document})
    found: dict[str, Any] = {}
    assert document["success"] is not bool(document["errors"])
    assert answer.is_success is document["success"]
    if document["errors"]:
        assert document["result"] is None
        found["errors"] = [f"{e['code']} {e['message']}" for e in document["errors"]]
    else:
        found["result"] = document["result"]
    found |= {key: document[key] for key in ("messages", "result_info") if document.get(key)}
    return _cut(found)


_TOLD_HEADERS = ("link", "retry-after", "x-ratelimit-remaining", "x-ratelimit-reset")
_UNTOLD = (
    (r'"duration": [0-9.e-]+', '"duration": 0'),
    (r'"value": "[A-Za-z0-9]{40}"', '"value": "40 letters and digits"'),
    (r'^{"result": "[A-Za-z0-9]{40}"', '{"result": "40 letters and digits"'),
    (r'"key_id": "[0-9]{18}", "key": "[^"]{44}"', '"key_id": "18 digits", "key": "32 bytes"'),
    (r'"headers": {"host".*?}', '"headers": "those of the client"'),
    (r"x{50,}", "xxx…"),
)
"""What differs in each run, or says no more than its length."""


def _cut(document: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(document)
    for pattern, short in _UNTOLD:
        text = re.sub(pattern, short, text)
    cut: dict[str, Any] = json.loads(text)
    return cut


def tell() -> dict[str, list[dict[str, Any]]]:
    """Return each chapter's calls with their answers."""
    moments: Iterator[int] = count(START_MS, 1_000)
    now = [next(moments)]
    numbers = count(1)

    def new_id() -> uuid.UUID:
        return uuid.UUID(int=next(numbers) + (0xA << 124))

    drawn = SimpleNamespace(token_hex=lambda size: f"{next(numbers):0{2 * size}x}")
    # Of this account alone: other tests' clouds run in threads of this process.
    clock = partial(VirtualClock, real_ms=lambda: now[0])
    account = partial(Account, ids=lambda: new_id().hex)
    as_by_default = {k: v for k, v in os.environ.items() if not k.startswith("NOTIFICATION_LOCAL_")}
    same_token = SimpleNamespace(choice=lambda letters: letters[0])
    with (
        TemporaryDirectory() as folder,
        mock.patch.dict("os.environ", as_by_default, clear=True),
        mock.patch("localcloud.server.Account", account),
        mock.patch("localcloud.server.VirtualClock", clock),
        mock.patch("localcloud.local_api.uuid", SimpleNamespace(uuid4=new_id)),
        mock.patch("localcloud.home.secrets", same_token),
        mock.patch("localcloud.api.d1_transfer.secrets", drawn),
        mock.patch("localcloud.api.d1_copies.secrets", drawn),
        mock.patch("localcloud.api.asset_tokens.secrets", drawn),
        mock.patch("localcloud.tail.tails.secrets", drawn),
        RunningCloud(Path(folder) / "home") as cloud,
    ):
        story = Story(cloud)
        told: dict[str, list[dict[str, Any]]] = {}
        for chapter, calls in CHAPTERS.items():
            told[chapter] = []
            for call in calls:
                now[0] = next(moments)
                told[chapter].append(story.tell(call))
        return told


def main() -> None:
    """Write the file."""
    text = yaml.safe_dump(tell(), sort_keys=False, allow_unicode=True, width=100)
    FILE.write_text(f"# Written by `python -m tests.localcloud.whole_account`; see there.\n{text}")


if __name__ == "__main__":
    main()

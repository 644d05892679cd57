"""The Cloudflare resource types that programs of this project use.

Property names, defaults, replacement rules and the calls are those of
terraform-provider-cloudflare (internal/services/*/schema.go and resource.go), which
pulumi-cloudflare bridges. Adding a type is adding one entry.
"""

from __future__ import annotations

from engine.providers.account_token_type import ACCOUNT_TOKEN_TYPE
from engine.providers.resource_type import (
    MISSING_ID,
    Bound,
    Call,
    Lookup,
    Properties,
    ResourceType,
    same_property,
)
from engine.providers.worker_defaults import worker_defaults
from engine.providers.worker_version_shape import (
    MODULE_SOURCES,
    version_body,
    version_defaults,
    version_shape,
)

_DOMAINS = "/accounts/{accountId}/workers/domains"
_ROUTES = "/zones/{zoneId}/workers/routes"
ADDRESS_TYPES = (
    ResourceType(
        name="cloudflare:index/workersCustomDomain:WorkersCustomDomain",
        create=Call("PUT", _DOMAINS),
        read=Call("GET", f"{_DOMAINS}/{{id}}"),
        delete=Call("DELETE", f"{_DOMAINS}/{{id}}"),
        id="id",
        imports=("accountId", "id"),
        optional=frozenset({"accountId", "hostname", "service"}),
        defaulted=frozenset({"environment", "zoneId", "zoneName"}),
        computed=frozenset({"id", "certId"}),
        stable=frozenset({"id"}),
        replaces=frozenset(
            {"accountId", "hostname", "service", "environment", "zoneId", "zoneName"}
        ),
        # Attaching a host name again to the same Worker changes nothing.
        repeatable=True,
    ),
    ResourceType(
        name="cloudflare:index/workersRoute:WorkersRoute",
        create=Call("POST", _ROUTES),
        read=Call("GET", f"{_ROUTES}/{{id}}"),
        update=Call("PUT", f"{_ROUTES}/{{id}}"),
        delete=Call("DELETE", f"{_ROUTES}/{{id}}"),
        id="id",
        imports=("zoneId", "id"),
        optional=frozenset({"zoneId", "pattern", "script"}),
        computed=frozenset({"id"}),
        stable=frozenset({"id"}),
        replaces=frozenset({"zoneId"}),
        in_path=frozenset({"zoneId"}),
        lookup=Lookup(_ROUTES, same_property("pattern")),
    ),
)

_ACCOUNT = "/accounts/{accountId}"


def _schedules(inputs: Properties) -> list[dict[str, object]]:
    return [{"cron": item["cron"]} for item in inputs["schedules"]]


def _cron_id(_: Properties, outputs: Properties) -> Properties:
    return {**outputs, "id": outputs["scriptName"]}


def _consumer_script(_: Properties, outputs: Properties) -> Properties:
    """The API says ``script`` where the schema says ``script_name``."""
    return {key: value for key, value in outputs.items() if key != "script"}


def _same_script(item: Properties, inputs: Properties) -> bool:
    return inputs.get("scriptName") in (item.get("scriptName"), item.get("script"))


def _same_versions(item: Properties, inputs: Properties) -> bool:
    return bool(item.get("versions") == inputs.get("versions"))


_TYPES = (
    ResourceType(
        name="cloudflare:index/d1Database:D1Database",
        create=Call("POST", f"{_ACCOUNT}/d1/database"),
        read=Call("GET", f"{_ACCOUNT}/d1/database/{{id}}"),
        update=Call("PUT", f"{_ACCOUNT}/d1/database/{{id}}"),
        delete=Call("DELETE", f"{_ACCOUNT}/d1/database/{{id}}"),
        id="uuid",
        imports=("accountId", "id"),
        optional=frozenset(
            {"accountId", "name", "jurisdiction", "primaryLocationHint", "readReplication"}
        ),
        refused=frozenset({"fields"}),
        computed=frozenset({"uuid", "createdAt", "fileSize", "numTables", "version"}),
        stable=frozenset({"uuid"}),
        replaces=frozenset({"accountId", "name", "jurisdiction", "primaryLocationHint"}),
        unread=frozenset({"primaryLocationHint"}),
        times=frozenset({"createdAt"}),
        lookup=Lookup(f"{_ACCOUNT}/d1/database", same_property("name")),
        title="D1 database",
        keeps=True,
        bound=Bound("d1", ("id", "database_id")),
    ),
    ResourceType(
        name="cloudflare:index/workersKvNamespace:WorkersKvNamespace",
        create=Call("POST", f"{_ACCOUNT}/storage/kv/namespaces"),
        read=Call("GET", f"{_ACCOUNT}/storage/kv/namespaces/{{id}}"),
        update=Call("PUT", f"{_ACCOUNT}/storage/kv/namespaces/{{id}}"),
        delete=Call("DELETE", f"{_ACCOUNT}/storage/kv/namespaces/{{id}}"),
        id="id",
        imports=("accountId", "id"),
        optional=frozenset({"accountId", "title"}),
        refused=frozenset({"jurisdiction", "mode"}),
        computed=frozenset({"id", "supportsUrlEncoding"}),
        stable=frozenset({"id"}),
        replaces=frozenset({"accountId"}),
        lookup=Lookup(f"{_ACCOUNT}/storage/kv/namespaces", same_property("title")),
        title="KV namespace",
        keeps=True,
        bound=Bound("kv_namespace", ("namespace_id",)),
    ),
    ResourceType(
        name="cloudflare:index/queue:Queue",
        create=Call("POST", f"{_ACCOUNT}/queues"),
        read=Call("GET", f"{_ACCOUNT}/queues/{{id}}"),
        update=Call("PUT", f"{_ACCOUNT}/queues/{{id}}"),
        delete=Call("DELETE", f"{_ACCOUNT}/queues/{{id}}"),
        id="queueId",
        imports=("accountId", "id"),
        optional=frozenset({"accountId", "queueName"}),
        defaulted=frozenset({"settings"}),
        refused=frozenset({"jurisdiction"}),
        computed=frozenset(
            {
                *("queueId", "createdOn", "modifiedOn", "consumers", "consumersTotalCount"),
                *("producers", "producersTotalCount"),
            }
        ),
        stable=frozenset({"queueId"}),
        replaces=frozenset({"accountId"}),
        lookup=Lookup(f"{_ACCOUNT}/queues", same_property("queueName")),
        title="queue",
        keeps=True,
        bound=Bound("queue", ("queue_name",), by_lookup="queue_name"),
    ),
    ResourceType(
        name="cloudflare:index/queueConsumer:QueueConsumer",
        create=Call("POST", f"{_ACCOUNT}/queues/{{queueId}}/consumers"),
        read=Call("GET", f"{_ACCOUNT}/queues/{{queueId}}/consumers/{{consumerId}}"),
        update=Call("PUT", f"{_ACCOUNT}/queues/{{queueId}}/consumers/{{consumerId}}"),
        delete=Call("DELETE", f"{_ACCOUNT}/queues/{{queueId}}/consumers/{{consumerId}}"),
        id=MISSING_ID,
        optional=frozenset({"accountId", "queueId", "type", "deadLetterQueue"}),
        defaulted=frozenset({"scriptName", "settings"}),
        computed=frozenset({"consumerId", "createdOn", "queueName"}),
        stable=frozenset({"consumerId", "createdOn", "queueName"}),
        replaces=frozenset({"accountId", "queueId"}),
        in_path=frozenset({"accountId", "queueId"}),
        unread=frozenset({"deadLetterQueue"}),
        times=frozenset({"createdOn"}),
        lookup=Lookup(f"{_ACCOUNT}/queues/{{queueId}}/consumers", _same_script),
        shape=_consumer_script,
    ),
    ResourceType(
        name="cloudflare:index/worker:Worker",
        create=Call("POST", f"{_ACCOUNT}/workers/workers"),
        read=Call("GET", f"{_ACCOUNT}/workers/workers/{{id}}"),
        update=Call("PUT", f"{_ACCOUNT}/workers/workers/{{id}}"),
        delete=Call("DELETE", f"{_ACCOUNT}/workers/workers/{{id}}"),
        id="id",
        imports=("accountId", "id"),
        optional=frozenset({"accountId", "name"}),
        defaulted=frozenset({"logpush", "observability", "subdomain", "tags", "tailConsumers"}),
        refused=frozenset({"force", "previewsBaseConfig"}),
        computed=frozenset({"id", "createdOn", "deployedOn", "updatedOn", "references"}),
        stable=frozenset({"id", "createdOn", "deployedOn"}),
        replaces=frozenset({"accountId"}),
        sets={"tags": "", "tailConsumers": "name"},
        times=frozenset({"createdOn", "deployedOn", "updatedOn"}),
        lookup=Lookup(f"{_ACCOUNT}/workers/workers", same_property("name")),
        title="Worker",
        keeps=True,
        fill=worker_defaults,
    ),
    ResourceType(
        name="cloudflare:index/workerVersion:WorkerVersion",
        create=Call("POST", f"{_ACCOUNT}/workers/workers/{{workerId}}/versions"),
        read=Call(
            "GET", f"{_ACCOUNT}/workers/workers/{{workerId}}/versions/{{id}}?include=modules"
        ),
        id="id",
        optional=frozenset(
            {
                *("accountId", "workerId", "mainModule", "modules", "bindings"),
                *("compatibilityDate", "placement", "assets"),
            }
        ),
        defaulted=frozenset({"usageModel", "compatibilityFlags", "annotations", "limits"}),
        refused=frozenset(
            {
                *("cacheOptions", "containers", "deploy", "exports", "include"),
                *("migrations", "packageDependencies"),
            }
        ),
        computed=frozenset(
            {
                *("id", "createdOn", "migrationTag", "number", "source", "mainScriptBase64"),
                *("startupTimeMs", "urls", "authorEmail", "authorId"),
            }
        ),
        stable=frozenset({"id"}),
        replaces=frozenset(
            {
                *("accountId", "workerId", "mainModule", "modules", "bindings", "annotations"),
                *("compatibilityDate", "compatibilityFlags", "placement", "usageModel", "limits"),
                "assets",
            }
        ),
        in_path=frozenset({"accountId", "workerId"}),
        verbatim=frozenset({"modules", "bindings", "assets"}),
        sets={"modules": "name", "compatibilityFlags": ""},
        in_state={"modules": MODULE_SOURCES},
        times=frozenset({"createdOn"}),
        sensitive={"bindings": frozenset({"text", "keyBase64", "keyJwk"})},
        fill=version_defaults,
        body=version_body,
        shape=version_shape,
    ),
    ResourceType(
        name="cloudflare:index/workersDeployment:WorkersDeployment",
        create=Call("POST", f"{_ACCOUNT}/workers/scripts/{{scriptName}}/deployments"),
        read=Call("GET", f"{_ACCOUNT}/workers/scripts/{{scriptName}}/deployments/{{id}}"),
        id="id",
        optional=frozenset({"accountId", "scriptName", "strategy", "versions"}),
        defaulted=frozenset({"annotations"}),
        refused=frozenset({"force"}),
        computed=frozenset({"id", "authorEmail", "createdOn", "source"}),
        stable=frozenset({"id"}),
        replaces=frozenset({"accountId", "scriptName", "strategy", "versions", "annotations"}),
        in_path=frozenset({"accountId", "scriptName"}),
        times=frozenset({"createdOn"}),
        lookup=Lookup(
            f"{_ACCOUNT}/workers/scripts/{{scriptName}}/deployments", _same_versions, "deployments"
        ),
    ),
    ResourceType(
        name="cloudflare:index/workersCronTrigger:WorkersCronTrigger",
        create=Call("PUT", f"{_ACCOUNT}/workers/scripts/{{scriptName}}/schedules"),
        read=Call("GET", f"{_ACCOUNT}/workers/scripts/{{scriptName}}/schedules"),
        update=Call("PUT", f"{_ACCOUNT}/workers/scripts/{{scriptName}}/schedules"),
        id="scriptName",
        optional=frozenset({"accountId", "scriptName", "schedules"}),
        replaces=frozenset({"accountId", "scriptName"}),
        in_path=frozenset({"accountId", "scriptName"}),
        unread=frozenset({"schedules"}),
        body=_schedules,
        shape=_cron_id,
        repeatable=True,
    ),
)

CLOUDFLARE_TYPES = {type_.name: type_ for type_ in (*_TYPES, *ADDRESS_TYPES, ACCOUNT_TOKEN_TYPE)}

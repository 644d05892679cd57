"""Cloudflare resources registered without their SDK, whose import would take seconds a test."""

from typing import Any

import pulumi

config = pulumi.Config()
account = config.require("accountId")
TYPES = {
    "D1Database": "cloudflare:index/d1Database:D1Database",
    "Namespace": "cloudflare:index/workersKvNamespace:WorkersKvNamespace",
    "Queue": "cloudflare:index/queue:Queue",
    "Consumer": "cloudflare:index/queueConsumer:QueueConsumer",
    "Worker": "cloudflare:index/worker:Worker",
    "Cron": "cloudflare:index/workersCronTrigger:WorkersCronTrigger",
}
provider = pulumi.ProviderResource(
    "cloudflare",
    "cf",
    {
        "apiToken": pulumi.Output.secret("t" * 40),
        "baseUrl": pulumi.Config("cloudflare").require("baseUrl"),
    },
    pulumi.ResourceOptions(version="6.23.1", additional_secret_outputs=["apiToken"]),
)


class Resource(pulumi.CustomResource):
    queueName: pulumi.Output[str]  # noqa: N815 - Pulumi's own name of the property

    def __init__(self, kind: str, name: str, props: dict[str, Any], **options: Any) -> None:
        outputs = {"uuid": None, "queueId": None, "queueName": None}
        super().__init__(
            TYPES[kind],
            name,
            {**outputs, "accountId": account, **props},
            pulumi.ResourceOptions(provider=provider, version="6.23.1", **options),
        )


# edit: begin
database = Resource("D1Database", "db", {"name": "db", "readReplication": {"mode": "disabled"}})
cache = Resource("Namespace", "kv", {"title": "cache"})
queue = Resource("Queue", "rq", {"queueName": "retry-queue"})
worker = Resource("Worker", "w", {"name": "service"}, depends_on=[database, cache, queue])
consumer = Resource(
    "Consumer",
    "qc",
    {
        "queueId": queue.id,
        "type": "worker",
        "scriptName": "service",
        "deadLetterQueue": queue.queueName,
        "settings": {"batchSize": 10},
    },
    depends_on=[worker],
)
# edit: end
pulumi.export("database", database.id)

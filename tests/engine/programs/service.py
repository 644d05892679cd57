"""A service as the project's own program declares one: stores, Worker, version, traffic."""

import base64

import pulumi

from infra.lazy_package import LazyPackage

LazyPackage.install("pulumi_cloudflare")

import pulumi_cloudflare as cloudflare  # noqa: E402  as the project's own program does it

config = pulumi.Config()
account = config.require("accountId")
body = config.get("body") or "print(1)"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class Stores(pulumi.ComponentResource):
    def __init__(self, name: str) -> None:
        super().__init__("probe:index:Stores", name)
        own = pulumi.ResourceOptions(parent=self)
        self.database = cloudflare.D1Database(
            "db",
            account_id=account,
            name="notification-system-dev",
            read_replication={"mode": "disabled"},
            opts=own,
        )
        self.cache = cloudflare.WorkersKvNamespace(
            "kv", account_id=account, title="CONFIG_CACHE-preview", opts=own
        )
        self.retry = cloudflare.Queue("rq", account_id=account, queue_name="retry-queue", opts=own)
        self.failed = cloudflare.Queue(
            "fq", account_id=account, queue_name="failed-queue", opts=own
        )
        self.register_outputs({"database_id": self.database.id})


stores = Stores("stores")
worker = cloudflare.Worker(
    "w",
    account_id=account,
    name="notification-system-dev",
    observability={"enabled": True},
    subdomain={"enabled": True, "previews_enabled": True},
    opts=pulumi.ResourceOptions(
        depends_on=[stores.database, stores.cache, stores.retry, stores.failed]
    ),
)
version = cloudflare.WorkerVersion(
    "v",
    account_id=account,
    worker_id=worker.id,
    compatibility_date="2026-10-01",
    compatibility_flags=["python_workers"],
    main_module="entry.py",
    modules=[
        {"name": "entry.py", "content_type": "text/x-python", "content_base64": encoded(body)},
        {"name": "a/b.py", "content_type": "text/x-python", "content_base64": encoded("x=1")},
    ],
    bindings=[
        {"name": "DB", "type": "d1", "id": stores.database.id},
        {"name": "CONFIG_CACHE", "type": "kv_namespace", "namespace_id": stores.cache.id},
        {"name": "ENVIRONMENT", "type": "plain_text", "text": "development"},
        {"name": "API_SECRET_KEY", "type": "secret_text", "text": config.require_secret("apiKey")},
    ],
)
deployment = cloudflare.WorkersDeployment(
    "d",
    account_id=account,
    script_name=worker.name,
    strategy="percentage",
    versions=[{"version_id": version.id, "percentage": 100}],
)
after = pulumi.ResourceOptions(depends_on=[deployment])
cloudflare.WorkersCronTrigger(
    "cron",
    account_id=account,
    script_name=worker.name,
    schedules=[{"cron": "*/10 * * * *"}],
    opts=after,
)
cloudflare.QueueConsumer(
    "qc",
    account_id=account,
    queue_id=stores.retry.id,
    type="worker",
    script_name=worker.name,
    dead_letter_queue=stores.failed.queue_name,
    settings={"batch_size": 20, "max_retries": 3, "max_wait_time_ms": 5000, "retry_delay": 10},
    opts=after,
)
pulumi.export("version", version.id)
pulumi.export("api_key", config.require_secret("apiKey"))

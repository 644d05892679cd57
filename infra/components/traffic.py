"""What makes a version serve: its deployment, its schedule and the consumers of its queues."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from infra.components.delivery import Delivery
from infra.components.service import Service
from infra.components.shares import Share, shares
from infra.components.stores import Stores
from infra.migrations.resource import Migrations
from infra.names import Names
from infra.settings import Settings


@dataclass(frozen=True)
class TrafficArgs:
    """What the traffic needs; the schema has to be migrated before the version serves.

    `bundle_sha256` and `assets_sha256`, empty without a console, decide whether a pin holds.
    """

    settings: Settings
    names: Names
    bundle_sha256: str
    assets_sha256: str
    stores: Stores
    service: Service
    migrations: Migrations
    child_opts: pulumi.ResourceOptions | None = None


class Traffic(pulumi.ComponentResource):
    """The deployment of one version or two, the cron trigger and both queue consumers.

    The cron trigger is there with an empty list too: the provider never removes a schedule by
    deleting the resource. Schedule and consumers need a Worker with a deployment.
    """

    def __init__(
        self, name: str, args: TrafficArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:Traffic", name, None, opts)
        self._args = args
        self._child_opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self), args.child_opts
        )
        settings, worker = args.settings, args.service.worker
        self.shares = shares(
            settings,
            bundle_sha256=args.bundle_sha256,
            assets_sha256=args.assets_sha256,
            version_id=args.service.version.id,
        )
        self.deployment = cloudflare.WorkersDeployment(
            "deployment",
            account_id=settings.account_id,
            script_name=worker.name,
            strategy="percentage",
            versions=self.shares.apply(_versions),
            opts=self._after(args.migrations),
        )
        self.cron_trigger = cloudflare.WorkersCronTrigger(
            "cron-trigger",
            account_id=settings.account_id,
            script_name=worker.name,
            schedules=[
                cloudflare.WorkersCronTriggerScheduleArgs(cron=cron) for cron in settings.crons
            ],
            opts=self._after(self.deployment),
        )
        self.failed_consumer = self._consumer(
            "failed-consumer",
            args.stores.failed_queue,
            Delivery.of_failures(settings),
            dead_letter_queue=None,
        )
        self.retry_consumer = self._consumer(
            "retry-consumer",
            args.stores.retry_queue,
            Delivery.of_retries(settings),
            dead_letter_queue=args.stores.failed_queue.queue_name,
        )
        self.register_outputs({"deployment_id": self.deployment.id})

    def _after(self, resource: pulumi.Resource) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions.merge(
            self._child_opts, pulumi.ResourceOptions(depends_on=[resource])
        )

    def _consumer(
        self,
        name: str,
        queue: cloudflare.Queue,
        delivery: Delivery,
        *,
        dead_letter_queue: pulumi.Input[str] | None,
    ) -> cloudflare.QueueConsumer:
        return cloudflare.QueueConsumer(
            name,
            account_id=self._args.settings.account_id,
            queue_id=queue.queue_id,
            type="worker",
            script_name=self._args.service.worker.name,
            dead_letter_queue=dead_letter_queue,
            settings=cloudflare.QueueConsumerSettingsArgs(
                batch_size=delivery.batch_size,
                max_wait_time_ms=delivery.max_wait,
                max_retries=delivery.max_retries,
                retry_delay=delivery.retry_delay,
            ),
            opts=self._after(self.deployment),
        )


def _versions(found: tuple[Share, ...]) -> list[cloudflare.WorkersDeploymentVersionArgs]:
    return [
        cloudflare.WorkersDeploymentVersionArgs(
            version_id=share.version_id, percentage=share.percentage
        )
        for share in found
    ]

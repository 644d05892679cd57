"""What calls the Worker beside HTTP: its schedule, and the consumers of its queues."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from infra.components.deployment import Deployment
from infra.components.queues import Queues
from infra.components.service import Service
from infra.settings import Settings
from infra.settings.values import Milliseconds, Seconds


@dataclass(frozen=True)
class Delivery:
    """Limits of one queue consumer.

    Cloudflare counts the wait for a full batch in milliseconds and the delay of a retry in
    seconds; the two types keep a type checker from letting one pass for the other.
    """

    batch_size: int
    max_wait: Milliseconds
    max_retries: int
    retry_delay: Seconds

    @classmethod
    def of_retries(cls, settings: Settings) -> "Delivery":
        """Return the retry queue's."""
        return cls(
            batch_size=settings.retry_batch_size,
            max_wait=settings.retry_max_wait_ms,
            max_retries=settings.retry_max_retries,
            retry_delay=settings.retry_delay_seconds,
        )

    @classmethod
    def of_failures(cls, settings: Settings) -> "Delivery":
        """Return the failed queue's."""
        return cls(
            batch_size=settings.failed_batch_size,
            max_wait=settings.failed_max_wait_ms,
            max_retries=settings.failed_max_retries,
            retry_delay=settings.failed_delay_seconds,
        )


@dataclass(frozen=True)
class TriggersArgs:
    """What the triggers need: schedule and consumers want a Worker that has a deployment."""

    settings: Settings
    queues: Queues
    service: Service
    deployment: Deployment
    child_opts: pulumi.ResourceOptions | None = None


class Triggers(pulumi.ComponentResource):
    """The cron trigger and both queue consumers.

    The cron trigger is there with an empty list too: the provider never removes a schedule by
    deleting the resource.
    """

    def __init__(
        self, name: str, args: TriggersArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:Triggers", name, None, opts)
        self._args = args
        # Their parent in states of earlier releases.
        earlier = pulumi.Alias(
            parent=pulumi.create_urn("traffic", "notification-system:index:Traffic")
        )
        self._child_opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(
                parent=self, depends_on=[args.deployment.current], aliases=[earlier]
            ),
            args.child_opts,
        )
        settings = args.settings
        self.cron_trigger = cloudflare.WorkersCronTrigger(
            "cron-trigger",
            account_id=settings.account_id,
            script_name=args.service.worker.name,
            schedules=[
                cloudflare.WorkersCronTriggerScheduleArgs(cron=cron) for cron in settings.crons
            ],
            opts=self._child_opts,
        )
        self.failed_consumer = self._consumer(
            "failed-consumer",
            args.queues.failed,
            Delivery.of_failures(settings),
            dead_letter_queue=None,
        )
        self.retry_consumer = self._consumer(
            "retry-consumer",
            args.queues.retry,
            Delivery.of_retries(settings),
            dead_letter_queue=args.queues.failed.queue_name,
        )
        self.register_outputs({"cron_trigger_id": self.cron_trigger.id})

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
            opts=self._child_opts,
        )

"""The queues of what is to be tried again, and of what failed for good."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from infra.components.adoption import Adoption
from infra.names import Names


@dataclass(frozen=True)
class QueuesArgs:
    """What the queues need. `protect` refuses to delete or replace them.

    `adoption` names the queues that exist already.
    """

    account_id: str
    names: Names
    protect: bool
    adoption: Adoption
    child_opts: pulumi.ResourceOptions | None = None


class Queues(pulumi.ComponentResource):
    """The retry queue, and the failed queue, which takes what the retry queue gives up."""

    def __init__(
        self, name: str, args: QueuesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("notification-system:index:Queues", name, None, opts)
        # Their parent in states of earlier releases.
        earlier = pulumi.Alias(
            parent=pulumi.create_urn("stores", "notification-system:index:Stores")
        )
        child_opts = pulumi.ResourceOptions.merge(
            pulumi.ResourceOptions(parent=self, protect=args.protect, aliases=[earlier]),
            args.child_opts,
        )
        adoption = args.adoption
        self.retry = cloudflare.Queue(
            "retry-queue",
            account_id=args.account_id,
            queue_name=args.names.retry_queue,
            opts=adoption.options(child_opts, "retry_queue_id"),
        )
        self.failed = cloudflare.Queue(
            "failed-queue",
            account_id=args.account_id,
            queue_name=args.names.failed_queue,
            opts=adoption.options(child_opts, "failed_queue_id"),
        )
        self.register_outputs(
            {"retry_queue_id": self.retry.queue_id, "failed_queue_id": self.failed.queue_id}
        )

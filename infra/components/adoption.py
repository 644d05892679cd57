"""What exists already in the account and comes under management instead of being made."""

from dataclasses import dataclass

import pulumi

from infra.settings import Settings


@dataclass(frozen=True)
class Adoption:
    """The ids of existing resources, each absent where the stack makes its own.

    Source of an import id's form, `<account_id>/<id>`: terraform-provider-cloudflare,
    `ImportState` of d1_database, workers_kv_namespace, queue and worker. An id that stays in the
    settings after its import changes nothing; Pulumi refuses to replace what still has one.
    """

    account_id: str
    database_id: str | None = None
    namespace_id: str | None = None
    retry_queue_id: str | None = None
    failed_queue_id: str | None = None
    worker_id: str | None = None

    @classmethod
    def of_settings(cls, settings: Settings) -> "Adoption":
        """Return the ids that the stack's settings name."""
        return cls(
            account_id=settings.account_id,
            database_id=settings.adopt_database_id,
            namespace_id=settings.adopt_namespace_id,
            retry_queue_id=settings.adopt_retry_queue_id,
            failed_queue_id=settings.adopt_failed_queue_id,
            worker_id=settings.adopt_worker_id,
        )

    def options(
        self, base: pulumi.ResourceOptions, resource_id: str | None
    ) -> pulumi.ResourceOptions:
        """Return `base`, with the import of that resource where there is an id."""
        if resource_id is None:
            return base
        imported = pulumi.ResourceOptions(import_=f"{self.account_id}/{resource_id}")
        return pulumi.ResourceOptions.merge(base, imported)

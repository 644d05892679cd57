"""What exists already in the account and comes under management instead of being made."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from infra.names import database_resource
from infra.settings import Settings
from infra.stack_state import Resources, read_state

_PLACES = {
    "database_id": ("cloudflare:index/d1Database:D1Database", "database"),
    "namespace_id": ("cloudflare:index/workersKvNamespace:WorkersKvNamespace", "config-cache"),
    "retry_queue_id": ("cloudflare:index/queue:Queue", "retry-queue"),
    "failed_queue_id": ("cloudflare:index/queue:Queue", "failed-queue"),
    "worker_id": ("cloudflare:index/worker:Worker", "worker"),
}
"""Type and name of the resource that each id is for."""


@dataclass(frozen=True)
class Adoption:
    """The ids of existing resources, each absent where the stack makes its own.

    Source of an import id's form, `<account_id>/<id>`: terraform-provider-cloudflare,
    `ImportState` of d1_database, workers_kv_namespace, queue and worker. An id that stays in the
    settings after its import changes nothing; Pulumi refuses to replace what still has one.

    `further_databases` has the ids of the databases after the first by the name of their resource,
    which stands for their field as well. `former_urns` holds, by field, the URN under which a plain
    `pulumi import` put a resource that the program declares inside a component: to Pulumi they are
    two, and it would delete the one.
    """

    account_id: str
    database_id: str | None = None
    namespace_id: str | None = None
    retry_queue_id: str | None = None
    failed_queue_id: str | None = None
    worker_id: str | None = None
    further_databases: Mapping[str, str] = field(default_factory=dict)
    former_urns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_settings(cls, settings: Settings) -> "Adoption":
        """Return the ids that the stack's settings name and its state doesn't manage yet.

        Raises:
            pulumi.RunError: the state can't be read, or has another resource in that place.
        """
        wanted = cls(
            account_id=settings.account_id,
            database_id=settings.adopt_database_id,
            namespace_id=settings.adopt_namespace_id,
            retry_queue_id=settings.adopt_retry_queue_id,
            failed_queue_id=settings.adopt_failed_queue_id,
            worker_id=settings.adopt_worker_id,
            further_databases={
                database_resource(shard): given
                for shard, given in enumerate(settings.adopt_further_database_ids, 1)
            },
        )
        if not wanted.given:
            return wanted
        return wanted.without_managed(read_state())

    @property
    def given(self) -> Mapping[str, str]:
        """The ids that there are, by field."""
        named = {name: given for name in _PLACES if (given := getattr(self, name))}
        return {**named, **self.further_databases}

    def without_managed(self, state: Resources) -> "Adoption":
        """Leave out what the state has, whether the stack made it or imported it.

        The state has the id alone, and an import names the account too. Pulumi compares the two as
        texts (`step_generator.go` of pkg/resource/deploy), takes them for different resources,
        imports the one and deletes the other: it is one and the same, with all its data.

        Raises:
            pulumi.RunError: with everything that can't be imported.
        """
        wanted = self.given
        refused = [text for name, given in wanted.items() for text in _refusals(name, given, state)]
        if refused:
            lines = "\n".join(f"  {number}. {text}" for number, text in enumerate(refused, 1))
            raise pulumi.RunError(
                "Nothing was changed, since an import would replace or delete what is there:\n"
                f"{lines}"
            )
        found = {name: _managed(name, given, state) for name, given in wanted.items()}
        managed: dict[str, Any] = {name: None for name in _PLACES if found.get(name)}
        further = {name: given for name, given in self.further_databases.items() if not found[name]}
        former = {name: entry["urn"] for name, entry in found.items() if entry and _is_alone(entry)}
        return replace(self, **managed, further_databases=further, former_urns=former)

    def options(self, base: pulumi.ResourceOptions, field: str) -> pulumi.ResourceOptions:
        """Return `base`, with what makes the resource of that field the one that is there."""
        if resource_id := self.given.get(field):
            own = pulumi.ResourceOptions(import_=f"{self.account_id}/{resource_id}")
        elif urn := self.former_urns.get(field):
            own = pulumi.ResourceOptions(aliases=[urn])
        else:
            return base
        return pulumi.ResourceOptions.merge(base, own)


def _place(field: str) -> tuple[str, str]:
    return _PLACES.get(field, (_PLACES["database_id"][0], field))


def _refusals(field: str, given: str, state: Resources) -> Iterator[str]:
    type_, name = _place(field)
    key = "adopt" + "".join(part.capitalize() for part in field.split("_"))
    if field not in _PLACES:
        key = "adoptFurtherDatabaseIds"
    for one in state:
        if one.get("type") != type_ or not one.get("id"):
            continue
        own = str(one.get("urn")).rpartition("::")[2]
        is_given = one["id"] == given
        if is_given and one.get("delete"):
            yield (
                f"{key}: the state marks {given} for deletion, and the next update would delete "
                "it. Run 'notifyctl recover', which takes that entry out."
            )
        elif is_given and own != name and not _is_alone(one):
            yield f"{key}: the stack manages {given} as its {own} already. Correct the id."
        elif not is_given and own == name and not one.get("delete"):
            yield (
                f"{key}: the stack manages {one['id']} in that place already, and not {given}. "
                "Take the setting out to keep the one that it has."
            )


def _managed(field: str, given: str, state: Resources) -> Mapping[str, Any] | None:
    type_, _ = _place(field)
    return next((one for one in state if one.get("type") == type_ and one.get("id") == given), None)


def _is_alone(entry: Mapping[str, Any]) -> bool:
    """Return whether a resource is in no component, as `pulumi import` leaves it by default."""
    return str(entry.get("urn")).split("::")[2] == entry.get("type")

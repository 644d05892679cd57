"""What an adoption would do, before it does anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ops.adoption.earlier_data import EarlierRows
from ops.adoption.existing import FURTHER_DATABASE, Existing


@dataclass(frozen=True)
class ReplacedConsumer:
    """A queue's consumer, which can't be imported: it is removed, and the stack's is made."""

    queue_id: str
    queue: str
    consumer_id: str
    script: str


@dataclass(frozen=True)
class AdoptionPlan:
    """The plan.

    Attributes:
        stack: the stack's name.
        adopted: resources that come under management.
        managed: resources that the stack manages already.
        consumers: consumers that are replaced.
        earlier: rows of an earlier service in the database; ``None`` where there are none.
    """

    stack: str
    adopted: tuple[Existing, ...]
    managed: tuple[Existing, ...]
    consumers: tuple[ReplacedConsumer, ...]
    earlier: EarlierRows | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to adopt and nothing to take over."""
        return not self.adopted and self.earlier is None

    @property
    def import_ids(self) -> Mapping[str, str | list[str]]:
        """The settings that make the program import, by their short names."""
        single = {
            item.kind.setting: item.id for item in self.adopted if item.kind is not FURTHER_DATABASE
        }
        # Managed ones too: the list names each by its place.
        every = (item for item in (*self.adopted, *self.managed) if item.kind is FURTHER_DATABASE)
        further = [item.id for item in sorted(every, key=lambda item: item.wanted)]
        return {**single, **({FURTHER_DATABASE.setting: further} if further else {})}

    def document(self) -> dict[str, Any]:
        """Return the plan for ``--json``."""
        return {
            "stack": self.stack,
            "adopt": [_document(item) for item in self.adopted],
            "managed": [_document(item) for item in self.managed],
            "replace": [
                {"consumer": consumer.script, "queue": consumer.queue}
                for consumer in self.consumers
            ],
            "earlier_rows": dict(self.earlier.rows) if self.earlier else None,
        }

    def lines(self) -> Iterator[str]:
        """Yield the plan for a person."""
        for item in self.adopted:
            renamed = "" if item.name == item.wanted else f", renamed to {item.wanted}"
            yield f"  > {item.kind.title} {item.name} ({item.id}, by {item.source}){renamed}"
        for item in self.managed:
            yield f"    {item.kind.title} {item.name} is managed already"
        for consumer in self.consumers:
            yield (
                f"  ± consumer of {consumer.queue} (Worker {consumer.script}): no provider can "
                "import one, so it is removed, and the stack's own is made at the end of the "
                "deployment. Until then messages wait in the queue; none is lost."
            )
        if self.earlier is not None:
            rows = sum(self.earlier.rows.values())
            under_way = " (its takeover has begun)" if self.earlier.is_under_way else ""
            yield f"  ~ {rows} rows of an earlier service{under_way}:"
            for name, count in self.earlier.rows.items():
                yield f"      {name}: {count}"
            yield (
                "    They are copied into this service's schema, configurations are encrypted. The "
                "earlier service answers errors from the renaming of its tables until the new "
                "version serves."
            )


def _document(item: Existing) -> dict[str, str]:
    found = {"kind": item.kind.title, "name": item.name, "id": item.id, "by": item.source}
    return found if item.name == item.wanted else {**found, "renamed_to": item.wanted}

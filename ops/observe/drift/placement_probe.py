"""Compares the record of where recipients are with what the last deployment left."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from infra.shards.mover import Mover
from infra.shards.record import SELECT_PLACEMENT, Placement, PlacementUnknown
from ops.database.stack_database import StackDatabase
from ops.observe.drift.comparison import GONE
from ops.observe.drift.finding import Finding, Repair
from ops.observe.drift.managed import Managed
from ops.stacks.account import StackAccount

PLACEMENT = "pulumi-python:Shards"
"""The type of the resource that writes the record."""


class PlacementProbe:
    """Reads the row `shards` of the first database.

    Args:
        account: the stack's account.
    """

    def __init__(self, account: StackAccount) -> None:
        self._account = account

    def findings(self, resource: Managed) -> Iterator[Finding]:
        """Yield the difference, if there is one.

        A record that says who is being moved is that of a deployment that was cut off: the next
        one goes on. Any other difference is an edit, which `put_back` undoes.

        Raises:
            OperationError: the database refused, or gave no answer.
        """
        wanted = Placement(_number(resource))
        rows = self._database(_ids(resource)[0]).query(SELECT_PLACEMENT)
        try:
            found = Placement.parse(str(rows[0]["config_value"])) if rows else None
        except PlacementUnknown:
            said, repair = "a text that isn't a placement", Repair.CALL
        else:
            if (found or Placement()) == wanted:
                return
            said = GONE if found is None else _said(found)
            moves = found is not None and found.moving_to is not None
            repair = Repair.UPDATE if moves else Repair.CALL
        yield Finding("placement", resource.name, _said(wanted), said, repair)

    def put_back(self, resource: Managed) -> None:
        """Write what the state says, if every recipient is where that leads to.

        Raises:
            OperationError: somebody isn't, or a database didn't answer.
        """
        with ExitStack() as stack:
            databases = [
                stack.enter_context(self._database(one).connected()) for one in _ids(resource)
            ]
            Mover(databases).put_back(_number(resource))

    def _database(self, database_id: str) -> StackDatabase:
        return StackDatabase(self._account, database_id, "", 0)


def _ids(resource: Managed) -> list[str]:
    return [str(one) for one in resource.outputs["databases"]]


def _number(resource: Managed) -> int:
    # Pulumi hands every number of a state over as a float.
    return int(resource.outputs.get("n") or 1)


def _said(placement: Placement) -> str:
    said = f"recipients in {placement.n} of the databases"
    return said if placement.moving_to is None else f"{said}, moving to {placement.moving_to}"

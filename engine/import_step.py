"""The step that takes a resource over which exists already and which no state knows.

As in pulumi/pulumi pkg/resource/deploy (``ImportStep``): the resource is read by the id that the
program gives with the option ``import_``; whatever differs from the program is then an ordinary
update, and a difference that would replace the resource is refused.
"""

from __future__ import annotations

from engine.errors import EngineError
from engine.goal import Goal
from engine.operation import Operation
from engine.provider import Known, Provider
from engine.resource_state import ResourceState
from engine.snapshot import Snapshot, timestamp
from engine.step import secret_outputs, target_of
from engine.urn import label


def imports(goal: Goal, old: ResourceState | None) -> bool:
    """Whether the goal asks for an import that has not been made yet.

    An import id that stays in the program after its import means nothing. Raises ``EngineError``
    where the state has another resource in that place: the real CLI would replace it.
    """
    if not goal.import_id:
        return False
    if old is None:
        return True
    if goal.import_id in (old.import_id, old.id):
        return False
    raise EngineError(
        f"{label(goal.urn)} can't be imported as {goal.import_id}: the stack manages {old.id} in "
        "its place already. Take the import out of the settings."
    )


class Import:
    """Reads the resource and enters it into the state."""

    def __init__(self, operation: Operation, snapshot: Snapshot) -> None:
        self._operation = operation
        self._snapshot = snapshot

    def run(self, goal: Goal, provider: Provider | None) -> ResourceState:
        """The imported state, as what exists says it; previews read as well.

        Raises ``EngineError`` where there is no such resource, or its provider isn't known yet.
        """
        with self._operation.step("import", goal.urn):
            if provider is None:
                raise EngineError("its provider's settings are not known yet")
            live = provider.read(target_of(goal, goal.import_id), Known())
            if live is None:
                raise EngineError(f"there is no {goal.import_id}")
            now = timestamp()
            state = goal.state(
                inputs=live.inputs,
                outputs=secret_outputs(live.outputs, {}, goal.additional_secret_outputs),
                provider=goal.provider,
                id=live.id,
                created=now,
                modified=now,
            )
            self._operation.redaction.learn(state.outputs)
            self._snapshot.adopt(state)
            if not self._operation.dry_run:
                self._snapshot.write()
        return state

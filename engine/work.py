"""What each kind of operation does between the reading and the last writing of the state."""

from __future__ import annotations

from engine.delete_phase import DeletePhase
from engine.deployment_codec import Deployment
from engine.errors import EngineError, Stopped
from engine.monitor import Monitor
from engine.operation import Operation
from engine.program import Program
from engine.property_value import Properties
from engine.provider_factory import ProviderFactory
from engine.provider_registry import ProviderRegistry
from engine.recovery import Recovery
from engine.refresh import Refresh
from engine.registrar import Registrar
from engine.snapshot import Snapshot


class Work:
    """Runs a program and its deletes, a refresh, or a destroy, after settling what a killed run
    left behind.
    """

    def __init__(
        self,
        operation: Operation,
        base: Deployment,
        snapshot: Snapshot,
        registry: ProviderRegistry,
        factory: ProviderFactory,
    ) -> None:
        self._operation = operation
        self._base = base
        self._snapshot = snapshot
        self._registry = registry
        self._factory = factory

    def run(self, program: Program | None) -> Properties | None:
        """Do it; returns the stack's outputs where a program said them."""
        if any(state.type.startswith("pulumi-python:") for state in self._base.resources):
            self._factory.dynamic().start()
        if not self._operation.dry_run:
            Recovery(self._operation, self._snapshot, self._registry).run(self._base.pending)
        if program is not None:
            return self._run_program(program)
        if self._operation.run_context.kind == "refresh":
            Refresh(self._operation, self._snapshot, self._registry).run()
        else:
            DeletePhase(self._operation, self._snapshot, self._registry).run()
        return None

    def _run_program(self, program: Program) -> Properties | None:
        registrar = Registrar(self._operation, self._snapshot, self._registry)
        monitor = Monitor(self._operation, self._snapshot, self._registry, registrar)
        monitor.start()
        try:
            program.run(monitor)
            self._operation.wait_for_steps()
            if self._operation.failure is None:
                DeletePhase(self._operation, self._snapshot, self._registry).run()
                program.finish(monitor)
        except EngineError as error:
            if not isinstance(error, Stopped):
                self._operation.fail(str(error))
        finally:
            monitor.stop()
        return monitor.stack_outputs

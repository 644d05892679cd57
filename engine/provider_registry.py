"""The providers of one operation: which one serves a resource, and its configured instance."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace

from engine.errors import EngineError
from engine.goal import Goal
from engine.operation import Operation
from engine.property_value import (
    UNKNOWN,
    Properties,
    Secret,
    contains_unknown,
    unwrap,
)
from engine.provider import Provider
from engine.resource_state import PROVIDER_TYPE_PREFIX, ResourceState, provider_urn
from engine.snapshot import Snapshot, timestamp
from engine.urn import Urn

DYNAMIC_PACKAGE = "pulumi-python"
_INTERNAL = "__internal"

#: Makes a package's provider from its plain inputs; raises EngineError where there is none.
ProviderFactory = Callable[[str, Properties], Provider]


class ProviderRegistry:
    """Registers provider resources and finds the provider of every other resource."""

    def __init__(self, operation: Operation, snapshot: Snapshot, factory: ProviderFactory) -> None:
        self._operation = operation
        self._snapshot = snapshot
        self._factory = factory
        self._lock = threading.RLock()
        self._instances: dict[str, Provider | None] = {}
        self._defaults: dict[str, str] = {}

    def register(self, goal: Goal, old: ResourceState | None) -> tuple[str, ResourceState]:
        """Bring one provider resource up to date; returns the step's name and the new state."""
        inputs = dict(goal.inputs)
        if goal.package != DYNAMIC_PACKAGE:
            inputs |= {_INTERNAL: {}}
            if goal.version:
                inputs["version"] = goal.version
        outputs = {key: value for key, value in inputs.items() if key != _INTERNAL}
        op = "create" if old is None else "same" if old.outputs == outputs else "update"
        new_id = UNKNOWN if self._operation.dry_run else str(uuid.uuid4())
        now = timestamp()
        state = goal.state(
            inputs=inputs,
            outputs=outputs,
            id=old.id if old else new_id,
            created=old.created if old else now,
            modified=old.modified if old and op == "same" else now,
        )
        if old is not None and op == "same":
            state = replace(state, outputs=old.outputs, extra=old.extra)
        with self._lock:
            self._instances[state.reference] = self._configure(state)
        return op, state

    def reference_for(self, goal: Goal) -> str:
        """The reference of the provider that serves the resource: its own, its parents', or the
        package's default, which is registered when first needed.
        """
        if goal.provider:
            return goal.provider
        if goal.package in goal.providers:
            return goal.providers[goal.package]
        return self._default(goal.package, goal.version)

    def get(self, reference: str) -> Provider | None:
        """The configured provider; None where its configuration is not known yet (previews)."""
        with self._lock:
            if reference not in self._instances:
                state = self._snapshot.find(provider_urn(reference))
                if state is None or state.id != reference.rpartition("::")[2]:
                    raise EngineError(
                        f"The provider {reference} is in neither program nor state: restore the "
                        "state from its .bak file."
                    )
                self._instances[reference] = self._configure(state)
            return self._instances[reference]

    def close(self) -> None:
        """Close every provider."""
        with self._lock:
            for provider in self._instances.values():
                if provider is not None:
                    provider.close()
            self._instances.clear()

    def _configure(self, state: ResourceState) -> Provider | None:
        if contains_unknown(state.inputs):
            return None
        self._operation.redaction.learn(state.inputs)
        return self._factory(state.package, unwrap(state.inputs))

    def _default(self, package: str, version: str) -> str:
        """Name and inputs of default providers are those of pulumi/pulumi
        pkg/resource/deploy/source_eval.go (``defaultProviders``).
        """
        with self._lock:
            key = f"{package} {version}"
            if key not in self._defaults:
                self._defaults[key] = self._register_default(package, version)
            return self._defaults[key]

    def _register_default(self, package: str, version: str) -> str:
        run_context = self._operation.run_context
        name = f"default_{version.replace('.', '_')}" if version else "default"
        urn = Urn.of(
            stack=run_context.stack,
            project=run_context.project,
            parent="",
            type_=PROVIDER_TYPE_PREFIX + package,
            name=name,
        )
        goal = Goal(
            urn=str(urn),
            type=PROVIDER_TYPE_PREFIX + package,
            name=name,
            custom=True,
            inputs=self._default_inputs(package),
            version=version,
        )
        old = self._snapshot.find_old(goal.urn)
        op, state = self.register(goal, old)
        self._snapshot.complete(old, state)
        if op != "same" and not self._operation.dry_run:
            self._snapshot.write()
        return state.reference

    def _default_inputs(self, package: str) -> Properties:
        """The package's config without its prefix; the dynamic provider gets all of it."""
        run_context = self._operation.run_context
        prefix = "" if package == DYNAMIC_PACKAGE else f"{package}:"
        return {
            key[len(prefix) :]: Secret(value) if key in run_context.secret_keys else value
            for key, value in run_context.config.items()
            if key.startswith(prefix)
        }

"""Makes the providers that this engine has: the dynamic one and the stand-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.operation import Operation
from engine.property_value import Properties
from engine.provider import Provider
from engine.provider_registry import DYNAMIC_PACKAGE

if TYPE_CHECKING:
    from engine.dynamic_provider import DynamicProvider


class ProviderFactory:
    """Gives each provider resource its provider; the dynamic provider is one process for all."""

    def __init__(self, operation: Operation) -> None:
        self._operation = operation
        self._dynamic: DynamicProvider | None = None

    def __call__(self, package: str, inputs: Properties) -> Provider:
        """The configured provider of ``package``.

        Raises ``NotLoopback`` where its endpoint is off this machine and ``Unsupported`` where
        there is no stand-in for the package.
        """
        if package == DYNAMIC_PACKAGE:
            dynamic = self.dynamic()
            dynamic.configure(inputs)
            return dynamic
        # Imported here: the package's table is only needed once a program uses a provider.
        from engine.providers import stand_in

        run_context = self._operation.run_context
        program = run_context.program
        return stand_in(
            package,
            inputs,
            run_context.environment,
            folder=program if program.is_dir() else program.parent,
        )

    def dynamic(self) -> DynamicProvider:
        """The provider of dynamic resources, made when first asked for."""
        from engine.dynamic_provider import DynamicProvider

        if self._dynamic is None:
            run_context = self._operation.run_context
            self._dynamic = DynamicProvider(
                program=run_context.program,
                environment={
                    **run_context.environment,
                    "PULUMI_PROJECT": run_context.project,
                    "PULUMI_STACK": run_context.stack,
                },
                say=lambda line: self._operation.say(line),
            )
        return self._dynamic

    def close(self) -> None:
        """End the dynamic provider's process, used or not."""
        if self._dynamic is not None:
            self._dynamic.close()
            self._dynamic = None

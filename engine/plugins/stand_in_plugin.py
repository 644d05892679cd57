"""Serve a stand-in provider over Pulumi's protocol, as ``pulumi-resource-cloudflare`` or -github.

Secrets arrive in clear and outputs go back with their own marks alone, as with the official
plugins: those accept no secrets either, and the CLI marks what came from one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped] # ships no types
from google.protobuf import empty_pb2  # type: ignore[import-untyped] # ships no types
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as pb
from pulumi.runtime.proto.provider_pb2_grpc import (
    ResourceProviderServicer,
    add_ResourceProviderServicer_to_server,
)

from engine.errors import EngineError
from engine.plugins.plugin_server import serve
from engine.property_value import Properties, unwrap
from engine.provider import Known, Provider, Target
from engine.providers import stand_in
from engine.urn import Urn
from engine.wire import from_struct, to_struct

CLOSED_NETWORK_VARIABLE = "NOTIFICATION_CLOSED_NETWORK"
"""Set by tests that run in a network of their own, where the real services' names lead to this
machine. It opens nothing elsewhere: the stand-in looks at the network interfaces itself."""
_PACKAGES = ("cloudflare", "github")
_KINDS = {
    "add": (pb.PropertyDiff.ADD, pb.PropertyDiff.ADD_REPLACE),
    "delete": (pb.PropertyDiff.DELETE, pb.PropertyDiff.DELETE_REPLACE),
    "update": (pb.PropertyDiff.UPDATE, pb.PropertyDiff.UPDATE_REPLACE),
}
"""The protocol's kinds of a change: in place, and as a reason for a replacement."""


class StandInPlugin(ResourceProviderServicer):
    """One package's stand-in for one CLI.

    Args:
        package: ``cloudflare`` or ``github``.
        configure: makes the provider from the provider resource's inputs.
    """

    def __init__(self, package: str, configure: Callable[[Properties], Provider]) -> None:
        self._version = metadata.version(f"pulumi-{package}")
        self._configure = configure
        self._configured: Provider | None = None

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Tell the CLI to use the older calls, as the official plugins do."""
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "There is no handshake.")

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Accept a CLI that didn't start this process."""
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return the version of the SDK that the table follows."""
        return plugin_pb2.PluginInfo(version=self._version)

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Accept the provider's inputs; ``Configure`` refuses what can't be."""
        return pb.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Let the CLI compare the inputs: none of them makes a resource another one."""
        return pb.DiffResponse(changes=pb.DiffResponse.DIFF_UNKNOWN)

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Make the provider; refuse an endpoint that isn't on this machine."""
        try:
            self._configured = self._configure(unwrap(from_struct(request.args)))
        except EngineError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        return pb.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        """See ``Provider.check``."""
        target, olds, news = _target(request), from_struct(request.olds), from_struct(request.news)
        checked = self._told(context, lambda one: one.check(target, olds, news))
        failures = [
            pb.CheckFailure(property=name, reason=reason) for name, reason in checked.failures
        ]
        return pb.CheckResponse(
            inputs=to_struct(checked.inputs, keep_secrets=True), failures=failures
        )

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        """See ``Provider.diff``."""
        known = Known(from_struct(request.old_inputs), from_struct(request.olds))
        target, news = _target(request), from_struct(request.news)
        ignored = tuple(request.ignoreChanges)
        found = self._told(context, lambda one: one.diff(target, known, news, ignored))
        return pb.DiffResponse(
            changes=pb.DiffResponse.DIFF_SOME if found.changed else pb.DiffResponse.DIFF_NONE,
            diffs=found.keys,
            replaces=found.replaces,
            deleteBeforeReplace=found.delete_before_replace,
            detailedDiff={
                path: pb.PropertyDiff(kind=_kind(path, kind, found.replaces))
                for path, kind in found.details.items()
            },
            hasDetailedDiff=bool(found.details),
        )

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        """See ``Provider.create``."""
        target, news = _target(request), from_struct(request.properties)
        id_, outputs = self._told(
            context, lambda one: one.create(target, news, preview=request.preview)
        )
        return pb.CreateResponse(id=id_, properties=to_struct(outputs, keep_secrets=True))

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        """See ``Provider.update``."""
        known = Known(from_struct(request.old_inputs), from_struct(request.olds))
        target, news = _target(request), from_struct(request.news)
        outputs = self._told(
            context, lambda one: one.update(target, known, news, preview=request.preview)
        )
        return pb.UpdateResponse(properties=to_struct(outputs, keep_secrets=True))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        """See ``Provider.delete``."""
        known = Known(from_struct(request.old_inputs), from_struct(request.properties))
        target = _target(request)
        self._told(context, lambda one: one.delete(target, known))
        return empty_pb2.Empty()

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        """See ``Provider.read``."""
        known = Known(from_struct(request.inputs), from_struct(request.properties))
        target = _target(request)
        live = self._told(context, lambda one: one.read(target, known))
        if live is None:
            return pb.ReadResponse()
        return pb.ReadResponse(
            id=live.id,
            properties=to_struct(live.outputs, keep_secrets=True),
            inputs=to_struct(live.inputs, keep_secrets=True),
        )

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        """See ``Provider.invoke``."""
        args = unwrap(from_struct(request.args))
        answer = self._told(context, lambda one: one.invoke(request.tok, args))
        failures = [
            pb.CheckFailure(property=name, reason=reason) for name, reason in answer.failures
        ]
        result = to_struct(answer.inputs, keep_secrets=True)
        return pb.InvokeResponse(**{"return": result, "failures": failures})

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Nothing to cancel: a call that was sent is carried out, and its answer kept."""
        return empty_pb2.Empty()

    def _told(self, context: Any, call: Callable[[Provider], Any]) -> Any:
        """Make a call of the provider; an error goes to the CLI as one sentence."""
        if self._configured is None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "The provider isn't configured.")
            raise RuntimeError  # abort has raised already
        try:
            return call(self._configured)
        except EngineError as error:
            return context.abort(grpc.StatusCode.UNKNOWN, str(error))


def _kind(path: str, kind: str, replaces: tuple[str, ...]) -> Any:
    in_place, replacing = _KINDS[kind]
    return replacing if path.partition("[")[0] in replaces else in_place


def _target(request: Any) -> Target:
    urn = Urn.parse(request.urn)
    return Target(request.urn, urn.type, urn.name, getattr(request, "id", ""))


def main() -> None:
    """Serve the CLI that started this process; the first argument names the package."""
    package = sys.argv[1]
    if package not in _PACKAGES:
        raise SystemExit(f"There is no stand-in for {package}.")
    closed_network = bool(os.environ.get(CLOSED_NETWORK_VARIABLE))

    def configure(inputs: Properties) -> Provider:
        # Plugins run in the program's folder, which relative paths begin at.
        folder = Path.cwd()
        return stand_in(package, inputs, os.environ, folder=folder, closed_network=closed_network)

    plugin = StandInPlugin(package, configure)
    serve(lambda server: add_ResourceProviderServicer_to_server(plugin, server))


if __name__ == "__main__":
    main()

"""Serve as Pulumi's language host for Python, ``pulumi-language-python``.

No package registry carries the official one; its protocol is in the SDK. Programs run as they do
under the embedded engine, by ``program_runner.py`` and this process's interpreter.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import sysconfig
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from pulumi.runtime.proto import language_pb2 as pb
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto.language_pb2_grpc import (
    LanguageRuntimeServicer,
    add_LanguageRuntimeServicer_to_server,
)

from engine.child_process import ChildProcess
from engine.plugins.plugin_server import engine_address, serve

_HAS_TOLD = 32
"""Exit code of a program that has told its error to the CLI already."""
_FOREVER = 7 * 24 * 3600.0


class LanguageHost(LanguageRuntimeServicer):
    """Runs Python programs for one CLI.

    Args:
        engine: the CLI's address, where a program sends its diagnostics.
    """

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._running: set[ChildProcess] = set()

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        """Learn the CLI's address, where this host wasn't started by it."""
        self._engine = request.engine_address or self._engine
        return pb.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return the SDK's version as the host's."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi"))

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return the providers that the installed SDK packages belong to."""
        return pb.GetRequiredPackagesResponse(packages=list(_required_packages()))

    def About(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return which Python runs the program."""
        return pb.AboutResponse(executable=sys.executable, version=platform.python_version())

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Return the installed packages."""
        found = ((one.metadata["Name"], one.version) for one in metadata.distributions())
        return pb.GetProgramDependenciesResponse(
            dependencies=[pb.DependencyInfo(name=name, version=version) for name, version in found]
        )

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Run a program to its end."""
        folder = Path(request.info.program_directory or request.pwd)
        child = ChildProcess(
            "program_runner.py",
            folder=folder,
            environment={**os.environ, "PULUMI_PROJECT": request.project},
            on_line=_print,
        )
        self._running.add(child)
        # A CLI that is gone wants no answer.
        context.add_callback(child.end)
        try:
            child.send(
                {
                    "monitor": request.monitor_address,
                    "engine": self._engine,
                    "project": request.project,
                    "stack": request.stack,
                    "organization": request.organization,
                    "parallel": max(request.parallel, 1),
                    "dry_run": request.dryRun,
                    "root": request.info.root_directory or request.pwd,
                    "program": str((folder / request.info.entry_point).resolve()),
                    "config": dict(request.config),
                    "secret_keys": sorted(request.configSecretKeys),
                }
            )
            code = child.wait(_FOREVER)
        finally:
            self._running.discard(child)
            child.end()
        if code == _HAS_TOLD:
            return pb.RunResponse(bail=True)
        return pb.RunResponse(error=f"The program ended with exit code {code}." if code else "")

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        """End the programs that run: the CLI takes no more resources from them."""
        from google.protobuf import empty_pb2  # type: ignore[import-untyped] # ships no types

        for child in list(self._running):
            child.end()
        return empty_pb2.Empty()


def _required_packages() -> Iterator[Any]:
    """Each Pulumi SDK package of this interpreter brings a ``pulumi-plugin.json``."""
    for file in sorted(Path(sysconfig.get_path("purelib")).glob("pulumi_*/pulumi-plugin.json")):
        described = json.loads(file.read_text(encoding="utf-8"))
        if described.get("resource"):
            yield plugin_pb2.PackageDependency(
                name=described.get("name", ""),
                kind="resource",
                version=described.get("version", ""),
                server=described.get("server", ""),
            )


def _print(line: str, stream: str) -> None:
    target = sys.stdout if stream == "stdout" else sys.stderr
    target.write(line + "\n")
    target.flush()


def main() -> None:
    """Serve the CLI that started this process."""
    host = LanguageHost(engine_address(sys.argv[1:]))
    serve(lambda server: add_LanguageRuntimeServicer_to_server(host, server))


if __name__ == "__main__":
    main()

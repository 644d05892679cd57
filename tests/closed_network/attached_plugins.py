"""Serves the plugins that a closed network's CLI would start anew for each of its runs.

They are the same language host and the same stand-in: only their start, a second of each, is saved.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pulumi.runtime.proto.language_pb2_grpc import add_LanguageRuntimeServicer_to_server
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server

from engine.plugins.language_host import LanguageHost
from engine.plugins.plugin_server import PluginServer
from engine.plugins.stand_in_plugin import StandInPlugin
from engine.property_value import Properties
from engine.provider import Provider
from engine.providers import stand_in


def main() -> None:
    """Tell the CLI's variables for them as a line of JSON, and serve until killed."""

    def configure(inputs: Properties) -> Provider:
        return stand_in("cloudflare", inputs, os.environ, folder=Path.cwd(), closed_network=True)

    host = LanguageHost("")
    plugin = StandInPlugin("cloudflare", configure)
    language = PluginServer(lambda server: add_LanguageRuntimeServicer_to_server(host, server))
    provider = PluginServer(lambda server: add_ResourceProviderServicer_to_server(plugin, server))
    variables = {
        "PULUMI_DEBUG_LANGUAGES": f"python:{language.port}",
        "PULUMI_DEBUG_PROVIDERS": f"cloudflare:{provider.port}",
    }
    sys.stdout.write(f"{json.dumps(variables)}\n")
    sys.stdout.flush()
    # Nobody reads on, and a full pipe would stop the programs.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    provider.wait()


if __name__ == "__main__":
    main()

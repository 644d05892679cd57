"""Plugins that a test serves to the real CLI itself: each process of theirs takes a second."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pulumi.runtime.proto.language_pb2_grpc import add_LanguageRuntimeServicer_to_server
from pulumi.runtime.proto.provider_pb2_grpc import add_ResourceProviderServicer_to_server

from engine.plugins.language_host import LanguageHost
from engine.plugins.plugin_server import PluginServer
from engine.plugins.stand_in_plugin import StandInPlugin
from engine.providers import stand_in
from tests.engine.fake_cloudflare import TOKEN


@contextmanager
def attached_plugins(folder: Path) -> Iterator[dict[str, str]]:
    """Serve language host and Cloudflare stand-in; the block gets the CLI's variables for it."""
    environment = {**os.environ, "CLOUDFLARE_API_TOKEN": TOKEN}
    host = LanguageHost("")
    plugin = StandInPlugin(
        "cloudflare", lambda inputs: stand_in("cloudflare", inputs, environment, folder=folder)
    )
    language = PluginServer(lambda server: add_LanguageRuntimeServicer_to_server(host, server))
    provider = PluginServer(lambda server: add_ResourceProviderServicer_to_server(plugin, server))
    try:
        yield {
            "PULUMI_DEBUG_LANGUAGES": f"python:{language.port}",
            "PULUMI_DEBUG_PROVIDERS": f"cloudflare:{provider.port}",
        }
    finally:
        provider.stop()
        language.stop()

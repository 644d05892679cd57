"""Workers of the benchmark's own, deployed beside the service in the same local cloud."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ops.build.bundle import BundleBuilder
from tests.installation import ROOT, Installation

ACCOUNT = "/client/v4/accounts/00000000000000000000000000000001"


class SideWorker:
    """A Worker named ``name``, which answers under the Host header ``host``.

    Args:
        installation: the installation whose local cloud runs it.
        name: name of the Worker; deploying it again replaces nothing, so use one once.
    """

    def __init__(self, installation: Installation, name: str) -> None:
        self.host = f"{name}.localhost"
        self._installation = installation
        self._name = name

    def deploy(
        self,
        sources: Path,
        bindings: list[dict[str, Any]],
        flags: Sequence[str] = ("python_workers",),
    ) -> None:
        """Upload the bundle of ``sources`` with the vendored SDK and send it all traffic.

        ``flags`` are its compatibility flags.

        Raises:
            RuntimeError: the local cloud refused a call.
        """
        builder = BundleBuilder(sources=sources, vendored=ROOT / "build" / "python_modules")
        modules = [
            {
                "name": module.name,
                "content_type": module.content_type,
                "content_base64": base64.b64encode(module.content).decode(),
            }
            for module in builder.collect()
        ]
        worker = self._call(
            "/workers/workers",
            {"name": self._name, "subdomain": {"enabled": True, "previews_enabled": True}},
        )
        version = self._call(
            f"/workers/workers/{worker['id']}/versions",
            {
                "main_module": "entry.py",
                "modules": modules,
                "bindings": bindings,
                "compatibility_date": "2026-10-01",
                "compatibility_flags": list(flags),
            },
        )
        self._call(
            f"/workers/scripts/{self._name}/deployments",
            {
                "strategy": "percentage",
                "versions": [{"version_id": version["id"], "percentage": 100}],
            },
        )

    def _call(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._installation.control("POST", ACCOUNT + path, json=body)
        document = answer.json()
        if not document.get("success"):
            raise RuntimeError(f"POST {path} was refused: {document.get('errors')}")
        return document["result"]

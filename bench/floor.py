"""Deploys the floor Worker beside the service, on the same database."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from ops.bundle import BundleBuilder
from tests.installation import ROOT, Installation

ACCOUNT = "/client/v4/accounts/00000000000000000000000000000001"
NAME = "bench-floor"
HOST = f"{NAME}.localhost"


def deploy_floor(installation: Installation, *, endpoint: str) -> None:
    """Upload and deploy the floor Worker; it answers under the Host header ``HOST``."""
    builder = BundleBuilder(
        sources=Path(__file__).parent / "floor_worker",
        vendored=ROOT / "build" / "python_modules",
    )
    modules = [
        {
            "name": module.name,
            "content_type": module.content_type,
            "content_base64": base64.b64encode(module.content).decode(),
        }
        for module in builder.collect()
    ]
    worker = _call(
        installation,
        "POST",
        "/workers/workers",
        {"name": NAME, "subdomain": {"enabled": True, "previews_enabled": True}},
    )
    version = _call(
        installation,
        "POST",
        f"/workers/workers/{worker['id']}/versions",
        {
            "main_module": "entry.py",
            "modules": modules,
            "bindings": [
                {"name": "DB", "type": "d1", "id": installation.outputs()["d1_database_id"]},
                {"name": "ENDPOINT", "type": "plain_text", "text": endpoint},
            ],
            "compatibility_date": "2026-10-01",
            "compatibility_flags": ["python_workers"],
        },
    )
    _call(
        installation,
        "POST",
        f"/workers/scripts/{NAME}/deployments",
        {
            "strategy": "percentage",
            "versions": [{"version_id": version["id"], "percentage": 100}],
        },
    )


def _call(installation: Installation, method: str, path: str, body: dict[str, Any]) -> Any:
    answer = installation.control(method, ACCOUNT + path, json=body)
    document = answer.json()
    if not document.get("success"):
        raise RuntimeError(f"{method} {path} was refused: {document.get('errors')}")
    return document["result"]

"""Memory, storage operations, boot time and bundle size."""

from __future__ import annotations

import gzip
import io
import json
import secrets
import tarfile
import time
from pathlib import Path
from typing import Any

import psutil

from bench.figures import Figures
from bench.side_worker import ACCOUNT
from ops.stacks.notification import Notification
from tests.installation import Installation


def measure_memory(figures: Figures, installation: Installation) -> None:
    """Report the proportional memory of the local cloud's processes, by kind."""
    pid = installation.ctl_json("local", "status")["pid"]
    kinds: dict[str, float] = {}
    cloud = psutil.Process(pid)
    for process in (cloud, *cloud.children(recursive=True)):
        name = process.name()
        kind = "control plane" if process.pid == pid else name
        kinds[kind] = kinds.get(kind, 0.0) + process.memory_full_info().pss / 1e6
    for kind, megabytes in sorted(kinds.items()):
        figures.add(f"memory, {kind}", megabytes, "MB", "proportional set size")


def measure_bundle(figures: Figures, folder: Path) -> None:
    """Report the bundle's size as one gzip archive, the way an upload is counted."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != "manifest.json":
                archive.add(path, arcname=path.relative_to(folder).as_posix())
    size = len(gzip.compress(buffer.getvalue(), mtime=0))
    figures.add("bundle, gzip", size / 1000, "kB", "goal: at most 300")


def measure_storage(figures: Figures, installation: Installation) -> None:
    """Report D1 round trips and rows written of one delivered send, and rows written over its life.

    Both are what the Worker's own log says of the send and of the deletion of its notification;
    D1 counts index entries among the rows. A key's record is deleted by the cron when it expires:
    one row, which the life's sum includes.
    """
    user = f"storage-{secrets.token_hex(4)}"
    for name, key, warm in (
        ("cold", None, False),
        ("warm", None, True),
        ("warm, with an idempotency key", f"key-{user}", True),
    ):
        with installation.service() as service:
            url = None if warm else f"{installation.sink_url}/hook/{user}"
            answer = Notification(
                user=user, channels=("webhook",), message="x", url=url, idempotency_key=key
            ).send(service)
            log_id = answer["results"][0]["logId"]
            gone = service.call("DELETE", f"/api/notification-logs/{log_id}")
        line = _request_line(installation, answer["request_id"])
        figures.add(f"D1 round trips, {name}", line["d1_calls"], "calls", "per delivered send")
        figures.add(f"D1 rows written, {name}", line["rows_written"], "rows", "goal: at most 8")
        deletion = _request_line(installation, gone.headers["X-Request-Id"])
        life = line["rows_written"] + deletion["rows_written"] + (key is not None)
        figures.add(f"D1 rows written over its life, {name}", life, "rows", "deletion included")


def _request_line(installation: Installation, request_id: str) -> dict[str, int]:
    """Return what the request's log line tells; lines come a little later than answers."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        line = _logged(installation, request_id)
        if line is not None:
            return line
        time.sleep(0.05)
    raise RuntimeError(f"the Worker's log has no line of request {request_id}")


def _logged(installation: Installation, request_id: str) -> dict[str, int] | None:
    answer = installation.control("GET", "/local/logs", params={"limit": 1000})
    for event in answer.json()["logs"]:
        try:
            line = json.loads(event["message"])
        except (KeyError, ValueError):
            continue
        if line.get("requestId") == request_id and line.get("type") == "api_request":
            return {"d1_calls": line["d1_calls"], "rows_written": line["rows_written"]}
    return None


def measure_boot(figures: Figures, installation: Installation) -> None:
    """Report how long the deployed version took to boot when it was uploaded."""
    version = deployed_version(installation)
    figures.add("Worker boot, cold", version["startup_time_ms"], "ms", "to its first answer")


def deployed_version(installation: Installation) -> dict[str, Any]:
    """Return what the API tells of the service's version."""
    outputs = installation.outputs()
    path = f"/workers/workers/{outputs['worker_id']}/versions/{outputs['version_id']}"
    version: dict[str, Any] = installation.control("GET", ACCOUNT + path).json()["result"]
    return version

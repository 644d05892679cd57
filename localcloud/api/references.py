"""Who uses what: the reason why a resource that is in use can't go.

Cloudflare keeps a binding alive for the versions that are deployed and for the newest upload;
older versions don't hold their stores (a redeploy without the binding frees it).
"""

from __future__ import annotations

import json
from typing import Any

from localcloud.database import Database


def live_documents(database: Database) -> list[tuple[str, dict[str, Any]]]:
    """(Worker's name, version's document) of every version that holds its bindings."""
    found = []
    for worker in database.rows("SELECT id, name FROM workers ORDER BY rowid"):
        active = database.value(
            "SELECT versions FROM deployments WHERE worker_id = ? ORDER BY sequence DESC LIMIT 1",
            worker["id"],
        )
        holding = {part["version_id"] for part in json.loads(active or "[]")}
        newest = database.value(
            "SELECT id FROM versions WHERE worker_id = ? ORDER BY number DESC LIMIT 1",
            worker["id"],
        )
        holding |= {newest} if newest else set()
        for row in database.rows(
            "SELECT id, document FROM versions WHERE worker_id = ?", worker["id"]
        ):
            if row["id"] in holding:
                found.append((str(worker["name"]), json.loads(row["document"])))
    return found


def scripts_with(database: Database, **wanted: str) -> list[str]:
    """Names of the Workers whose live versions have a binding with these properties."""
    names = []
    for script, document in live_documents(database):
        fits = any(
            all(binding.get(name) == value for name, value in wanted.items())
            for binding in document["bindings"]
        )
        if fits and script not in names:
            names.append(script)
    return names


def namespace_scripts(database: Database, namespace_id: str) -> list[str]:
    """Workers that are bound to a KV namespace."""
    return scripts_with(database, type="kv_namespace", namespace_id=namespace_id)


def queue_scripts(database: Database, queue_id: str) -> list[str]:
    """Workers that send to a queue."""
    return scripts_with(database, type="queue", queue_id=queue_id)


def service_scripts(database: Database, service: str) -> list[str]:
    """Other Workers that call the Worker `service`."""
    return [
        name for name in scripts_with(database, type="service", service=service) if name != service
    ]

"""What the Node host should hold: stores, running versions and routes, derived from the tables."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from localcloud.asset_store import MANIFEST, AssetStore
from localcloud.bundle_store import BundleStore
from localcloud.database import Database
from localcloud.errors import LocalCloudError, RuntimeDown
from localcloud.home import CloudHome
from localcloud.host_client import HostClient, HostError
from localcloud.plan import subrequest_limits
from localcloud.runtime import Runtime

_GENERATION = "routes_generation"
_PATTERNS = "SELECT pattern, script FROM worker_routes ORDER BY pattern"

log = logging.getLogger("localcloud.desired_state")


class DesiredState:
    """Sends the host what it should hold; all of it again after a restart of the host.

    Only versions of an active deployment, and each Worker's newest upload, keep a process.
    """

    def __init__(self, database: Database, home: CloudHome, *, free_plan: bool) -> None:
        self._database = database
        self._free_plan = free_plan
        self._home = home
        self._running: set[str] = set()
        self._held: set[str] = set()
        self._lock = asyncio.Lock()
        self._disposals: dict[str, asyncio.Task[None]] = {}
        self.runtime: Runtime  # set by whoever builds both, since each needs the other

    async def send_everything(self, client: HostClient) -> None:
        """Rebuild a fresh host. A version that doesn't boot is logged and left out."""
        async with self._lock:
            self._running.clear()
            await self._put_stores(client)
            for identifier in sorted(self._wanted()):
                try:
                    await self._boot(client, self._version(identifier))
                except (HostError, LocalCloudError) as error:
                    log.error("version %s doesn't start: %s", identifier, error)
            await self._put_routes(client)

    async def sync_stores(self) -> None:
        """Send the list of databases and namespaces. Raises HostError or RuntimeDown."""
        client = await self.runtime.client()
        async with self._lock:
            await self._put_stores(client)

    async def delete_store(self, kind: str, identifier: str) -> None:
        """Remove a store and its data. Raises HostError or RuntimeDown."""
        client = await self.runtime.client()
        await client.delete_store(kind, identifier)

    @contextmanager
    def holding(self, identifiers: Iterable[str]) -> Iterator[None]:
        """Keep the processes of these versions while a change that will want them is under way."""
        held = set(identifiers) - self._held
        self._held |= held
        try:
            yield
        finally:
            self._held -= held

    async def boot(self, version: dict[str, Any]) -> int:
        """Start a version that isn't in the tables yet, and refuse what production refuses.

        Returns the CPU time of its own start in milliseconds; the time of the whole boot where the
        system doesn't tell.

        `version` is the host's document plus `id`; call it inside `holding`, or the version may be
        taken for one that nobody wants. Raises HostError or RuntimeDown.
        """
        client = await self.runtime.client()
        answer = await self._boot(client, version, validate=True)
        spent = answer.get("startupMs")
        return int(answer.get("bootMs", 0) if spent is None else spent)

    async def ensure_running(self, identifier: str) -> None:
        """Start a stored version that has no process. Raises HostError or RuntimeDown."""
        client = await self.runtime.client()
        if identifier not in self._running:
            await self._boot(client, self._version(identifier))

    async def sync_routes(self) -> None:
        """Swap the routes, then let go of versions that nobody wants any more."""
        client = await self.runtime.client()
        async with self._lock:
            await self._put_routes(client)
        self.prune()

    def prune(self) -> None:
        """Drain and dispose unwanted versions in the background."""
        for identifier in self._running - self._wanted() - self._held:
            self._running.discard(identifier)
            self._disposals[identifier] = asyncio.create_task(self._dispose(identifier))

    async def settle(self) -> None:
        """Wait until the disposals under way have ended."""
        await asyncio.gather(*self._disposals.values(), return_exceptions=True)

    def split(self, script: str) -> list[tuple[str, float]]:
        """The active deployment of a Worker: (version id, percentage); empty where none is."""
        text = self._database.value(
            "SELECT d.versions FROM deployments d JOIN workers w ON w.id = d.worker_id "
            "WHERE w.name = ? ORDER BY d.sequence DESC LIMIT 1",
            script,
        )
        return [(part["version_id"], part["percentage"]) for part in json.loads(text or "[]")]

    async def _dispose(self, identifier: str) -> None:
        try:
            await self.runtime.client_now().delete_version(identifier)
        except RuntimeDown:
            pass  # a host that restarts comes back without it
        except HostError as error:
            log.warning("version %s isn't disposed: %s", identifier, error)
        finally:
            self._disposals.pop(identifier, None)

    async def _put_stores(self, client: HostClient) -> None:
        d1 = [row["uuid"] for row in self._database.rows("SELECT uuid FROM d1_databases")]
        kv = [row["id"] for row in self._database.rows("SELECT id FROM kv_namespaces")]
        await client.put_stores(d1, kv)

    async def _boot(
        self, client: HostClient, version: dict[str, Any], *, validate: bool = False
    ) -> dict[str, Any]:
        identifier = str(version["id"])
        if leaving := self._disposals.get(identifier):
            await asyncio.wait([leaving])
        document = {name: value for name, value in version.items() if name != "id"}
        answer = await client.put_version(identifier, document, validate=validate)
        self._running.add(identifier)
        return answer

    async def _put_routes(self, client: HostClient) -> None:
        generation = int(self._database.setting(_GENERATION) or "0") + 1
        self._database.set_setting(_GENERATION, str(generation))
        routes = []
        default = None
        previews = []
        for row in self._database.rows("SELECT name, subdomain FROM workers ORDER BY rowid"):
            switch = json.loads(row["subdomain"])
            if switch["previews_enabled"]:
                previews.append(row["name"])
            split = [part for part in self.split(row["name"]) if part[0] in self._running]
            if not split:
                continue
            if len(split) == 1:
                split = [(split[0][0], 100.0)]  # also where the other version doesn't start
            enabled = switch["enabled"]
            default = default or (row["name"] if enabled else None)
            routes.append(
                {
                    "hosts": self._hosts(row["name"], enabled=enabled),
                    "script": row["name"],
                    "versions": [{"id": v, "percentage": percent} for v, percent in split],
                }
            )
        await client.put_routes(
            {
                "generation": generation,
                "routes": routes,
                "defaultScript": default,
                "previewScripts": previews,
                "patterns": [dict(row) for row in self._database.rows(_PATTERNS)],
            }
        )

    def _hosts(self, script: str, *, enabled: bool) -> list[str]:
        """The Worker's own host name, where it is switched on, and its custom domains."""
        rows = self._database.rows(
            "SELECT hostname FROM worker_domains WHERE service = ? ORDER BY hostname", script
        )
        own = [f"{script}.localhost"] if enabled else []
        return [*own, *(row["hostname"] for row in rows)]

    def _wanted(self) -> set[str]:
        rows = self._database.rows("SELECT name FROM workers")
        wanted = {identifier for row in rows for identifier, _ in self.split(row["name"])}
        newest = self._database.rows("SELECT id, MAX(number) FROM versions GROUP BY worker_id")
        return wanted | {row["id"] for row in newest}

    def _version(self, identifier: str) -> dict[str, Any]:
        row = self._database.row(
            "SELECT v.*, w.name AS script FROM versions v JOIN workers w ON w.id = v.worker_id "
            "WHERE v.id = ?",
            identifier,
        )
        if row is None:
            raise HostError(404, "unknown_version", f"Version {identifier} isn't stored.")
        return self.host_document(dict(row))

    def host_document(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The document that the host needs to run a version, secrets included.

        `row` has the columns of the table `versions`, and the Worker's name as `script`.
        """
        document = json.loads(row["document"])
        annotations = document.get("annotations") or {}
        secrets = json.loads(row["secrets"])
        return {
            "id": row["id"],
            "script": row["script"],
            "modulesDir": str(self._home.bundles / row["bundle"]),
            "moduleTypes": BundleStore(self._home.bundles).content_types(row["bundle"]),
            "mainModule": document["main_module"],
            "compatibilityDate": document.get("compatibility_date"),
            "compatibilityFlags": document.get("compatibility_flags", []),
            "bindings": [_host_binding(binding, secrets) for binding in document["bindings"]],
            "metadata": {
                "id": row["id"],
                "tag": annotations.get("workers/tag", ""),
                "timestamp": row["created_on"],
            },
            "assets": self._host_assets(document),
            "subrequests": subrequest_limits(document, free_plan=self._free_plan),
        }

    def _host_assets(self, document: dict[str, Any]) -> dict[str, Any] | None:
        if "assets" not in document:
            return None
        store = AssetStore(self._home.assets, self._database)
        return {
            "dir": str(self._home.assets),
            "files": store.served(document[MANIFEST]),
            "config": document["assets"]["config"],
        }


def _host_binding(binding: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    if binding["type"] == "secret_text":
        return {**binding, "text": secrets[binding["name"]]}
    return binding

"""Custom domains: host names of a zone whose origin is a Worker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from localcloud.api.envelope import ApiError, body_model, success
from localcloud.api.listing import ListQuery, unsorted
from localcloud.api.resources import Account
from localcloud.api.workers import find_worker
from localcloud.api.zones import is_within
from localcloud.database import Row

# Codes: 10026 malformed body, 100114 unknown domain, 100116 unknown zone or a host name outside
# it, 100117 the host name leads elsewhere already.
_MALFORMED = 10026
HOSTNAME = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"


class _Domain(BaseModel):
    model_config = ConfigDict(extra="ignore")
    hostname: str = Field(pattern=HOSTNAME, max_length=253)
    service: str
    zone_id: str | None = None
    zone_name: str | None = None
    environment: str = "production"


class WorkerDomains:
    """The custom domains of the account's Workers."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._database = account.database

    def routes(self) -> Sequence[Route]:
        """/workers/domains and below."""
        one = "/workers/domains/{domain_id}"
        return [
            Route("/workers/domains", self._attach, methods=["PUT"]),
            Route("/workers/domains", self._listing, methods=["GET"]),
            Route(one, self._read, methods=["GET"]),
            Route(one, self._detach, methods=["DELETE"]),
        ]

    async def _attach(self, request: Request) -> Response:
        """Attach a host name; attaching it again to the same Worker changes nothing."""
        wanted = await body_model(request, _Domain, code=_MALFORMED)
        find_worker(self._account, wanted.service)
        return success(
            await self.attach(
                wanted.hostname,
                wanted.service,
                zone_id=wanted.zone_id,
                zone_name=wanted.zone_name,
                environment=wanted.environment,
            )
        )

    async def attach(
        self,
        hostname: str,
        service: str,
        *,
        zone_id: str | None,
        zone_name: str | None,
        environment: str = "production",
        override: bool = False,
    ) -> dict[str, Any]:
        """Make a host name lead to a Worker; `override` takes it from another one.

        Raises ApiError: 400 for the zone, 409 where it leads to another Worker.
        """
        zone = self._zone(hostname, zone_id, zone_name)
        row = self._database.row("SELECT * FROM worker_domains WHERE hostname = ?", hostname)
        if row is not None and row["service"] != service:
            if not override:
                raise ApiError(
                    409,
                    100117,
                    f"Hostname {hostname!r} already leads to the Worker {row['service']!r}. "
                    "Delete that custom domain first or try a different hostname.",
                )
            self._database.execute("DELETE FROM worker_domains WHERE id = ?", row["id"])
            row = None
        identifier = row["id"] if row else self._account.ids()
        if row is None:
            self._database.execute(
                "INSERT INTO worker_domains VALUES (?, ?, ?, ?, ?, ?)",
                identifier,
                hostname,
                service,
                zone["id"],
                environment,
                self._account.uuid(),
            )
            try:
                await self._account.desired.sync_routes()
            except Exception:
                self._database.execute("DELETE FROM worker_domains WHERE id = ?", identifier)
                raise
        return self._shown(self._find(identifier))

    async def _listing(self, request: Request) -> Response:
        names = ("hostname", "service", "zone_id", "zone_name", "environment")
        query = ListQuery(request, code=_MALFORMED)
        wanted = {name: query.text(name) for name in names}
        rows = self._database.rows("SELECT id, hostname FROM worker_domains")
        rows = unsorted(rows, lambda row: str(row["hostname"]))
        everything = [self._shown(self._find(row["id"])) for row in rows]
        found = [
            domain
            for domain in everything
            if all(value in {None, domain[name]} for name, value in wanted.items())
        ]
        return query.page(found, per_page=None)

    async def _read(self, request: Request) -> Response:
        return success(self._shown(self._find(request.path_params["domain_id"])))

    async def _detach(self, request: Request) -> Response:
        row = self._find(request.path_params["domain_id"])
        self._database.execute("DELETE FROM worker_domains WHERE id = ?", row["id"])
        await self._account.desired.sync_routes()
        return success(None)

    def _zone(self, hostname: str, zone_id: str | None, zone_name: str | None) -> Row:
        """The named zone, or the longest one that has the host name. Raises ApiError(400)."""
        candidates = [
            row
            for row in self._database.rows("SELECT * FROM zones ORDER BY length(name) DESC")
            if zone_id in {None, row["id"]} and zone_name in {None, row["name"]}
        ]
        if not candidates:
            raise ApiError(400, 100116, "There is no such zone in your account.")
        for row in candidates:
            if is_within(hostname, row["name"]):
                return row
        text = f"Hostname {hostname!r} isn't within the zone {candidates[0]['name']!r}."
        raise ApiError(400, 100116, text)

    def _find(self, identifier: str) -> Row:
        row = self._database.row(
            "SELECT d.*, z.name AS zone_name FROM worker_domains d JOIN zones z "
            "ON z.id = d.zone_id WHERE d.id = ?",
            identifier,
        )
        if row is None:
            raise ApiError(404, 100114, "There is no such custom domain.")
        return row

    @staticmethod
    def _shown(row: Row) -> dict[str, Any]:
        names = ("id", "zone_id", "zone_name", "hostname", "service", "environment", "cert_id")
        return {**{name: row[name] for name in names}, "enabled": True}


def routes(account: Account) -> Sequence[Route]:
    """The family's routes, below the account."""
    return WorkerDomains(account).routes()

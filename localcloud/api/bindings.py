"""Bindings of a version: their shapes, and whether what they name exists."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from localcloud.api.envelope import ApiError
from localcloud.database import Database

# Codes: 10021 invalid upload, 10041 no such namespace, 10181 no such database, 10143 no such
# service, 11000 no such queue.
INVALID = 10021
LOCAL_CLOCK = "local-clock"  # a service of the local cloud itself: its virtual clock
MAX_TEXT_BYTES = 5 * 1024  # Cloudflare's limit for one variable or secret
NAME = r"^[A-Za-z_$][A-Za-z0-9_$]*$"


class _Binding(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str = Field(pattern=NAME, max_length=255)


class _D1(_Binding):
    type: Literal["d1"]
    # API reference, "D1 binding": `id` is the older name, which the Pulumi provider sends.
    id: str = Field(validation_alias=AliasChoices("database_id", "id"))


class _Namespace(_Binding):
    type: Literal["kv_namespace"]
    namespace_id: str


class _Queue(_Binding):
    type: Literal["queue"]
    queue_name: str


class _PlainText(_Binding):
    type: Literal["plain_text"]
    text: str


class _SecretText(_Binding):
    type: Literal["secret_text"]
    text: str


class _Json(_Binding):
    type: Literal["json"]
    value: Any = Field(alias="json")


class _VersionMetadata(_Binding):
    type: Literal["version_metadata"]


class _Assets(_Binding):
    type: Literal["assets"]


class _Limit(BaseModel):
    limit: int = Field(ge=1)
    period: Literal[10, 60]


class _RateLimit(_Binding):
    type: Literal["ratelimit"]
    namespace_id: str
    simple: _Limit


class _Dataset(_Binding):
    """A data set needs no making: it is there once a point is written."""

    type: Literal["analytics_engine"]
    dataset: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=64)


class _Service(_Binding):
    type: Literal["service"]
    service: str
    environment: str | None = None
    entrypoint: str | None = None


Binding = Annotated[
    _D1
    | _Namespace
    | _Queue
    | _PlainText
    | _SecretText
    | _Json
    | _VersionMetadata
    | _RateLimit
    | _Dataset
    | _Service
    | _Assets,
    Field(discriminator="type"),
]


def check(
    bindings: list[Binding], database: Database, *, has_assets: bool
) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Check names and targets; return the bindings sorted by name, and the secrets apart.

    A queue binding gets the id of its queue beside the name, so that a later rename doesn't break
    it. Raises ApiError with the code that Cloudflare gives for a missing target.
    """
    documents: list[dict[str, Any]] = []
    secrets: dict[str, str] = {}
    for binding in sorted(bindings, key=lambda binding: binding.name):
        if documents and documents[-1]["name"] == binding.name:
            raise ApiError(400, INVALID, f"Binding name {binding.name!r} already in use.")
        document = binding.model_dump(exclude_none=True, by_alias=True)
        text = document.get("text", "")
        if len(text.encode()) > MAX_TEXT_BYTES:
            raise ApiError(
                400, 10054, f"Binding {binding.name!r} has more than {MAX_TEXT_BYTES} bytes."
            )
        if isinstance(binding, _SecretText):
            secrets[binding.name] = document.pop("text")
        if isinstance(binding, _Assets) and not has_assets:
            raise ApiError(400, INVALID, f"Binding {binding.name!r} needs assets, there are none.")
        if isinstance(binding, _Queue):
            document["queue_id"] = _queue_id(binding, database)
        _check_target(binding, database)
        documents.append(document)
    return documents, secrets


def in_order_of_answers(documents: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort stored bindings as Cloudflare answers them: by name, but rate limits after the others.

    Nothing promises an order, and clients that count on one break at Cloudflare (issues 7350 and
    7370 of terraform-provider-cloudflare).
    """
    return sorted(documents, key=lambda found: (found["type"] == "ratelimit", found["name"]))


def shown(binding: dict[str, Any]) -> dict[str, Any]:
    """A stored binding as the API answers it where the version is addressed by the Worker's id."""
    return {
        name: value
        for name, value in binding.items()
        if (binding["type"], name) != ("queue", "queue_id")
    }


def shown_by_script(binding: dict[str, Any]) -> dict[str, Any]:
    """Return a stored binding as the API answers it below a script's name.

    There a database has its id under both of its names. The Pulumi provider, which reads the
    other routes, would take the second name for a change.
    """
    found = shown(binding)
    return {**found, "database_id": found["id"]} if found["type"] == "d1" else found


def _queue_id(binding: _Queue, database: Database) -> str:
    found: str | None = database.value(
        "SELECT queue_id FROM queues WHERE queue_name = ?", binding.queue_name
    )
    if found is None:
        raise ApiError(400, 11000, f"Queue {binding.queue_name!r} does not exist.")
    return found


def _check_target(binding: Binding, database: Database) -> None:
    if isinstance(binding, _D1):
        if not database.value("SELECT 1 FROM d1_databases WHERE uuid = ?", binding.id):
            raise ApiError(
                400,
                10181,
                f"D1 binding {binding.name!r} references database {binding.id!r} which was not "
                "found. Verify the database exists in your account and that the database_id in "
                "your configuration is correct.",
            )
    elif isinstance(binding, _Namespace):
        if not database.value("SELECT 1 FROM kv_namespaces WHERE id = ?", binding.namespace_id):
            raise ApiError(400, 10041, f"KV namespace {binding.namespace_id!r} not found.")
    elif isinstance(binding, _Service):
        known = binding.service == LOCAL_CLOCK or database.value(
            "SELECT 1 FROM workers WHERE name = ?", binding.service
        )
        if not known:
            raise ApiError(400, 10143, f"Service {binding.service!r} does not exist.")

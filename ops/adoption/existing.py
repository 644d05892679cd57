"""What an account has already of what a stack would make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic.alias_generators import to_snake

from infra.names import Names
from ops.stacks.account import StackAccount
from ops.stacks.context import StackContext
from ops.stacks.errors import GateClosed, UsageError

if TYPE_CHECKING:
    from cloudflare import Cloudflare


@dataclass(frozen=True)
class Kind:
    """A kind of resource that can be adopted.

    Attributes:
        title: what a person calls it.
        path: its list, below the account.
        id: the property with its id.
        name: the property with its name.
        setting: the setting that names an id.
        output: the stack's output with the id, once it is managed.
        renames: whether another name is changed by an update; else it would be replaced.
    """

    title: str
    path: str
    id: str
    name: str
    setting: str
    output: str
    renames: bool = False


DATABASE = Kind("D1 database", "d1/database", "uuid", "name", "adoptDatabaseId", "d1_database_id")
FURTHER_DATABASE = Kind(
    "D1 database", "d1/database", "uuid", "name", "adoptFurtherDatabaseIds", "d1_databases"
)
NAMESPACE_KIND = Kind(
    "KV namespace",
    "storage/kv/namespaces",
    "id",
    "title",
    "adoptNamespaceId",
    "kv_namespace_id",
    renames=True,
)
RETRY_QUEUE = Kind(
    "queue", "queues", "queue_id", "queue_name", "adoptRetryQueueId", "retry_queue_id"
)
FAILED_QUEUE = Kind(
    "queue", "queues", "queue_id", "queue_name", "adoptFailedQueueId", "failed_queue_id"
)
WORKER = Kind("Worker", "workers/workers", "id", "name", "adoptWorkerId", "worker_id")

ID_VARIABLES = {
    ("production", DATABASE.setting): "PROD_DB_ID",
    ("development", DATABASE.setting): "DEV_DB_ID",
    ("production", NAMESPACE_KIND.setting): "PROD_KV_ID",
    ("development", NAMESPACE_KIND.setting): "DEV_KV_ID",
}
"""Environment variables that name what a stack adopts (seed requirement S0-17)."""


@dataclass(frozen=True)
class Existing:
    """One resource that is there.

    Attributes:
        kind: what it is.
        id: its id in the account.
        name: its name there.
        wanted: the name that the stack gives it.
        source: where the id comes from: a name that fits, a setting or a variable.
    """

    kind: Kind
    id: str
    name: str
    wanted: str
    source: str


class AccountListing:
    """Looks resources up by name or by id."""

    def __init__(self, account: StackAccount) -> None:
        self._account = account
        self._lists: dict[str, list[dict[str, Any]]] = {}

    def items(self, path: str) -> list[dict[str, Any]]:
        """Return a list below the account, all pages of it.

        Raises:
            OperationError: the API refused, or gave no answer.
        """
        if path not in self._lists:
            self._lists[path] = list(self._account.listed(path, _get))
        return self._lists[path]

    def find(self, names: Names, context: StackContext) -> list[Existing]:
        """Return what is there of the stack's five adoptable resources.

        Raises:
            UsageError: an id is given and there is nothing of that id, or its name can't be kept.
            OperationError: the API refused, gave no answer, or one from which nothing follows.
        """
        wanted = (
            (DATABASE, names.database),
            (NAMESPACE_KIND, names.config_cache),
            (RETRY_QUEUE, names.retry_queue),
            (FAILED_QUEUE, names.failed_queue),
            (WORKER, names.worker),
        )
        with self._account.understood("list what exists already"):
            found = [self._one(kind, name, context) for kind, name in wanted]
        return [item for item in found if item is not None]

    def further_databases(self, names: Names, count: int) -> list[Existing]:
        """Return the databases after the first of `count`, over which recipients are spread.

        Raises:
            GateClosed: one of them isn't there.
            OperationError: the API refused, gave no answer, or one from which nothing follows.
        """
        wanted = names.shards(count)[1:]
        with self._account.understood("list what exists already"):
            there = {item["name"]: item["uuid"] for item in self.items(FURTHER_DATABASE.path)}
        if missing := [name for name in wanted if name not in there]:
            raise GateClosed(
                f"The first database says that its recipients are spread over {count} databases, "
                f"and the account has no database {missing[0]}: its recipients would be lost. "
                "Nothing was changed. Restore that database under this name first, from its backup."
            )
        return [Existing(FURTHER_DATABASE, there[name], name, name, "its name") for name in wanted]

    def _one(self, kind: Kind, wanted: str, context: StackContext) -> Existing | None:
        given, source = _given_id(kind, context)
        for item in self.items(kind.path):
            if given is None and item[kind.name] == wanted:
                return Existing(kind, item[kind.id], wanted, wanted, "its name")
            if given is not None and item[kind.id] == given:
                if item[kind.name] != wanted and not kind.renames:
                    raise UsageError(
                        f"{source} names the {kind.title} '{item[kind.name]}', and this stack's is "
                        f"called '{wanted}': a {kind.title} can't be renamed. Name the one "
                        "that is called so, or leave the id out."
                    )
                return Existing(kind, given, item[kind.name], wanted, source)
        if given is not None:
            raise UsageError(
                f"{source} is {given}, and the account has no {kind.title} of that id. Correct it."
            )
        return None


def _get(url: str, client: Cloudflare) -> Any:
    return client.get(url, cast_to=object)


def _given_id(kind: Kind, context: StackContext) -> tuple[str | None, str]:
    variable = ID_VARIABLES.get((context.stack, kind.setting))
    if variable and (value := context.environment.get(variable)):
        return value.strip(), variable
    known: str | None = getattr(context.known_settings(kind.setting), to_snake(kind.setting))
    return (known, kind.setting) if known else (None, "")

"""Every name of a stack's resources, derived once from the stack's name."""

import hashlib
import re
from dataclasses import dataclass

_STACK = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,32}[a-z0-9])?")
_FURTHER = "_shard_"
_RESERVED = {"dev": "development", "preview": "development"}


class StackNameError(ValueError):
    """A stack name from which no lawful resource names follow."""


@dataclass(frozen=True)
class Names:
    """The names of one stack's resources in its Cloudflare account.

    >>> Names.of_stack("production").retry_queue
    'retry-queue'
    >>> Names.of_stack("pr-7").config_cache
    'CONFIG_CACHE-pr-7'
    """

    worker: str
    database: str
    config_cache: str
    retry_queue: str
    failed_queue: str

    @classmethod
    def of_stack(cls, stack: str) -> "Names":
        """Derive the names; raise StackNameError where they would be unlawful or ambiguous.

        A stack name has at most 34 characters, so that the preview host name
        `<8 digits>-notification-system-<stack>` stays a DNS label of at most 63.
        """
        if stack in _RESERVED:
            raise StackNameError(
                f"The stack cannot be called {stack!r}: its resources would take the names of "
                f"the stack {_RESERVED[stack]!r}. Choose another name."
            )
        if not _STACK.fullmatch(stack):
            raise StackNameError(
                f"The stack cannot be called {stack!r}: a name has 1 to 34 characters out of "
                "a-z, 0-9 and '-', and begins and ends with a letter or a digit, such as 'pr-7'."
            )
        suffix = {"production": "", "development": "-dev"}.get(stack, f"-{stack}")
        cache_suffix = "-preview" if stack == "development" else suffix
        return cls(
            worker=f"notification-system{suffix}",
            database=f"notification-system{suffix}",
            config_cache=f"CONFIG_CACHE{cache_suffix}",
            retry_queue=f"retry-queue{suffix}",
            failed_queue=f"failed-queue{suffix}",
        )

    def shards(self, count: int) -> tuple[str, ...]:
        """Return the names of `count` databases; the first one is `database`.

        No stack's name has an underscore, so that no other stack's database is called so.

        >>> Names.of_stack("pr").shards(2)
        ('notification-system-pr', 'notification-system-pr_shard_1')
        """
        more = (f"{self.database}{_FURTHER}{number}" for number in range(1, count))
        return (self.database, *more)

    @property
    def calls_dataset(self) -> str:
        """Return the data set in which the Worker counts what its callers were answered."""
        return calls_dataset(self.worker)

    def rate_limit_namespace(self, binding: str) -> str:
        """Return the number, in digits, that keeps one binding's counters apart in the account.

        Cloudflare takes any positive integer; it comes from the names, so that two stacks of one
        account never share counters.
        """
        digest = hashlib.sha256(f"{self.worker}/{binding}".encode()).digest()
        return str(int.from_bytes(digest[:4], "big") | 1)


def is_further_database(name: str) -> bool:
    """Whether a database is another one than its stack's first, by its name.

    >>> [is_further_database(name) for name in Names.of_stack("pr").shards(2)]
    [False, True]
    """
    return _FURTHER in name


def database_resource(shard: int) -> str:
    """Return what the program calls the resource of a database.

    >>> database_resource(0), database_resource(1)
    ('database', 'database-1')
    """
    return f"database-{shard}" if shard else "database"


def shard_of_resource(resource: str) -> int | None:
    """Return which database a resource is; None if it is none.

    >>> shard_of_resource("database"), shard_of_resource("database-1"), shard_of_resource("cache")
    (0, 1, None)
    """
    if resource == database_resource(0):
        return 0
    number = resource.removeprefix("database-")
    return int(number) if number.isdecimal() else None


def calls_dataset(worker: str) -> str:
    """Return the name of a Worker's data set of Analytics Engine: letters, digits, underscores.

    >>> calls_dataset("notification-system-dev")
    'notification_system_dev_calls'
    """
    return f"{worker.replace('-', '_')}_calls"

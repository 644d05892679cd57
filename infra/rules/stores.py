"""Rules for what holds data."""

from collections.abc import Iterator

from infra.rules.declaration import Breach, Stack
from infra.settings.values import is_loopback

STORES = ("D1Database", "WorkersKvNamespace", "Queue")


def real_stores_are_protected(stack: Stack) -> Iterator[Breach]:
    """Production's stores at Cloudflare can't be deleted or replaced: the engine refuses."""
    settings = stack.settings
    if settings.environment != "production" or is_loopback(settings.cloudflare_base_url):
        return
    for store in stack.of_type(*STORES):
        if not store.protect:
            yield Breach(
                store.name,
                "it holds production's data and isn't protected. Set protectStores to true.",
            )


def unprotected_data(stack: Stack) -> str | None:
    """Return a warning where staging's data at Cloudflare isn't protected; None where all is well.

    No breach: staging is made anew at will, and its owner decides. Development and the stacks of
    pull requests have nothing to lose.
    """
    settings = stack.settings
    if settings.environment != "staging" or is_loopback(settings.cloudflare_base_url):
        return None
    if all(store.protect for store in stack.of_type(*STORES)):
        return None
    return (
        "The stores of this staging stack aren't protected: a changed name or location replaces "
        "them, with the loss of their data. Set protectStores to true if it matters."
    )


def stores_keep_their_options(stack: Stack) -> Iterator[Breach]:
    """Refuse a database without replication set: the API refuses the next change of one."""
    for store in stack.of_type("D1Database"):
        if store.properties.get("read_replication") is None:
            yield Breach(store.name, "it doesn't say its read replication. Set its mode.")

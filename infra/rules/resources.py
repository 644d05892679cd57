"""Rules for what holds data, for queues and for addresses."""

from collections.abc import Iterator

from infra.names import shard_of_resource
from infra.rules.declaration import Breach, Declaration, Stack
from infra.settings import Settings
from infra.settings.values import is_loopback

STORES = ("D1Database", "WorkersKvNamespace", "Queue")


def real_stores_are_protected(stack: Stack) -> Iterator[Breach]:
    """Production's stores at Cloudflare can't be deleted or replaced: the engine refuses."""
    settings = stack.settings
    if settings.environment != "production" or is_loopback(settings.cloudflare_base_url):
        return
    for store in stack.of_type(*STORES):
        if not store.protect and not _is_being_emptied(store, settings):
            yield Breach(
                store.name,
                "it holds production's data and isn't protected. Set protectStores to true.",
            )


def _is_being_emptied(store: Declaration, settings: Settings) -> bool:
    """Whether a database is beyond those that the settings want, and a later update deletes it."""
    shard = shard_of_resource(store.name)
    return shard is not None and shard >= settings.shards


def unprotected_data(stack: Stack) -> str | None:
    """Return a warning where staging's data at Cloudflare isn't protected; None where all is well.

    No breach: staging is made anew at will, and its owner decides. Development and the stacks of
    pull requests have nothing to lose.
    """
    settings = stack.settings
    if settings.environment != "staging" or is_loopback(settings.cloudflare_base_url):
        return None
    stores = stack.of_type(*STORES)
    if all(store.protect or _is_being_emptied(store, settings) for store in stores):
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


def every_consumer_has_a_dead_letter_queue(stack: Stack) -> Iterator[Breach]:
    """Refuse a consumer whose given-up messages land nowhere.

    The consumer of the queue that others' dead letters go to is the end of the line, and has none.
    """
    consumers = stack.of_type("QueueConsumer")
    if len(consumers) > 1 and not any(c.properties.get("dead_letter_queue") for c in consumers):
        yield Breach("consumers", "none has a dead-letter queue. Name one queue for the others'.")
        return
    ends = [c for c in consumers if not c.properties.get("dead_letter_queue")]
    for consumer in ends[1:]:
        yield Breach(
            consumer.name,
            f"it has no dead-letter queue, and {ends[0].name} is the end of the line already: its "
            "given-up messages would be lost. Set deadLetterQueue.",
        )


def every_address_is_https(stack: Stack) -> Iterator[Breach]:
    """APIs, the service and what the Worker calls are reached by https, or on this machine."""
    settings = stack.settings
    addresses = [
        ("cloudflare:baseUrl", settings.cloudflare_base_url),
        ("github:baseUrl", settings.github_base_url),
        ("telegramApiUrl", settings.telegram_api_url),
        ("serviceUrl", settings.service_url or ""),
    ]
    for provider in stack.of_type("cloudflare", "github"):
        url = provider.properties.get("base_url")
        addresses.append((f"provider {provider.name}", url if isinstance(url, str) else ""))
    for version in stack.of_type("WorkerVersion"):
        for binding in version.properties.get("bindings") or ():
            text = getattr(binding, "text", None)
            if isinstance(text, str) and binding.type == "plain_text":
                addresses += [(f"binding {binding.name}", part) for part in text.split(",")]
    for where, url in addresses:
        if url.strip().lower().startswith("http://") and not is_loopback(url):
            yield Breach(where, f"{url} is sent in clear. Use https.")

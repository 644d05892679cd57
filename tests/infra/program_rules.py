"""Rules that every stack's registrations keep, as plain functions that return what breaks them."""

from collections.abc import Callable, Iterator

from tests.infra.registrations import Declared

STORES = ("database", "config-cache", "retry-queue", "failed-queue")

Rule = Callable[[Declared], Iterator[str]]


def worker_goes_before_its_stores(found: Declared) -> Iterator[str]:
    """A destroy deletes dependents first; a bound store can't go (10052)."""
    for store in STORES:
        if not found.depends_on("worker", store):
            yield f"the Worker doesn't depend on {store}"


def consumers_go_before_queues_and_worker(found: Declared) -> Iterator[str]:
    """A queue with a consumer can't go."""
    for consumer, queue in (("retry-consumer", "retry-queue"), ("failed-consumer", "failed-queue")):
        for other in (queue, "worker", "deployment"):
            if not found.depends_on(consumer, other):
                yield f"{consumer} doesn't depend on {other}"


def retry_consumer_has_a_dead_letter_queue(found: Declared) -> Iterator[str]:
    """A message that is given up has to land somewhere."""
    expected = found.one("failed-queue").inputs["queueName"]
    if found.one("retry-consumer").inputs.get("deadLetterQueue") != expected:
        yield "the retry consumer's dead letters go nowhere"


def migrations_stand_between_upload_and_deployment(found: Declared) -> Iterator[str]:
    """A failed upload or smoke test migrates nothing; a failed migration deploys nothing."""
    if not found.depends_on("smoke", "version"):
        yield "the smoke test doesn't wait for the upload"
    if not found.depends_on("migrations", "smoke"):
        yield "the migrations don't wait for the smoke test"
    if not found.depends_on("deployment", "migrations"):
        yield "the deployment doesn't wait for the migrations"


def read_replication_is_sent(found: Declared) -> Iterator[str]:
    """A null one is a 400 on the next change."""
    if found.one("database").inputs.get("readReplication") != {"mode": "disabled"}:
        yield "read_replication is not sent"


def bindings_are_sorted_and_secret(found: Declared) -> Iterator[str]:
    """Cloudflare answers bindings by name; and a secret among them encrypts them all."""
    version = found.one("version")
    names = [binding["name"] for binding in version.inputs["bindings"]]
    if names != sorted(set(names)):
        yield "the bindings are not sorted and unique"
    if "bindings" not in version.secret:
        yield "the bindings are stored in clear"


def secrets_are_no_plain_text(found: Declared) -> Iterator[str]:
    """What is called a key is a secret binding."""
    for binding in found.one("version").inputs["bindings"]:
        if "_KEY" in binding["name"] and binding["type"] != "secret_text":
            yield f"{binding['name']} is a plain binding"


def provider_is_explicit_and_has_no_token(found: Declared) -> Iterator[str]:
    """Credentials stay in the environment and out of the state."""
    if set(found.one("cloudflare").inputs) != {"baseUrl"}:
        yield "the provider has more than a base URL"
    for registration in found.registrations:
        if registration.type.startswith("cloudflare:") and not registration.provider:
            yield f"{registration.name} uses the default provider"


def children_have_their_component(found: Declared) -> Iterator[str]:
    """A renamed or reparented resource would be replaced."""
    parents = {"stores": 2, "queues": 2, "service": 2, "serving": 1, "triggers": 3}
    for name, count in parents.items():
        urn = found.one(name).urn
        if sum(r.parent == urn for r in found.registrations) != count:
            yield f"{name} hasn't {count} children"


def version_is_not_deployed_by_its_upload(found: Declared) -> Iterator[str]:
    """Traffic moves by the deployment alone."""
    if "deploy" in found.one("version").inputs:
        yield "the upload deploys the version"


RULES: tuple[Rule, ...] = (
    worker_goes_before_its_stores,
    consumers_go_before_queues_and_worker,
    retry_consumer_has_a_dead_letter_queue,
    migrations_stand_between_upload_and_deployment,
    read_replication_is_sent,
    bindings_are_sorted_and_secret,
    secrets_are_no_plain_text,
    provider_is_explicit_and_has_no_token,
    children_have_their_component,
    version_is_not_deployed_by_its_upload,
)

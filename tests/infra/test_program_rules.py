"""Every stack keeps every rule, and each rule finds the change that breaks it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.program import declare
from tests.infra import program_rules as rules
from tests.infra.registrations import Declared, Registration, declare_stack
from tests.infra.stack_inputs import stack_inputs

LOCAL = {"cloudflare:baseUrl": "http://127.0.0.1:1/client/v4", "rateLimitEnabled": False}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("stack", ["production", "staging", "local", "pr-7"])
def test_every_stack_keeps_every_rule(tmp_path: Path, stack: str, rule: rules.Rule) -> None:
    changes: dict[str, Any] = {"environment": stack if stack in ("staging",) else "development"}
    if stack == "production":
        changes = {}
    if stack == "local":
        changes |= LOCAL
    inputs = stack_inputs(tmp_path, stack, **changes)
    assert list(rule(declare_stack(lambda: declare(inputs), stack=stack))) == []


def edited(found: Declared, name: str, **changes: Any) -> Declared:
    """The run with one registration changed; `inputs` are laid over the old ones, None removes."""

    def change(registration: Registration) -> Registration:
        if registration.name != name:
            return registration
        inputs = {**registration.inputs, **changes.get("inputs", {})}
        kept = {k: v for k, v in inputs.items() if v is not None}
        return replace(registration, **{**changes, "inputs": kept})

    return replace(found, registrations=tuple(change(r) for r in found.registrations))


def without_dependency(found: Declared, name: str, on: str) -> Declared:
    urn = found.one(on).urn
    return edited(found, name, dependencies=found.one(name).dependencies - {urn})


def with_bindings(found: Declared, change: Callable[[list[Any]], list[Any]]) -> Declared:
    old = found.one("version").inputs["bindings"]
    return edited(found, "version", inputs={"bindings": change(list(old))})


MUTATIONS: list[tuple[rules.Rule, Callable[[Declared], Declared]]] = [
    (
        rules.worker_goes_before_its_stores,
        lambda found: without_dependency(found, "worker", "failed-queue"),
    ),
    (
        rules.consumers_go_before_queues_and_worker,
        lambda found: without_dependency(
            without_dependency(found, "failed-consumer", "releases"),
            "failed-consumer",
            "deployment",
        ),
    ),
    (
        rules.retry_consumer_has_a_dead_letter_queue,
        lambda found: edited(found, "retry-consumer", inputs={"deadLetterQueue": None}),
    ),
    (
        rules.migrations_stand_between_upload_and_deployment,
        lambda found: without_dependency(found, "deployment", "migrations"),
    ),
    (
        rules.migrations_stand_between_upload_and_deployment,
        lambda found: without_dependency(found, "migrations", "smoke"),
    ),
    (
        rules.migrations_stand_between_upload_and_deployment,
        lambda found: without_dependency(found, "smoke", "version"),
    ),
    (
        rules.read_replication_is_sent,
        lambda found: edited(found, "database", inputs={"readReplication": None}),
    ),
    (
        rules.bindings_are_sorted_and_secret,
        lambda found: with_bindings(found, lambda bindings: bindings[::-1]),
    ),
    (
        rules.bindings_are_sorted_and_secret,
        lambda found: edited(found, "version", secret=frozenset()),
    ),
    (
        rules.secrets_are_no_plain_text,
        lambda found: with_bindings(
            found, lambda bindings: [{**b, "type": "plain_text"} for b in bindings]
        ),
    ),
    (
        rules.provider_is_explicit_and_has_no_token,
        lambda found: edited(found, "cloudflare", inputs={"apiToken": "t"}),
    ),
    (
        rules.provider_is_explicit_and_has_no_token,
        lambda found: edited(found, "worker", provider=""),
    ),
    (
        rules.children_have_their_component,
        lambda found: edited(found, "retry-consumer", parent=""),
    ),
    (
        rules.version_is_not_deployed_by_its_upload,
        lambda found: edited(found, "version", inputs={"deploy": True}),
    ),
]


@pytest.mark.parametrize(
    ("rule", "mutate"), MUTATIONS, ids=[rule.__name__ for rule, _ in MUTATIONS]
)
def test_each_rule_finds_the_change_that_breaks_it(
    tmp_path: Path, rule: rules.Rule, mutate: Callable[[Declared], Declared]
) -> None:
    inputs = stack_inputs(tmp_path)
    found = declare_stack(lambda: declare(inputs), stack="production")
    assert list(rule(found)) == []
    assert list(rule(mutate(found))) != []


def test_no_rule_is_without_a_mutation() -> None:
    assert {rule for rule, _ in MUTATIONS} == set(rules.RULES)

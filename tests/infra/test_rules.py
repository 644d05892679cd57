"""Rules that hold in every preview: each is kept by the stacks and finds what breaks it."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_cloudflare as cloudflare
import pytest

from infra import program
from infra.inputs import Inputs
from infra.program import declare
from infra.rules import Declaration, Stack, check_rules, collect_declarations
from infra.rules.check import RULES
from infra.rules.resources import unprotected_data
from tests.infra.registrations import declare_stack
from tests.infra.stack_inputs import API_SECRET, stack_inputs

Binding = cloudflare.WorkerVersionBindingArgs
LOOPBACK = {"cloudflare:baseUrl": "http://127.0.0.1:1/client/v4"}


def collected(inputs: Inputs, stack: str = "production") -> Stack:
    """The stack as the rules see it."""
    found: list[Stack] = []

    def run() -> dict[str, Any]:
        with collect_declarations() as declarations:
            outputs = declare(inputs)
            declarations.check(lambda: None)
        found.append(Stack(inputs.settings, inputs.secrets, declarations))
        return dict(outputs)

    declare_stack(run, stack=stack)
    return found[0]


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Stack:
    """The production stack, declared once."""
    import asyncio

    asyncio.set_event_loop(asyncio.new_event_loop())
    folder = tmp_path_factory.mktemp("stack")
    return collected(stack_inputs(folder, protectStores="true", console="true"))


def breaches(stack: Stack) -> list[str]:
    return [f"{rule.__name__} {breach.resource}" for rule in RULES for breach in rule(stack)]


def changed(stack: Stack, name: str, **properties: Any) -> Stack:
    """The stack with some of one declaration's properties changed."""

    def change(found: Declaration) -> Declaration:
        if found.name != name:
            return found
        return replace(found, properties={**found.properties, **properties})

    return replace(stack, declarations=[change(found) for found in stack.declarations])


def with_binding(stack: Stack, **binding: Any) -> Stack:
    (version,) = stack.of_type("WorkerVersion")
    kept = [b for b in version.properties["bindings"] if b.name != binding["name"]]
    return changed(stack, "version", bindings=[*kept, Binding(**binding)])


def test_every_declaration_is_seen_and_production_keeps_every_rule(production: Stack) -> None:
    assert breaches(production) == []
    types = [found.type for found in production.declarations]
    assert len(types) >= 15
    assert {"D1Database", "Queue", "WorkersKvNamespace", "WorkerVersion"} <= set(types)
    (version,) = production.of_type("WorkerVersion")
    assert len(version.properties["bindings"]) == 36


@pytest.mark.requirement("PD-09", "T-7")
def test_productions_stores_at_cloudflare_are_protected(tmp_path: Path) -> None:
    stack = collected(stack_inputs(tmp_path))
    assert breaches(stack) == [
        f"real_stores_are_protected {name}"
        for name in ("database", "config-cache", "retry-queue", "failed-queue")
    ]
    local = collected(stack_inputs(tmp_path / "local", **LOOPBACK))
    assert breaches(local) == []


@pytest.mark.requirement("PD-09")
@pytest.mark.parametrize(
    ("environment", "changes", "is_told"),
    [
        ("staging", {}, True),
        ("staging", {"protectStores": "true"}, False),
        ("staging", LOOPBACK, False),
        ("development", {}, False),
        ("production", {"protectStores": "true"}, False),
    ],
)
def test_stagings_stores_may_be_unprotected_and_a_warning_says_so(
    tmp_path: Path, environment: str, changes: dict[str, str], is_told: bool
) -> None:
    inputs = stack_inputs(tmp_path, environment, environment=environment, **changes)
    stack = collected(inputs, environment)
    assert breaches(stack) == []
    assert unprotected_data(stack) == (
        "The stores of this staging stack aren't protected: a changed name or location replaces "
        "them, with the loss of their data. Set protectStores to true if it matters."
        if is_told
        else None
    )


def test_a_cron_that_never_fires_is_told_when_the_rules_are_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    crons = '["*/5 * * * *", "0 0 31 2 *"]'
    inputs = stack_inputs(tmp_path, "development", environment="development", crons=crons)
    check_rules(collected(inputs, "development"))
    assert len(told) == 1
    assert told[0].startswith("crons: '0 0 31 2 *' never fires")


@pytest.mark.requirement("PD-09")
def test_a_database_says_its_replication(production: Stack) -> None:
    broken = changed(production, "database", read_replication=None)
    assert breaches(broken) == ["stores_keep_their_options database"]


@pytest.mark.requirement("T-7", "S0-14")
def test_only_the_end_of_the_line_has_no_dead_letter_queue(production: Stack) -> None:
    broken = changed(production, "retry-consumer", dead_letter_queue=None)
    assert breaches(broken) == ["every_consumer_has_a_dead_letter_queue consumers"]
    third = Declaration("QueueConsumer", "third-consumer", {}, protect=False)
    more = replace(production, declarations=[*production.declarations, third])
    assert breaches(more) == ["every_consumer_has_a_dead_letter_queue third-consumer"]


@pytest.mark.requirement("T-7", "S0-114")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SESSION_SECRET", "x"),
        ("SMTP_PASSWORD", "x"),
        ("NOTE", API_SECRET),
        ("NOTE", f"key={API_SECRET}"),
        ("NOTE", "0123456789abcdef0123456789abcdef01234567"),
        ("NOTE", "aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3"),
    ],
)
def test_nothing_that_looks_secret_is_a_plain_binding(
    production: Stack, name: str, text: str
) -> None:
    broken = with_binding(production, name=name, type="plain_text", text=text)
    assert breaches(broken) == [f"nothing_secret_is_in_plain_text {name}"]


@pytest.mark.requirement("PD-08")
def test_a_secret_binding_without_pulumis_mark_is_found(production: Stack) -> None:
    broken = with_binding(production, name="API_SECRET_KEY", type="secret_text", text=API_SECRET)
    assert breaches(broken) == ["secrets_are_marked API_SECRET_KEY"]


@pytest.mark.requirement("T-7")
def test_an_address_without_https_is_found(production: Stack) -> None:
    url = "http://bots.example.com"
    settings = production.settings.model_copy(update={"telegram_api_url": url})
    assert breaches(replace(production, settings=settings)) == [
        "every_address_is_https telegramApiUrl"
    ]
    broken = with_binding(production, name="TELEGRAM_API_URL", type="plain_text", text=url)
    assert breaches(broken) == ["every_address_is_https binding TELEGRAM_API_URL"]


@pytest.mark.requirement("T-7")
@pytest.mark.parametrize(
    "text",
    [
        "http://a.example,https://b.example",
        "https://b.example, HTTP://a.example",
        "http://[::1,https://b.example",
    ],
)
def test_each_address_of_a_list_is_looked_at(production: Stack, text: str) -> None:
    broken = with_binding(production, name="ALLOWED_ORIGINS", type="plain_text", text=text)
    assert breaches(broken) == ["every_address_is_https binding ALLOWED_ORIGINS"]
    own = "http://127.0.0.1:8788,https://b.example,http://localhost"
    fine = with_binding(production, name="ALLOWED_ORIGINS", type="plain_text", text=own)
    assert breaches(fine) == []


def test_all_breaches_are_told_at_once(production: Stack) -> None:
    broken = changed(production, "database", read_replication=None)
    broken = with_binding(broken, name="SMTP_PASSWORD", type="plain_text", text="x")
    with pytest.raises(pulumi.RunError, match="2 rules are broken, and nothing was changed") as no:
        check_rules(broken)
    assert "1. database: " in str(no.value)
    assert "2. SMTP_PASSWORD: " in str(no.value)
    broken = changed(production, "database", read_replication=None)
    with pytest.raises(pulumi.RunError, match=r"^1 rule is broken, and nothing was changed"):
        check_rules(broken)


@pytest.mark.requirement("T-4")
def test_a_stack_that_breaks_a_rule_registers_no_resource(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.infra import registrations

    seen: list[str] = []
    original: Callable[..., Any] = registrations._Provider.new_resource

    def noted(self: Any, args: Any) -> Any:
        seen.append(args.name)
        return original(self, args)

    inputs = stack_inputs(tmp_path)
    monkeypatch.setattr(registrations._Provider, "new_resource", noted)
    monkeypatch.setattr(Inputs, "read", lambda: inputs)

    def run() -> dict[str, Any]:
        program.run()
        return {}

    with pytest.raises(pulumi.RunError, match="4 rules are broken"):
        declare_stack(run, stack="production")
    assert "database" not in seen
    assert "worker" not in seen


@pytest.mark.requirement("T-7", "S0-14")
def test_a_single_consumer_needs_no_dead_letter_queue(production: Stack) -> None:
    alone = replace(
        production,
        declarations=[
            found
            for found in production.declarations
            if not (found.type == "QueueConsumer" and found.properties.get("dead_letter_queue"))
        ],
    )
    assert len(alone.of_type("QueueConsumer")) == 1
    assert breaches(alone) == []


def test_an_unprotected_staging_stack_is_warned_of_and_breaks_no_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", told.append)
    check_rules(collected(stack_inputs(tmp_path, "staging", environment="staging"), "staging"))
    assert [text.partition(":")[0] for text in told] == [
        "The stores of this staging stack aren't protected"
    ]


@pytest.mark.requirement("T-7", "S0-114")
@pytest.mark.parametrize(
    "text",
    [
        "0123456789abcdef0123456789abcdef0123456",
        "aB3aB3aB3aB3aB3aB3aB3aB3aB3aB3a",
        "notification-system",
        "",
    ],
)
def test_a_text_that_is_shorter_or_plainer_than_a_secret_may_be_seen(
    production: Stack, text: str
) -> None:
    assert breaches(with_binding(production, name="NOTE", type="plain_text", text=text)) == []


def test_a_plain_binding_that_is_known_late_or_lies_in_json_is_found(production: Stack) -> None:
    late = pulumi.Output.from_input("x")
    for binding in (
        {"type": "plain_text", "text": late},
        {"type": "json", "text": API_SECRET},
        {"type": "json", "text": late},
    ):
        broken = with_binding(production, name="NOTE", **binding)
        assert breaches(broken) == ["nothing_secret_is_in_plain_text NOTE"]
    for name, type_ in (("SECRET_FINGERPRINTS", "plain_text"), ("A_KEY", "secret_text")):
        fine = with_binding(production, name=name, type=type_, text=pulumi.Output.secret("x"))
        assert breaches(fine) == []

"""The dynamic providers as an engine calls them: what is a change, what is kept, what is told."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from pulumi import dynamic

from infra.dynamic_providers import PROVIDER_KEY, PROVIDERS, provider
from infra.preconditions.claims import Claims
from infra.release_ledger.resource import ReleaseLedgerProvider
from infra.smoke import lifecycle as smoke_lifecycle
from infra.smoke.resource import SmokeProvider
from tests.infra.registrations import Declared
from tests.infra.stack_inputs import ACCOUNT

VERSION = "18f97339-c287-4872-9bdd-e2135c07ec12"
RELEASE = {"release": {"version_id": "v1", "commit": "c1"}, "serving": [{"version_id": "v1"}]}
CLAIMS: dict[str, Any] = {"worker": "notification-system", "take_over": [], "rolls_back": False}


@pytest.fixture(autouse=True)
def unlimited_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """`configure` cuts the traces of its process, which here is pytest's."""
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)


@pytest.mark.parametrize("name", [*PROVIDERS, "of-tomorrow"])
def test_what_a_provider_raises_is_told_without_its_trace(name: str) -> None:
    provider(name).configure(dynamic.ConfigureRequest(dynamic.Config({}, "notification-system")))
    assert sys.tracebacklimit == 0
    try:
        raise ValueError("one sentence")
    except ValueError:
        assert traceback.format_exc() == "ValueError: one sentence\n"


@pytest.mark.parametrize(("before", "after"), [("old", "new"), ("new", "old"), (None, "new")])
def test_another_pickle_is_a_change_whatever_it_is(before: str | None, after: str) -> None:
    ledger = provider("release_ledger")
    state = ledger.create({**RELEASE, PROVIDER_KEY: before}).outs or {}
    assert ledger.diff(
        "id", {**state, PROVIDER_KEY: before}, RELEASE | {PROVIDER_KEY: after}
    ).changes
    kept = ledger.update("id", {**state, PROVIDER_KEY: before}, RELEASE | {PROVIDER_KEY: after})
    assert kept.outs == state
    assert PROVIDER_KEY not in (kept.outs or {})
    same = ledger.diff("id", {**state, PROVIDER_KEY: after}, RELEASE | {PROVIDER_KEY: after})
    assert same.changes is False


def test_a_providers_name_leads_to_its_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke_lifecycle, "run", lambda given: {**given, "passed": ["boot"]})
    given = {"worker": "notifier", "version_id": VERSION}
    smoke = provider("smoke")
    checked = smoke.check({}, given)
    assert (checked.inputs, checked.failures) == (given, [])
    made = smoke.create(given)
    assert (made.id, made.outs) == ("notifier/smoke", {**given, "passed": ["boot"]})
    read = smoke.read("notifier/smoke", given)
    assert (read.id, read.outs) == ("notifier/smoke", given)


@pytest.mark.parametrize("other", ["00000000", "ffffffff"])
def test_a_version_is_smoked_once(monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    monkeypatch.setattr(smoke_lifecycle, "run", lambda given: {**given, "passed": ["boot"]})
    given = {"worker": "notifier", "version_id": VERSION}
    smoke = SmokeProvider()
    assert smoke.diff("id", given, {**given, "worker": "other"}).changes is False
    changed = {**given, "version_id": other}
    assert smoke.diff("id", given, changed).changes is True
    assert smoke.update("id", given, changed).outs == {**changed, "passed": ["boot"]}


def test_the_list_of_releases_grows_from_update_to_update() -> None:
    ledger = ReleaseLedgerProvider()
    made = ledger.create(RELEASE)
    assert made.id == "releases"
    first = made.outs or {}
    assert [one["version_id"] for one in first["releases"]] == ["v1"]
    assert ledger.diff("releases", first, RELEASE).changes is False
    following = {**RELEASE, "release": {"version_id": "v2", "commit": "c1"}}
    assert ledger.diff("releases", first, following).changes is True
    second = ledger.update("releases", first, following).outs or {}
    assert [one["version_id"] for one in second["releases"]] == ["v2", "v1"]
    read = ledger.read("releases", second)
    assert (read.id, read.outs) == ("releases", second)


@pytest.mark.parametrize("name", ["preconditions", "takeover"])
def test_claims_are_kept_by_the_workers_name(name: str) -> None:
    asking = provider(name)
    given = {**CLAIMS, PROVIDER_KEY: "pickle", "own_routes": ["a.example/*"]}
    made = asking.create(given)
    assert (made.id, made.outs) == (f"notification-system/{name}", CLAIMS)
    assert asking.diff("id", made.outs or {}, CLAIMS).changes is False
    for domain in ("a.example", "z.example"):
        known = {**CLAIMS, "custom_domain": "n.example"}
        assert asking.diff("id", known, {**known, "custom_domain": domain}).changes is True
    changed = {**CLAIMS, "rolls_back": True}
    code: Callable[..., Any] = asking._code().update  # the pickle's is another change
    assert code("id", CLAIMS, changed).outs == changed
    read = asking.read("id", changed)
    assert (read.id, read.outs) == ("id", changed)


def test_a_takeover_claims_addresses_alone(declared: Callable[..., Declared]) -> None:
    """A change of anything else would be a change of it, too."""
    address = {"customDomain": "n.example.com", "zoneId": "5" * 32, "workersDevSubdomain": "team"}
    found = declared(**address, takeOver='["n.example.com"]', crons='["0 1 * * *"]')
    claims = Claims.of_properties(found.one("takeover").inputs)
    assert claims == Claims(
        account_id=ACCOUNT,
        base_url="https://api.cloudflare.com/client/v4",
        worker="notification-system",
        queues=(),
        crons=(),
        subdomain=None,
        needs_subdomain=False,
        custom_domain="n.example.com",
        route_pattern=None,
        zone_id="5" * 32,
        take_over=("n.example.com",),
        rolls_back=False,
        own_routes=(),
    )
    asked = Claims.of_properties(found.one("preconditions").inputs)
    assert (asked.queues, asked.crons) == (("retry-queue", "failed-queue"), ("0 1 * * *",))
    assert (asked.subdomain, asked.needs_subdomain) == ("team", True)

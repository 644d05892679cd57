"""Who serves: this program's version, a part of the traffic, or a pinned version."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.infra.registrations import Declared
from tests.infra.stack_inputs import small_assets, small_bundle

OLD = "18f97339-c287-4872-9bdd-e2135c07ec12"
NEW = "version-id"
PIN = {"version": OLD, "insteadOf": small_bundle().sha256, "reason": "errors"}


def versions(found: Declared) -> list[dict[str, Any]]:
    deployment: dict[str, Any] = dict(found.one("deployment").inputs)
    listed: list[dict[str, Any]] = deployment["versions"]
    return listed


@pytest.mark.requirement("S0-108")
def test_a_part_of_the_traffic_goes_to_the_new_version_and_the_rest_to_its_base(
    declared: Callable[..., Declared],
) -> None:
    found = declared(traffic="10", trafficBase=OLD)
    assert versions(found) == [
        {"versionId": NEW, "percentage": 10},
        {"versionId": OLD, "percentage": 90},
    ]
    assert found.outputs["serving"] == [
        {"version_id": NEW, "percentage": 10},
        {"version_id": OLD, "percentage": 90},
    ]
    assert found.outputs["serving_version_id"] == OLD


def test_a_base_is_left_over_without_effect_at_a_hundred_percent(
    declared: Callable[..., Declared],
) -> None:
    found = declared(trafficBase=OLD)
    assert versions(found) == [{"versionId": NEW, "percentage": 100}]
    assert found.outputs["serving_version_id"] == NEW


@pytest.mark.parametrize("own", ["00000000", OLD, "ffffffff"])
def test_only_a_version_that_is_its_own_base_serves_everything(
    declared: Callable[..., Declared], monkeypatch: pytest.MonkeyPatch, own: str
) -> None:
    from tests.infra import registrations

    original = registrations._Provider.new_resource

    def named(self: Any, args: Any) -> tuple[str, dict[str, Any]]:
        identifier, outputs = original(self, args)
        return (own if args.name == "version" else identifier), outputs

    monkeypatch.setattr(registrations._Provider, "new_resource", named)
    shared = [{"versionId": own, "percentage": 10}, {"versionId": OLD, "percentage": 90}]
    alone = [{"versionId": OLD, "percentage": 100}]
    found = versions(declared(traffic="10", trafficBase=OLD))
    assert found == (alone if own == OLD else shared)


def test_a_pinned_version_serves_in_place_of_the_bad_bundle(
    declared: Callable[..., Declared],
) -> None:
    found = declared(pin=PIN)
    assert versions(found) == [{"versionId": OLD, "percentage": 100}]
    assert found.outputs["serving_version_id"] == OLD
    assert found.outputs["version_id"] == NEW


def test_a_pin_goes_before_a_part_of_the_traffic(declared: Callable[..., Declared]) -> None:
    found = declared(pin=PIN, traffic="10", trafficBase=OLD)
    assert versions(found) == [{"versionId": OLD, "percentage": 100}]


@pytest.mark.parametrize(
    ("console", "assets", "serving"),
    [
        (True, small_assets().sha256, OLD),
        (True, "0" * 64, NEW),
        (True, "f" * 64, NEW),
        (True, None, OLD),  # written before pins named assets
        (False, "a" * 64, OLD),  # switched off: no fix of anything
    ],
)
def test_a_pin_gives_way_to_another_console_as_well(
    declared: Callable[..., Declared], console: bool, assets: str | None, serving: str
) -> None:
    pin = {**PIN, **({"insteadOfAssets": assets} if assets else {})}
    found = declared(pin=pin, console=str(console).lower())
    assert versions(found) == [{"versionId": serving, "percentage": 100}]


@pytest.mark.parametrize("other", ["0" * 64, "f" * 64])
def test_a_pin_gives_way_to_any_other_bundle(declared: Callable[..., Declared], other: str) -> None:
    found = declared(pin={**PIN, "insteadOf": other})
    assert versions(found) == [{"versionId": NEW, "percentage": 100}]


def test_a_pin_adds_and_removes_no_resource(declared: Callable[..., Declared]) -> None:
    pinned, usual = declared(pin=PIN), declared()
    assert {r.urn for r in pinned.registrations} == {r.urn for r in usual.registrations}

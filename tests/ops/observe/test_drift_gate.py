"""A repair of drift deploys what is deployed, or nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.observe.drift.drift import Drift, DriftReport
from ops.observe.drift.finding import Finding, Repair, Unknown, Unmanaged
from ops.observe.drift.managed import Managed
from ops.stacks.console import Reporter
from ops.stacks.errors import GateClosed, OperationError, StackFailed
from tests.ops.contexts import context_of

RELEASE = {"bundle_sha256": "b1", "config_digest": "s1", "commit": "c" * 40}


class Deployer:
    """Notes what a repair asks of it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def refresh(self) -> None:
        self.done.append("refresh")

    def run(self, **_: Any) -> None:
        self.done.append("run")


def repaired(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    bundle: str = "b1",
    digest: str = "s1",
    release: dict[str, str] | None = None,
    repair: Repair = Repair.UPDATE,
) -> list[str]:
    """Return what a repair of one finding does, from a checkout with that bundle and settings."""
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    context = context_of(tmp_path, "dev")
    outputs = {"release": RELEASE if release is None else release}
    driver = SimpleNamespace(outputs=lambda **_: outputs, resources=list)
    place = "ops.observe.drift.drift"
    monkeypatch.setattr(f"{place}.choose_driver", lambda _: driver)
    monkeypatch.setattr(f"{place}.build_bundle", lambda *_: SimpleNamespace(sha256=bundle))
    monkeypatch.setattr(f"{place}._settings_digest", lambda _: digest)
    monkeypatch.setattr(Drift, "_cloudflare", lambda _: None)
    finding = Finding("domain", "domain", "there", "nothing", repair)
    deployer = Deployer()
    Drift(context).repair(DriftReport("dev", 1, (finding,)), deployer)  # type: ignore[arg-type]
    return deployer.done


def test_the_deployed_code_and_settings_are_deployed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert repaired(tmp_path, monkeypatch) == ["refresh", "run"]
    # A release of an earlier program told neither.
    assert repaired(tmp_path, monkeypatch, release={}) == ["refresh", "run"]
    # Settings that only Pulumi knows.
    assert repaired(tmp_path, monkeypatch, digest="") == ["refresh", "run"]


@pytest.mark.parametrize(
    ("differing", "words"),
    [
        ({"bundle": "b2"}, "the bundle of this checkout"),
        ({"digest": "s2"}, "the settings of this checkout"),
        ({"bundle": "b2", "digest": "s2"}, "the bundle and settings of this checkout"),
    ],
)
def test_other_code_or_settings_are_refused_before_anything_is_repaired(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, differing: dict[str, str], words: str
) -> None:
    with pytest.raises(GateClosed) as refused:
        repaired(tmp_path, monkeypatch, **differing)  # type: ignore[arg-type]
    assert words in str(refused.value)
    assert f"check out its commit {'c' * 12}" in str(refused.value)


MANAGED = {
    "urn": "urn:pulumi:dev::p::cloudflare:index/queue:Queue::retry",
    "type": "cloudflare:index/queue:Queue",
    "custom": True,
    "id": "q1",
    "inputs": {},
    "outputs": {},
}


@pytest.mark.parametrize("has_service", [True, False])
def test_a_probe_compares_every_resource_and_asks_the_service_where_there_is_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    has_service: bool,
) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    place = "ops.observe.drift.drift"
    outputs = {"service_url": "u"} if has_service else {}
    names = ("retry", "failed", "other")
    state = [{**MANAGED, "urn": f"{MANAGED['urn']}{name}", "id": name} for name in names]

    def shown(*, show_secrets: bool) -> dict[str, str]:
        assert show_secrets
        return outputs

    driver = SimpleNamespace(outputs=shown, resources=lambda: state)
    monkeypatch.setattr(f"{place}.choose_driver", lambda _: driver)
    finding = Finding("queue", "retry", "there", "nothing", Repair.UPDATE)
    secret = Finding("secrets", "worker", "this", "that", Repair.CALL)
    set_by_hand = Unmanaged("queue", "retry", "settings x")

    def findings(resource: Managed) -> list[Any]:
        if resource.id == "failed":
            raise OperationError("the API refused.")
        if resource.id == "other":
            raise KeyError("name")
        return [finding, set_by_hand]

    monkeypatch.setattr(Drift, "_cloudflare", SimpleNamespace(findings=findings))
    unasked = Unknown("secrets", "worker", "the service is away.")
    probe = SimpleNamespace(look=lambda: ([secret], [unasked]))
    monkeypatch.setattr(f"{place}.SecretsProbe", lambda _: probe)
    report = Drift(context_of(tmp_path, "dev", reporter=Reporter())).probe()
    unknown = [
        Unknown("Queue", "retryfailed", "the API refused."),
        Unknown("Queue", "retryother", "The API's answer has an unknown form. Try again."),
    ]
    assert report == DriftReport(
        "dev",
        3,
        (finding, secret) if has_service else (finding,),
        (*unknown, unasked) if has_service else tuple(unknown),
        (set_by_hand,),
    )
    counts = "2 differences, 3 unknown" if has_service else "1 differences, 2 unknown"
    assert f"Drift of the stack dev 3 resources, {counts} (" in capsys.readouterr().out

    state.clear()
    with pytest.raises(StackFailed, match="The stack 'dev' isn't deployed, so nothing can have"):
        Drift(context_of(tmp_path, "dev")).probe()


def test_each_call_of_a_repair_is_made_once_for_a_resource_and_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    place = "ops.observe.drift.drift"
    state = [{**MANAGED, "urn": f"{MANAGED['urn']}{name}", "id": name} for name in ("1", "2")]
    driver = SimpleNamespace(resources=lambda: state)
    monkeypatch.setattr(f"{place}.choose_driver", lambda _: driver)
    monkeypatch.setattr(Drift, "_cloudflare", None)
    made: list[tuple[str, str]] = []
    note = lambda _, finding, resource: made.append((finding.found, resource.id))  # noqa: E731
    monkeypatch.setattr(f"{place}.repair", note)
    calls = [
        Finding(kind, f"retry{name}", "wanted", found, Repair.CALL)
        for kind, name, found in [
            ("consumer settings", "1", "a"),
            ("consumer settings", "1", "b"),
            ("queue settings", "1", "c"),
            ("consumer settings", "2", "d"),
        ]
    ]
    by_hand = Finding("token", "retry1", "wanted", "x", Repair.NONE)
    deployer = Deployer()
    report = DriftReport("dev", 2, (*calls, by_hand))
    Drift(context_of(tmp_path, "dev")).repair(report, deployer)  # type: ignore[arg-type]
    assert made == [("b", "1"), ("c", "1"), ("d", "2")]
    assert deployer.done == []


def test_nothing_is_repaired_where_the_database_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {}\n")
    monkeypatch.setattr("ops.observe.drift.drift.choose_driver", lambda _: None)
    gone = Finding("database", "database", "there", "nothing", Repair.NONE)
    other = Finding("cron", "cron", "there", "nothing", Repair.CALL)
    deployer = Deployer()
    report = DriftReport("dev", 2, (other, gone))
    with pytest.raises(StackFailed, match="The database of 'dev' is gone, so nothing was repaired"):
        Drift(context_of(tmp_path, "dev")).repair(report, deployer)  # type: ignore[arg-type]
    assert deployer.done == []
    assert report.advice == report.by_hand
    assert report.by_hand.startswith("No repair restores a deleted database")

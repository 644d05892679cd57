"""A repair of drift deploys what is deployed, or nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.observe.drift.drift import Drift, DriftReport
from ops.observe.drift.finding import Finding, Repair
from ops.stacks.errors import GateClosed
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

"""What a state holds of the dynamic resources, loaded as `refresh` and `destroy` load it."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

import dill  # type: ignore[import-untyped]  # it ships no types
import pytest
from pulumi import dynamic
from pulumi.dynamic.dynamic import serialize_provider

from infra.dynamic_providers import PROVIDER_KEY, PROVIDERS, provider
from tests.altered_project import ROOT, AlteredProject
from tests.infra.resource_picture import full_stack
from tests.installation import Installation

STATES = {
    "migrations, first release": (
        "gASVNwAAAAAAAACMGWluZnJhLm1pZ3JhdGlvbnMucmVzb3VyY2WUjBJNaWdyYXRpb25zUHJvdmlkZXKUk5QpgZQu"
    ),
    "smoke, first release": (
        "gASVLQAAAAAAAACMFGluZnJhLnNtb2tlLnJlc291cmNllIwNU21va2VQcm92aWRlcpSTlCmBlC4="
    ),
    "release_ledger, first release": (
        "gASVPgAAAAAAAACMHWluZnJhLnJlbGVhc2VfbGVkZ2VyLnJlc291cmNllIwVUmVsZWFzZUxlZGdlclByb3ZpZGVy"
        "lJOUKYGULg=="
    ),
    "migrations, by name": (
        "gASVOQAAAAAAAACMF2luZnJhLmR5bmFtaWNfcHJvdmlkZXJzlIwIcHJvdmlkZXKUk5SMCm1pZ3JhdGlvbnOUhZRS"
        "lC4="
    ),
    "smoke, by name": (
        "gASVNAAAAAAAAACMF2luZnJhLmR5bmFtaWNfcHJvdmlkZXJzlIwIcHJvdmlkZXKUk5SMBXNtb2tllIWUUpQu"
    ),
    "release_ledger, by name": (
        "gASVPQAAAAAAAACMF2luZnJhLmR5bmFtaWNfcHJvdmlkZXJzlIwIcHJvdmlkZXKUk5SMDnJlbGVhc2VfbGVkZ2Vy"
        "lIWUUpQu"
    ),
    "preconditions, by name": (
        "gASVPAAAAAAAAACMF2luZnJhLmR5bmFtaWNfcHJvdmlkZXJzlIwIcHJvdmlkZXKUk5SMDXByZWNvbmRpdGlvbnOU"
        "hZRSlC4="
    ),
    "shards, by name": (
        "gASVNQAAAAAAAACMF2luZnJhLmR5bmFtaWNfcHJvdmlkZXJzlIwIcHJvdmlkZXKUk5SMBnNoYXJkc5SFlFKULg=="
    ),
    "takeover, by name": (
        "gASVNwAAAAAAAACMF2luZnJhLmR5bmFtaWNfcHJvdmlkZXJzlIwIcHJvdmlkZXKUk5SMCHRha2VvdmVylIWUUpQu"
    ),
}
"""``__provider`` as each release has written it. Entries are added and never changed."""


@pytest.fixture(autouse=True)
def unlimited_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """`configure` cuts the traces of its process, which here is pytest's."""
    monkeypatch.setattr(sys, "tracebacklimit", 1000, raising=False)


def loaded(pickled: str) -> dynamic.ResourceProvider:
    found: dynamic.ResourceProvider = dill.loads(base64.b64decode(pickled))  # noqa: S301 - the test's own bytes
    return found


@pytest.mark.parametrize("pickled", STATES.values(), ids=STATES)
def test_a_state_of_every_earlier_release_is_deleted_and_does_what_it_did(pickled: str) -> None:
    found = loaded(pickled)
    found.configure(dynamic.ConfigureRequest(dynamic.Config({}, "notification-system")))
    found.delete("id", {})
    same = {"version_id": "v1", "release": {"version_id": "v1"}, "serving": [], "level": 1}
    same["wanted"] = 2
    assert found.diff("id", {**same, "releases": [{"version_id": "v1", "serving": []}]}, same)


@pytest.mark.parametrize("name", PROVIDERS)
def test_what_is_written_today_is_what_the_list_of_states_has(name: str) -> None:
    assert serialize_provider(provider(name)) == STATES[f"{name}, by name"]


def test_each_dynamic_resource_of_the_program_is_held_by_its_permanent_name(
    tmp_path: Path,
) -> None:
    declared = full_stack(tmp_path, shards=2)
    held = {
        r.type: r.inputs[PROVIDER_KEY] for r in declared.registrations if PROVIDER_KEY in r.inputs
    }
    assert len(held) == len(PROVIDERS)
    for pickled in held.values():
        assert loaded(pickled).name in PROVIDERS  # type: ignore[attr-defined]  # a DynamicProvider


def test_a_provider_that_only_other_commits_know_is_kept_by_a_refresh_and_forgotten() -> None:
    found = loaded(serialize_provider(provider("of-tomorrow")))
    found.configure(dynamic.ConfigureRequest(dynamic.Config({}, "notification-system")))

    read = found.read("id", {"a": 1})
    assert (read.id, read.outs) == ("id", {"a": 1})
    found.delete("id", {"a": 1})
    for call in (
        lambda: found.check({}, {}),
        lambda: found.diff("id", {}, {}),
        lambda: found.create({}),
        lambda: found.update("id", {}, {}),
    ):
        with pytest.raises(ValueError, match="'of-tomorrow', which this commit doesn't know"):
            call()


def test_another_pickle_alone_is_written_anew_and_nothing_else_is_done() -> None:
    ledger = provider("release_ledger")
    new = {"release": {"version_id": "v1"}, "serving": [], PROVIDER_KEY: "new"}
    entry = {"version_id": "v1", "serving": [], "at": "2026-01-01T00:00:00Z"}
    old = {**new, "releases": [entry], PROVIDER_KEY: "old"}

    assert ledger.diff("id", old, new).changes is True
    assert (ledger.update("id", old, new).outs or {}) == {
        "release": new["release"],
        "serving": [],
        "releases": [entry],
    }
    assert ledger.diff("id", {**old, PROVIDER_KEY: "new"}, new).changes is False
    other = {**new, "release": {"version_id": "v2"}}
    assert len((ledger.update("id", old, other).outs or {})["releases"]) == 2


@pytest.fixture(scope="module")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A stack that a commit deployed in which a provider's package has another name."""
    folder = tmp_path_factory.mktemp("renamed")
    project = AlteredProject(folder / "project")
    (project.root / "infra" / "smoke").rename(project.root / "infra" / "boot_check")
    for path in (*project.root.glob("infra/**/*.py"), *project.root.glob("ops/**/*.py")):
        text = path.read_text()
        path.write_text(text.replace("infra.smoke", "infra.boot_check"))
    project.replace("infra/dynamic_providers.py", '"smoke": ', '"boot": "x:Y",\n    "smoke": ')
    project.replace("infra/boot_check/resource.py", 'provider("smoke")', 'provider("boot")')
    project.replace(
        "infra/dynamic_providers.py", '"x:Y"', '"infra.boot_check.resource:SmokeProvider"'
    )
    project.commit("A package has another name")
    built = Installation(folder / "installation", project=project.root)
    try:
        built.up()
        yield built
    finally:
        built.close()


@pytest.mark.soak
@pytest.mark.workerd
def test_a_pull_requests_stack_of_such_a_commit_is_swept_from_this_one(
    renamed: Installation,
) -> None:
    made, environment = renamed.project, dict(renamed.environment)
    renamed.ctl_json("pr", "up", "7", "--from", "local", "--skip-verify")
    renamed.project = ROOT
    renamed.environment["PYTHONPATH"] = str(ROOT)
    try:
        swept = renamed.ctl_json("pr", "sweep", "--from", "local", "--open", "8")
    finally:
        renamed.project, renamed.environment = made, environment
    assert (swept["removed"], swept["failed"]) == (["pr-7"], {})


@pytest.mark.workerd
def test_a_stack_of_a_commit_with_other_packages_is_refreshed_and_destroyed_from_this_one(
    renamed: Installation,
) -> None:
    renamed.project = ROOT
    renamed.environment["PYTHONPATH"] = str(ROOT)

    refreshed = renamed.ctl("refresh", "--stack", "local")
    assert refreshed.returncode == 0, refreshed.stderr
    destroyed = renamed.ctl("destroy", "--stack", "local", "--yes")
    assert destroyed.returncode == 0, destroyed.stderr
    assert "No module named" not in refreshed.stdout + destroyed.stdout

"""A rotation of keys step by step, with a file, a service and a deployment of the test's own."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic.alias_generators import to_snake

from infra.release import secret_fingerprint
from ops.access.keys.key_file import KeyFile
from ops.deploy import key_rotation as module
from ops.deploy.key_rotation import Rotation, RotationReport
from ops.stacks.errors import GateClosed, UsageError
from ops.stacks.local_stack import LocalStack
from tests.ops.contexts import context_of

SIGNING, ENCRYPTION = "apiSecretKey", "encryptKey"
OUTPUTS = {
    "service_url": "http://service", "api_secret_key": "key", "worker_name": "notify",
    "serving_version_id": "v2",
}  # fmt: skip


class File:
    """The settings file's keys, in clear."""

    def __init__(self, **values: str) -> None:
        self.values: dict[str, str] = values
        self.fingerprints: dict[str, str] = {}
        self.dates: Any = None

    def plain(self, key: str) -> str | None:
        return self.values.get(key)

    def read(self, key: str) -> str:
        return self.values[key]

    def copy(self, key: str, to: str) -> None:
        self.values[to] = self.values[key]

    def write(self, made: dict[str, str], dates: Any) -> None:
        self.values |= made
        self.dates = dates

    def remove(self, *keys: str) -> None:
        for key in keys:
            del self.values[key]


class World:
    """What a rotation works with."""

    def __init__(self, patch: pytest.MonkeyPatch, root: Path, *, is_local: bool = False) -> None:
        self.file = File(apiSecretKey="old-a", encryptKey="old-e")
        self.calls: list[Any] = []
        self.outputs: dict[str, Any] = dict(OUTPUTS)
        self.served: dict[str, str] | None = None
        self.trace: Any = SimpleNamespace(overlapping=(), retired=(), retired_at="")
        put = patch.setattr
        put(module, "Deployment", lambda _: self)
        put(module, "ServiceClient", self._service)
        put(module, "rewrap", self._rewrap)
        put(module, "RotationTrace", lambda *_: self.trace)
        put(module, "generate", lambda keys: {key: f"new of {key}" for key in keys})
        put(module, "record_of", lambda made, **_: {"dates of": sorted(made)})
        put(KeyFile, "of", lambda _: self.file)
        local = SimpleNamespace(config_file=root / "rendered.yaml", passphrase="p")
        put(LocalStack, "prepare", lambda _: local)
        url = "http://127.0.0.1:9/client/v4" if is_local else "https://api.cloudflare.com/client/v4"
        (root / "Pulumi.dev.yaml").write_text(f"config: {{cloudflare:baseUrl: '{url}'}}\n")
        self.rotation = Rotation(context_of(root, "dev", environment={}))

    def _local_file(self, *given: Any, **named: Any) -> File:
        self.calls.append((*given[1:], named["passphrase"]))
        return self.file

    def _service(self, url: str, key: str) -> Any:
        assert (url, key) == ("http://service", "key")
        return nullcontext(SimpleNamespace(secret_fingerprints=lambda: self.served))

    def _rewrap(self, *_: Any) -> int:
        self.calls.append("rewrap")
        return 7

    # The deployment.

    def run(self, outputs: Any = None, **how: Any) -> Any:
        self.calls.append(("deploy", how) if outputs is None else "verify")
        return SimpleNamespace(update=SimpleNamespace(outputs=self.outputs))

    def checks(self) -> World:
        return self

    def serve(self, *keys: str) -> None:
        """Let the service have the keys of the file, with their predecessors."""
        names = [name for key in keys for name in (key, f"{key}Previous")]
        self.served = {
            to_snake(name): secret_fingerprint(to_snake(name), self.file.values[name], "notify")
            for name in names
        }


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    found = World(monkeypatch, tmp_path)
    outputs = found.outputs
    deployment = SimpleNamespace(
        run=lambda **how: found.run(**how),
        outputs=lambda: outputs,
        checks=lambda: SimpleNamespace(run=lambda given: found.run(given)),
    )
    monkeypatch.setattr(found.rotation, "_deployment", deployment)
    monkeypatch.setattr(Rotation, "_key_file", lambda _: found.file)
    return found


OVERLAP = ("deploy", {"message": "Rotate keys: the old ones and the new ones hold", "verify": True})
RETIRED = ("deploy", {"message": "Rotate keys: the old ones are retired", "verify": True})


def test_new_keys_stand_beside_the_old_ones_and_what_is_stored_is_rewritten(world: World) -> None:
    report = world.rotation.begin([SIGNING, ENCRYPTION])
    assert world.file.values == {
        "apiSecretKey": "new of apiSecretKey",
        "encryptKey": "new of encryptKey",
        "apiSecretKeyPrevious": "old-a",
        "encryptKeyPrevious": "old-e",
    }
    assert world.file.dates == {"dates of": [SIGNING, ENCRYPTION]}
    assert world.calls == [OVERLAP, "rewrap"]
    assert report.document() == {
        "stack": "dev",
        "keys": [SIGNING, ENCRYPTION],
        "made": [SIGNING, ENCRYPTION],
        "stage": "overlap",
        "resealed": 7,
        "version_id": "v2",
        "retired_at": None,
    }


def test_a_signing_key_alone_rewrites_nothing(world: World) -> None:
    report = world.rotation.begin([SIGNING])
    assert world.calls == [OVERLAP]
    assert report.resealed == 0
    assert "encryptKeyPrevious" not in world.file.values


def test_a_rotation_that_is_under_way_makes_no_second_key(world: World) -> None:
    world.file.values |= {"apiSecretKey": "new-a", "apiSecretKeyPrevious": "old-a"}
    report = world.rotation.begin([SIGNING])
    assert report.made == ()
    assert world.file.values["apiSecretKey"] == "new-a"
    assert world.file.values["apiSecretKeyPrevious"] == "old-a"
    assert world.file.dates is None
    assert world.calls == [OVERLAP]


def test_a_copy_that_was_cut_off_gets_its_new_key(world: World) -> None:
    world.file.values["apiSecretKeyPrevious"] = "old-a"
    assert world.rotation.begin([SIGNING]).made == (SIGNING,)
    assert world.file.values["apiSecretKey"] == "new of apiSecretKey"
    assert world.file.values["apiSecretKeyPrevious"] == "old-a"


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([SIGNING, "adminApiKey"], "adminApiKey can't be rotated with an overlap"),
        ([SIGNING, ENCRYPTION], "encryptKey of 'dev' isn't set. Deploy first"),
    ],
)
def test_a_key_that_cannot_be_rotated_changes_nothing(
    world: World, keys: list[str], said: str
) -> None:
    del world.file.values["encryptKey"]
    with pytest.raises(UsageError, match=said):
        world.rotation.begin(keys)
    assert world.file.values == {"apiSecretKey": "old-a"}
    assert world.calls == []


@pytest.mark.parametrize("keys", [[SIGNING], [SIGNING, ENCRYPTION]])
def test_old_keys_go_once_both_serve(world: World, keys: list[str]) -> None:
    for key in keys:
        world.file.values[f"{key}Previous"] = f"older {key}"
    world.serve(*keys)
    report = world.rotation.finish(keys)
    assert set(world.file.values) == {SIGNING, ENCRYPTION}
    assert world.calls == [*(["rewrap"] if ENCRYPTION in keys else []), RETIRED]
    assert (report.stage, report.version_id) == ("retired", "v2")
    assert report.resealed == (7 if ENCRYPTION in keys else 0)


@pytest.mark.parametrize("lacking", ["api_secret_key", "api_secret_key_previous", None])
def test_new_keys_that_do_not_serve_keep_the_old_ones(world: World, lacking: str | None) -> None:
    world.file.values["apiSecretKeyPrevious"] = "older"
    world.serve(SIGNING)
    if lacking is None:
        world.served = None
    else:
        assert world.served is not None
        world.served[lacking] = "another"
    with pytest.raises(GateClosed, match="The new apiSecretKey of 'dev' are in the settings but"):
        world.rotation.finish([SIGNING])
    assert world.file.values["apiSecretKeyPrevious"] == "older"
    assert world.calls == []


def test_what_still_overlaps_is_deployed_again_without_the_old_keys(world: World) -> None:
    world.trace = SimpleNamespace(overlapping=(SIGNING,), retired=(), retired_at="")
    report = world.rotation.finish([SIGNING, ENCRYPTION])
    assert world.calls == [RETIRED]
    assert (report.resealed, report.version_id) == (0, "v2")


def test_a_retirement_that_was_cut_short_is_verified(world: World) -> None:
    world.trace = SimpleNamespace(overlapping=(), retired=(SIGNING,), retired_at="yesterday")
    report = world.rotation.finish([SIGNING, ENCRYPTION])
    assert world.calls == ["verify"]
    assert (report.keys, report.retired_at, report.version_id) == ((SIGNING,), "yesterday", "v2")


def test_what_was_never_begun_has_nothing_to_finish(world: World) -> None:
    with pytest.raises(UsageError, match="No rotation of apiSecretKey, encryptKey was begun on"):
        world.rotation.finish([SIGNING, ENCRYPTION])
    assert world.calls == []


@pytest.mark.parametrize("is_local", [True, False])
def test_a_local_stacks_keys_are_in_its_rendered_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_local: bool
) -> None:
    found = World(monkeypatch, tmp_path, is_local=is_local)
    monkeypatch.setattr(module, "KeyFile", KeyFile if not is_local else found._local_file)
    file: Any = found.rotation._key_file()
    assert file is found.file
    assert found.calls == ([("dev", "p")] if is_local else [])
    if is_local:
        config = (
            "{cloudflare:baseUrl: 'http://127.0.0.1:9/client/v4',"
            " notification-system:encryptKey: x}"
        )
        (tmp_path / "Pulumi.dev.yaml").write_text(f"config: {config}\n")
        rotation = Rotation(context_of(tmp_path, "dev", environment={}))
        with pytest.raises(UsageError, match="sets encryptKey itself"):
            rotation._key_file()


def test_a_report_has_no_secret() -> None:
    assert RotationReport("dev", [SIGNING], retired_at="x").document()["retired_at"] == "x"

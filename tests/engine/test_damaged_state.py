"""A damaged state is never taken for none, and its newest whole copy is named and put back."""

from __future__ import annotations

import copy
import gzip
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine import EmbeddedEngine
from engine.deployment_codec import DeploymentCodec
from engine.errors import EngineError, StateDamaged, StateUnreadable
from engine.file_backend import FileBackend
from engine.passphrase import PassphraseSecrets, new_encryption_salt
from engine.property_value import SECRET, SIGNATURE
from engine.stored_state import StoredState, put_back

WHOLE = json.dumps({"version": 3, "checkpoint": {"latest": {"resources": []}}})


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    """A stack that was deployed twice."""
    backend = FileBackend(tmp_path, project="p", stack="dev")
    backend.write(WHOLE)
    return backend


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    """Writes a file of the backend, each a second after the one before."""
    clock = iter(range(1_700_000_000, 1_700_001_000))

    def write(name: str, content: bytes) -> Path:
        file = tmp_path / ".pulumi" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        second = next(clock)
        os.utime(file, (second, second))
        return file

    return write


def damage_of(tmp_path: Path, stack: str = "dev") -> StateDamaged:
    with pytest.raises(StateDamaged) as found:
        StoredState(tmp_path / ".pulumi", project="p", stack=stack).require_whole()
    return found.value


@pytest.mark.parametrize("content", [b"", WHOLE[:20].encode(), b"\xff" + WHOLE.encode(), b"[]"])
def test_an_empty_cut_or_garbled_state_is_named_with_its_copy(
    backend: FileBackend, content: bytes
) -> None:
    backend.keep_backup()
    backend.stack_file.write_bytes(content)
    with pytest.raises(StateDamaged, match=r"dev\.json is damaged") as refused:
        backend.read()
    backup = backend.stack_file.with_name("dev.json.bak")
    assert f"The newest whole copy is {backup}." in str(refused.value)
    assert "'notifyctl recover --stack dev'" in str(refused.value)
    assert backend.stack_file.read_bytes() == content

    kept = put_back(refused.value)
    assert backend.read() == WHOLE
    assert kept.read_bytes() == content
    assert kept.name == "dev.json.damaged"


def test_a_state_that_may_not_be_read_is_not_called_damaged(
    backend: FileBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_bytes = Path.read_bytes

    def refused(file: Path) -> bytes:
        if file == backend.stack_file:
            raise PermissionError(13, "Permission denied")
        return read_bytes(file)

    monkeypatch.setattr(Path, "read_bytes", refused)
    backend.keep_backup()
    with pytest.raises(StateUnreadable, match=r"can't be read \(Permission denied\)") as told:
        backend.read()
    assert not isinstance(told.value, StateDamaged)


@pytest.mark.parametrize(
    "state",
    [
        {"version": 3},
        {"version": 3, "checkpoint": None},
        {"version": 3, "checkpoint": {"latest": "x"}},
        {"version": 3, "checkpoint": {"latest": {"resources": {}}}},
        {"version": 3, "checkpoint": {"latest": {"resources": ["x"]}}},
    ],
)
def test_a_file_that_is_no_checkpoint_is_named_by_all_that_reads_or_changes_it(
    tmp_path: Path, state: dict[str, Any]
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    (tmp_path / "state").mkdir()
    FileBackend(tmp_path / "state", project="p", stack="dev").write(json.dumps(state))
    engine = EmbeddedEngine(
        project_dir=tmp_path,
        backend_dir=tmp_path / "state",
        stack="dev",
        config_file=tmp_path / "Pulumi.dev.yaml",
        passphrase="x",
    )
    exported = {"version": 3, "deployment": {}}
    for call in (engine.export, engine.unprotect, lambda: engine.replace_state(exported)):
        with pytest.raises(StateUnreadable, match="dev is not a Pulumi checkpoint"):
            call()


@pytest.mark.parametrize("latest", [None, {}, {"resources": None}, {"resources": []}])
def test_a_checkpoint_without_resources_is_one(
    tmp_path: Path, latest: dict[str, Any] | None
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    backend = FileBackend(tmp_path, project="p", stack="dev")
    backend.write(json.dumps({"version": 3, "checkpoint": {"latest": latest}}))
    engine = EmbeddedEngine(
        project_dir=tmp_path,
        backend_dir=tmp_path,
        stack="dev",
        config_file=tmp_path / "Pulumi.dev.yaml",
        passphrase="x",
    )
    assert engine.unprotect() == 0
    assert engine.export() == {"version": 3, "deployment": latest or {}}


def test_the_newest_whole_copy_is_preferred_and_a_damaged_one_passed_over(
    tmp_path: Path, write: Callable[[str, bytes], Path]
) -> None:
    whole = WHOLE.encode()
    write("backups/p/dev/dev.17.json", whole)
    write("stacks/p/dev.json.bak", whole)
    newest = write("history/p/dev/dev-18.checkpoint.json", whole)
    write("history/p/dev/dev-18.checkpoint.json.attrs", whole)
    write("history/p/dev/dev-19.checkpoint.json", b"")
    write("history/p/dev/dev-19.history.json", whole)
    write("history/p/other/other-20.checkpoint.json", whole)
    write("backups/p/dev/other.21.json", whole)
    write("stacks/p/dev.json", b"")
    assert damage_of(tmp_path).copy == newest
    # In the middle of an update the copy of before the last write is the newest.
    backup = write("stacks/p/dev.json.bak", whole)
    assert damage_of(tmp_path).copy == backup
    backup.unlink()
    newest.unlink()
    assert damage_of(tmp_path).copy == tmp_path / ".pulumi/backups/p/dev/dev.17.json"


def test_a_compressed_checkpoint_is_judged_by_its_content(
    tmp_path: Path, write: Callable[[str, bytes], Path]
) -> None:
    packed = gzip.compress(WHOLE.encode())
    write("stacks/p/dev.json", b"")
    copy = write("stacks/p/dev.json.gz.bak", packed)
    file = write("stacks/p/dev.json.gz", packed)
    state = StoredState(tmp_path / ".pulumi", project="p", stack="dev")
    state.require_whole()
    for cut in (packed[: len(packed) // 2], gzip.compress(WHOLE.encode()[:-3])):
        write("stacks/p/dev.json.gz", cut)
        assert (damage_of(tmp_path).file, damage_of(tmp_path).copy) == (file, copy)
    # Python reads no Zstandard: the CLI judges it.
    write("stacks/p/dev.json.zst", b"\x28\xb5\x2f\xfd\0")
    state.require_whole()


def test_a_backend_from_before_projects_has_its_own_places(
    tmp_path: Path, write: Callable[[str, bytes], Path]
) -> None:
    file = write("stacks/dev.json", b"{")
    assert damage_of(tmp_path).copy is None
    copy = write("history/dev/dev-1.checkpoint.json", WHOLE.encode())
    damage = damage_of(tmp_path)
    assert (damage.file, damage.copy) == (file, copy)
    assert damage.lock_dir == tmp_path / ".pulumi/locks/dev"


def test_a_copy_that_is_not_there_is_never_named(backend: FileBackend) -> None:
    backend.stack_file.write_text("")
    with pytest.raises(StateDamaged, match="There is no whole copy of it") as refused:
        backend.read()
    with pytest.raises(EngineError, match="There is no whole copy of it"):
        put_back(refused.value)
    assert backend.stack_file.read_text() == ""


def test_the_stale_checksum_of_the_damaged_state_goes(backend: FileBackend) -> None:
    backend.keep_backup()
    backend.stack_file.write_text("")
    attributes = backend.stack_file.with_name("dev.json.attrs")
    attributes.write_text("{}")
    with pytest.raises(StateDamaged) as refused:
        backend.read()
    put_back(refused.value)
    assert not attributes.exists()


def test_a_stack_without_a_state_has_none(tmp_path: Path) -> None:
    assert FileBackend(tmp_path, project="p", stack="new").read() is None


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document below its root."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def test_a_state_with_anything_else_in_any_place_is_read_or_named() -> None:
    salt = new_encryption_salt("passphrase")
    secrets = PassphraseSecrets(salt, "passphrase")
    secret = {SIGNATURE: SECRET, "ciphertext": secrets.encrypt('"value"')}
    urn = "urn:pulumi:dev::p::cloudflare:index/kv:Kv::name"
    resource = {
        "urn": urn,
        "type": "cloudflare:index/kv:Kv",
        "custom": True,
        "id": "1",
        "inputs": {"a": secret, "b": [1]},
        "outputs": {"c": {"d": secret}},
        "protect": True,
        "provider": f"{urn}::1",
        "dependencies": [urn],
        "propertyDependencies": {"a": [urn]},
        "created": "2026-01-01T00:00:00Z",
        "customTimeouts": {"create": 1},
    }
    latest = {
        "secrets_providers": {"type": "passphrase", "state": {"salt": salt}},
        "resources": [resource],
        "pending_operations": [{"type": "creating", "resource": resource}],
    }
    whole = {"version": 3, "checkpoint": {"latest": latest}}
    others = [
        *(None, True, 0, 1.5, "", "x", [], [1], [None], {}, {"a": 1}, {"x": None}),
        *("v1:AAAA:AAAA", "v1:\xe9:AAAA", {SIGNATURE: SECRET}),
        {SIGNATURE: SECRET, "ciphertext": secrets.encrypt("no JSON")},
    ]
    refused = 0
    for path in places(whole):
        for other in others:
            document = copy.deepcopy(whole)
            inner: Any = document
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = other
            codec = DeploymentCodec("organization/p/dev", secrets)
            try:
                state = codec.decode(json.dumps(document))
            except EngineError:
                refused += 1
            else:
                codec.encode(state.resources, state.pending, time="t")
    assert refused > 100


def test_an_entry_of_the_history_is_written_as_the_real_cli_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.file_backend.time", SimpleNamespace(time_ns=lambda: 17))
    backend = FileBackend(tmp_path, project="p", stack="dev")
    backend.add_history({"kind": "update", "config": {}}, "{}")
    folder = tmp_path / ".pulumi" / "history" / "p" / "dev"
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        "dev-17.checkpoint.json": "{}",
        "dev-17.history.json": '{\n    "kind": "update",\n    "config": {}\n}',
    }
    assert backend.history_length() == 1

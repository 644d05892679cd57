from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra import SERVICE_VERSION
from ops.build.bundle import BundleBuilder, BundleModule, bundle_digest
from ops.stacks.errors import OperationError
from tests.installation import ROOT


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "src"
    (folder / "notification").mkdir(parents=True)
    (folder / "entry.py").write_text("import notification\n")
    (folder / "notification" / "__init__.py").write_text("")
    (folder / "notification" / "__pycache__").mkdir()
    (folder / "notification" / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"\0")
    return folder


@pytest.fixture
def vendored(tmp_path: Path) -> Path:
    folder = tmp_path / "python_modules"
    (folder / "workers").mkdir(parents=True)
    (folder / "workers" / "__init__.py").write_text("# the SDK\n")
    (folder / "workers_runtime_sdk-1.dist-info").mkdir()
    (folder / "workers_runtime_sdk-1.dist-info" / "RECORD").write_text(str(tmp_path))
    return folder


def snapshot(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.requirement("PD-14")
def test_building_twice_gives_the_same_bytes(sources: Path, vendored: Path, tmp_path: Path) -> None:
    builder = BundleBuilder(sources=sources, vendored=vendored)
    first = builder.build(tmp_path / "one" / "worker")
    os.utime(sources / "entry.py", (1, 1))
    second = builder.build(tmp_path / "elsewhere" / "worker")

    assert snapshot(first.folder) == snapshot(second.folder)
    assert first.sha256 == second.sha256


def test_a_bundle_holds_sources_and_sdk_and_no_path_of_the_machine(
    sources: Path, vendored: Path, tmp_path: Path
) -> None:
    built = BundleBuilder(sources=sources, vendored=vendored).build(tmp_path / "out" / "worker")

    files = snapshot(built.folder)
    assert sorted(files) == [
        "entry.py",
        "manifest.json",
        "notification/__init__.py",
        "python_modules/workers/__init__.py",
    ]
    assert str(tmp_path).encode() not in b"".join(files.values())


def test_the_manifest_names_every_module_with_its_hash(
    sources: Path, vendored: Path, tmp_path: Path
) -> None:
    built = BundleBuilder(sources=sources, vendored=vendored).build(tmp_path / "out" / "worker")

    manifest = json.loads((built.folder / "manifest.json").read_text())
    assert manifest["main_module"] == "entry.py"
    assert manifest["sha256"] == built.sha256
    assert [module["name"] for module in manifest["modules"]] == [
        "entry.py",
        "notification/__init__.py",
        "python_modules/workers/__init__.py",
    ]
    assert all(len(module["sha256"]) == 64 for module in manifest["modules"])


def test_each_kind_of_module_has_the_type_that_the_upload_expects() -> None:
    names = ("entry.py", "notification/bridge.js", "sql/0001.sql")
    types = [BundleModule(name, b"").content_type for name in names]
    assert types == ["text/x-python", "application/javascript+module", "application/octet-stream"]


def test_a_rebuild_leaves_no_stale_module(sources: Path, vendored: Path, tmp_path: Path) -> None:
    target = tmp_path / "out" / "worker"
    (sources / "old.py").write_text("")
    builder = BundleBuilder(sources=sources, vendored=vendored)
    builder.build(target)
    (sources / "old.py").unlink()
    builder.build(target)

    assert "old.py" not in snapshot(target)


def test_commands_that_build_at_once_leave_one_whole_bundle(
    sources: Path, vendored: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "worker"
    builder = BundleBuilder(sources=sources, vendored=vendored)
    for round_ in range(20):
        (sources / "entry.py").write_text(f"import notification  # {round_}\n")
        with ThreadPoolExecutor(8) as pool:
            under_way = [pool.submit(builder.build, target) for _ in range(8)]
            built = {future.result() for future in under_way}
        assert len(built) == 1
        assert f"# {round_}\n".encode() in snapshot(target)["entry.py"]
    assert [path.name for path in target.parent.iterdir() if path.is_dir()] == ["worker"]


def test_an_unchanged_bundle_is_not_taken_away_from_who_reads_it(
    sources: Path, vendored: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "worker"
    builder = BundleBuilder(sources=sources, vendored=vendored)
    builder.build(target)
    before = (target / "entry.py").stat().st_ino
    builder.build(target)

    assert (target / "entry.py").stat().st_ino == before


def test_a_changed_source_changes_the_hash(sources: Path, vendored: Path, tmp_path: Path) -> None:
    builder = BundleBuilder(sources=sources, vendored=vendored)
    before = builder.build(tmp_path / "out" / "worker").sha256
    (sources / "entry.py").write_text("import notification  # changed\n")

    assert builder.build(tmp_path / "out" / "worker").sha256 != before


def test_moving_bytes_between_a_name_and_a_content_changes_the_hash() -> None:
    one = (BundleModule(name="ab", content=b"c"),)
    other = (BundleModule(name="a", content=b"bc"),)

    assert bundle_digest(one) != bundle_digest(other)


def test_a_missing_main_module_is_said_by_its_path(vendored: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(OperationError, match=r"entry\.py is missing"):
        BundleBuilder(sources=empty, vendored=vendored).build(tmp_path / "out" / "worker")


def test_a_missing_sdk_is_said_with_the_command_that_installs_it(
    sources: Path, tmp_path: Path
) -> None:
    with pytest.raises(OperationError, match="make install"):
        BundleBuilder(sources=sources, vendored=tmp_path / "none").collect()


def test_the_bundle_holds_the_finished_api_document_and_not_what_builds_it() -> None:
    builder = BundleBuilder(sources=ROOT / "worker" / "src", vendored=ROOT / "build/python_modules")
    modules = {module.name: module.content.decode() for module in builder.collect()}

    written: dict[str, str] = {}
    exec(modules["notification/openapi_document.py"], written)  # noqa: S102 - our own module
    document = json.loads(written["DOCUMENT"])
    assert document["info"]["version"] == SERVICE_VERSION
    assert "/api/notifications/send" in document["paths"]
    assert not [name for name in modules if name.startswith("notification/openapi/")]


def write_document(sources: Path, text: str) -> None:
    """Have the sources give a document of their own, and count how often they are asked."""
    package = sources / "notification" / "openapi"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("")
    (package / "build.py").write_text(
        f"import pathlib\nprint({text!r}, end='')\n"
        f"with open({str(sources.parent / 'asked')!r}, 'a') as asked: asked.write('.')\n"
    )


def document(folder: Path) -> str:
    written: dict[str, str] = {}
    exec((folder / "notification/openapi_document.py").read_bytes(), written)  # noqa: S102 - ours
    return written["DOCUMENT"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "notification/openapi_document.py").write_text("DOCUMENT = 'x'"),
        lambda folder: (folder / "notification/openapi_document.py").unlink(),
        lambda folder: (folder / "manifest.json").write_text("{"),
        lambda folder: (folder / "manifest.json").write_text("[]"),
        lambda folder: (folder / "manifest.json").write_text('{"modules": [1]}'),
        lambda folder: (folder / "manifest.json").write_text('{"modules": []}'),
    ],
)
def test_the_api_document_is_made_once_for_the_same_sources(
    sources: Path, vendored: Path, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    builder = BundleBuilder(sources=sources, vendored=vendored)
    out, asked = tmp_path / "out" / "worker", tmp_path / "asked"
    write_document(sources, "one")
    first = snapshot(builder.build(out).folder)
    assert snapshot(builder.build(out).folder) == first
    assert (document(out), asked.read_text()) == ("one", ".")

    spoil(out)
    assert snapshot(builder.build(out).folder) == first
    assert asked.read_text() == ".."

    # A change anywhere in the sources, since the document imports them.
    (sources / "notification" / "other.py").write_text("A = 1\n")
    builder.build(out)
    assert asked.read_text() == "..."
    write_document(sources, "two")
    builder.build(out)
    assert (document(out), asked.read_text()) == ("two", "....")


def test_the_api_document_is_made_again_for_another_version_of_the_service(
    sources: Path, vendored: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = BundleBuilder(sources=sources, vendored=vendored)
    write_document(sources, "one")
    builder.build(tmp_path / "out" / "worker")
    monkeypatch.setattr("ops.build.bundle.SERVICE_VERSION", "99.0.0")
    builder.build(tmp_path / "out" / "worker")
    assert (tmp_path / "asked").read_text() == ".."


def test_sources_that_cant_be_imported_are_refused_with_the_reason(
    sources: Path, vendored: Path
) -> None:
    (sources / "notification" / "openapi").mkdir()
    (sources / "notification" / "openapi" / "__init__.py").write_text("")
    (sources / "notification" / "openapi" / "build.py").write_text("import nothing_like_it\n")

    with pytest.raises(OperationError) as refused:
        BundleBuilder(sources=sources, vendored=vendored).collect()

    assert "No module named 'nothing_like_it'" in str(refused.value)
    assert "Correct the sources and try again." in str(refused.value)

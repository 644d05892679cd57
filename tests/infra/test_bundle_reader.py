"""The bundle is read only where it is exactly what its manifest says."""

import hashlib
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from infra.bundle import Bundle, BundleError, Module, bundle_sha256
from ops.build.bundle import BundleBuilder


def written(folder: Path, change: Callable[[dict[str, Any]], None] | None = None) -> Path:
    """A small valid bundle; `change` edits its manifest."""
    contents = {"notification/a.py": b"a = 1\n", "entry.py": b"import notification\n"}
    modules = [
        {
            "name": name,
            "content_type": "text/x-python",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size": len(content),
        }
        for name, content in contents.items()
    ]
    sha = bundle_sha256([Module(n, "text/x-python", c) for n, c in contents.items()])
    manifest = {"main_module": "entry.py", "sha256": sha, "modules": modules}
    if change is not None:
        change(manifest)
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def change_module(manifest: dict[str, Any], **change: Any) -> None:
    (entry,) = [module for module in manifest["modules"] if module["name"] == "entry.py"]
    entry.update(change)


def test_a_whole_bundle_is_read_sorted_by_name(tmp_path: Path) -> None:
    bundle = Bundle.read(written(tmp_path), Path())
    assert [module.name for module in bundle.modules] == ["entry.py", "notification/a.py"]
    assert bundle.main_module == "entry.py"
    assert bundle.modules[1].content_base64 == "YSA9IDEK"


def test_what_notifyctl_builds_is_read_with_the_same_hash(tmp_path: Path) -> None:
    for folder in ("src/notification", "vendored/workers"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/entry.py").write_text("x = 1\n", encoding="utf-8")
    (tmp_path / "src/notification/__init__.py").write_text("", encoding="utf-8")
    (tmp_path / "vendored/workers/__init__.py").write_text("y = 1\n", encoding="utf-8")
    builder = BundleBuilder(sources=tmp_path / "src", vendored=tmp_path / "vendored")
    built = builder.build(tmp_path / "dist" / "worker")
    bundle = Bundle.read(tmp_path, Path("dist", "worker"))
    assert bundle.sha256 == built.sha256
    assert len(bundle.modules) == built.modules == 3


def test_a_missing_bundle_says_how_to_build_it(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no Worker bundle .* `notifyctl bundle`"):
        Bundle.read(tmp_path, Path("worker"))


def test_a_changed_module_is_named(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "notification/a.py").write_bytes(b"a = 2\n")
    with pytest.raises(BundleError, match=r"notification/a\.py was changed after the build"):
        Bundle.read(tmp_path, Path())


def test_a_lost_module_and_an_extra_one_are_named(tmp_path: Path) -> None:
    written(tmp_path)
    for name in ("more.py", "extra.py", "other.py"):
        (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(BundleError, match=r"has extra\.py"):
        Bundle.read(tmp_path, Path())
    (tmp_path / "notification/a.py").unlink()
    with pytest.raises(BundleError, match=r"lacks notification/a\.py"):
        Bundle.read(tmp_path, Path())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: m.update(sha256="0" * 64), "hash is not its manifest's"),
        (lambda m: m.update(sha256="f" * 64), "hash is not its manifest's"),
        *(
            (partial(change_module, **change), "entry.py was changed after the build")
            for change in ({"size": 19}, {"size": 21}, {"sha256": "0" * 64}, {"sha256": "f" * 64})
        ),
        (lambda m: m.update(main_module="other.py"), "main module"),
        (lambda m: m["modules"].append(m["modules"][0]), "twice"),
        (lambda m: m["modules"][0].update(name="../outside.py"), "damaged"),
        (lambda m: m["modules"][0].update(name="/etc/passwd"), "damaged"),
        (lambda m: m.pop("modules"), "damaged"),
    ],
)
def test_a_manifest_that_is_not_true_is_refused(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    with pytest.raises(BundleError, match=words):
        Bundle.read(written(tmp_path, change), Path())


def test_a_manifest_of_other_bytes_than_utf_8_is_damaged(tmp_path: Path) -> None:
    root = written(tmp_path)
    (root / "manifest.json").write_bytes(b'{"main_module": "\xff"}')
    with pytest.raises(BundleError, match="damaged"):
        Bundle.read(root, Path())


def test_the_hash_tells_a_name_from_a_content() -> None:
    def sha(*pairs: tuple[str, bytes]) -> str:
        return bundle_sha256([Module(name, "", content) for name, content in pairs])

    assert sha(("a", b"bc")) != sha(("ab", b"c"))
    assert sha(("a", b"1"), ("b", b"2")) == sha(("b", b"2"), ("a", b"1"))

"""Bundles of modules on disk."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localcloud.bundle_store import BundleStore, Module, UnsafeName, check_name

MODULES = [Module("a/b.py", "text/x-python", b"1"), Module("entry.py", "text/x-python", b"2")]


def test_uploads_of_the_same_modules_at_once_are_one_bundle(tmp_path: Path) -> None:
    modules = [Module(f"m{at}.py", "text/x-python", b"x" * at) for at in range(200)]
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: BundleStore(tmp_path).put(modules), range(8)))
    [bundle] = found
    assert BundleStore(tmp_path).get(bundle) == modules
    assert sorted(path.name for path in tmp_path.iterdir()) == [bundle, f"{bundle}.modules.json"]


def test_a_bundle_that_a_kill_left_without_its_index_is_written_again(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    bundle = store.put(MODULES)
    (tmp_path / f"{bundle}.modules.json").unlink()
    (tmp_path / bundle / "entry.py").unlink()
    assert store.put(MODULES) == bundle
    assert store.get(bundle) == MODULES


def test_name_type_and_content_make_the_hash_and_the_order_does_not(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    first, second = MODULES
    changed = [
        [first],
        [first, Module("entry.py", "text/plain", b"2")],
        [first, Module("entry.py", "text/x-python", b"3")],
        [first, Module("entryp.y", "text/x-python", b"2")],
    ]
    hashes = {store.put(modules) for modules in (MODULES, *changed)}
    assert len(hashes) == 5
    assert store.put([second, first]) in hashes


def test_bundles_that_nobody_uses_and_what_is_half_written_go(tmp_path: Path) -> None:
    store = BundleStore(tmp_path)
    kept, other = store.put(MODULES), store.put(MODULES[:1])
    (tmp_path / f"{kept}.123.new").mkdir()
    store.keep_only([kept])
    assert sorted(path.name for path in tmp_path.iterdir()) == [kept, f"{kept}.modules.json"]
    assert store.content_types(kept) == {"a/b.py": "text/x-python", "entry.py": "text/x-python"}
    assert other not in {kept}


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "/a",
        "../a",
        "a/../b",
        "a//b",
        "./a",
        "a\\b",
        "a\nb",
        "a" * 256,
        "a/" + "\u20ac" * 86,
    ],
)
def test_a_name_that_is_no_plain_relative_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeName):
        BundleStore(tmp_path).put([Module(name, "text/plain", b"")])
    assert list(tmp_path.iterdir()) == []


def test_a_module_is_no_folder_of_another(tmp_path: Path) -> None:
    modules = [Module("a", "text/plain", b""), Module("a/b/c", "text/plain", b"")]
    with pytest.raises(UnsafeName, match="'a' is a folder as well"):
        BundleStore(tmp_path).put(modules)
    store = BundleStore(tmp_path)
    assert store.put([Module("a" * 255, "text/plain", b""), Module("a/b", "text/plain", b"")])


PART = "p" * 255


@pytest.mark.parametrize(
    "name", ["a", "a/b-c.py", PART, "\u00fc" * 127 + "p", f"{PART}/{PART}", f"{PART}/{PART[1:]}/a"]
)
def test_a_plain_relative_path_of_at_most_512_characters_is_a_modules_name(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["/a", f"{PART}/{PART}/a", "\u00fc" * 128])
def test_any_other_name_is_shown_in_eighty_characters(name: str) -> None:
    with pytest.raises(UnsafeName) as refused:
        check_name(name)
    assert str(refused.value) == f"Module name {name[:80]!r} isn't a plain relative path."

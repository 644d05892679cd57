"""The console's assets: hashed names, one consistent set, nothing stale, nothing from elsewhere."""

import json
import re
import shutil
from functools import partial
from pathlib import Path

import pytest

from infra.assets import Assets, AssetsError
from ops.build.assets import AssetBuilder
from ops.build.console_sources import console_sources
from ops.stacks.errors import OperationError

CONSOLE = console_sources(Path(__file__).parents[3])
WHERE = Path("dist", "assets")
LINKS = re.compile(r'(?:src|href)="([^"]+)"')


def build(root: Path, *, sources: Path = CONSOLE, base_path: str = "/") -> Path:
    folder = root / WHERE
    AssetBuilder(sources=sources, base_path=base_path).build(folder)
    return folder


def copied(root: Path) -> Path:
    sources = root / "console"
    shutil.copytree(CONSOLE, sources)
    return sources


@pytest.mark.requirement("S4-20")
def test_every_file_that_the_page_names_is_there_under_its_contents_hash(tmp_path: Path) -> None:
    folder = build(tmp_path)
    named = [link for link in LINKS.findall((folder / "index.html").read_text()) if link[0] != "/"]
    assert len(named) == 3
    for name in named:
        assert (folder / name).is_file()
        assert re.fullmatch(r"assets/[a-z]+\.[0-9a-f]{12}\.(css|js|svg)", name)
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert files == {"index.html", *named}


@pytest.mark.requirement("S4-23")
def test_a_changed_script_changes_its_name_and_the_page(tmp_path: Path) -> None:
    sources = copied(tmp_path)
    before = {p.name for p in build(tmp_path, sources=sources).rglob("*.js")}
    page = (tmp_path / WHERE / "index.html").read_bytes()
    with (sources / "console.js").open("a") as script:
        script.write("// changed\n")
    folder = build(tmp_path, sources=sources)
    after = {p.name for p in folder.rglob("*.js")}
    assert len(after) == 1
    assert not before & after
    assert (folder / "index.html").read_bytes() != page


@pytest.mark.requirement("S4-23")
def test_the_page_is_never_cached_and_hashed_files_never_change(tmp_path: Path) -> None:
    build(tmp_path, base_path="/ops/console")
    headers = Assets.read(tmp_path, WHERE, base_path="/ops/console").headers
    rules = dict(re.findall(r"^(/\S*)\n((?:  .+\n)+)", headers, re.MULTILINE))
    assert rules["/ops/console/"] == "  Cache-Control: no-store\n"
    assert rules["/ops/console/index.html"] == "  Cache-Control: no-store\n"
    assert "immutable" in rules["/ops/console/assets/*"]
    assert "Cache-Control" not in rules["/*"]
    assert "default-src 'none'" in rules["/*"]


@pytest.mark.requirement("S4-16")
def test_output_folder_and_base_path_can_be_chosen(tmp_path: Path) -> None:
    folder = tmp_path / "elsewhere" / "out"
    AssetBuilder(sources=CONSOLE, base_path="/console").build(folder)
    assert (folder / "console" / "index.html").is_file()
    assert len(list((folder / "console" / "assets").iterdir())) == 3
    manifest = json.loads((tmp_path / "elsewhere" / "out.json").read_text())
    assert all(name.startswith("/console/") for name in manifest["files"])


@pytest.mark.requirement("S4-17")
def test_a_stale_file_is_gone_after_a_build(tmp_path: Path) -> None:
    folder = build(tmp_path)
    (folder / "assets" / "old.js").write_text("stale")
    (folder / "empty").mkdir()
    build(tmp_path)
    assert not (folder / "assets" / "old.js").exists()
    Assets.read(tmp_path, WHERE, base_path="/")


def test_the_same_sources_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    build(first)
    build(second)
    for path in sorted((first / "dist").rglob("*")):
        if path.is_file():
            assert path.read_bytes() == (second / path.relative_to(first)).read_bytes()


def test_an_unchanged_build_leaves_the_files_alone(tmp_path: Path) -> None:
    folder = build(tmp_path)
    inode = (folder / "index.html").stat().st_ino
    build(tmp_path)
    assert (folder / "index.html").stat().st_ino == inode


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ('<script src="https://cdn.example/x.js"></script>', "https://cdn.example/x.js"),
        ('<script src="//cdn.example/x.js"></script>', "//cdn.example/x.js"),
        ('<link rel="stylesheet" href="missing.css">', "missing.css"),
        ("<script>alert(1)</script>", "inline script or style"),
        ('<p style="color: red">', "inline script or style"),
        ('<p onclick="x()">', "inline script or style"),
    ],
)
def test_a_page_that_loads_from_elsewhere_or_inline_is_refused(
    tmp_path: Path, markup: str, words: str
) -> None:
    sources = copied(tmp_path)
    with (sources / "index.html").open("a") as page:
        page.write(markup)
    with pytest.raises(OperationError, match=re.escape(words)):
        build(tmp_path, sources=sources)


def change_manifest(folder: Path, **change: object) -> None:
    path = folder.with_suffix(".json")
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))


def change_page(folder: Path, **change: object) -> None:
    files = json.loads(folder.with_suffix(".json").read_text())["files"]
    files["/index.html"].update(change)
    change_manifest(folder, files=files)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: shutil.rmtree(f.parent), "no built assets in dist/assets"),
        (lambda f: (f / "index.html").write_text("x"), "index.html was changed after the build"),
        (lambda f: (f / "extra.txt").write_text("x"), "an extra file /extra.txt"),
        (lambda f: (f / "index.html").unlink(), "no file /index.html"),
        (
            lambda f: [(f / name).write_text("x") for name in ("zz.txt", "aa.txt", "mm.txt")],
            "There is an extra file /aa.txt in dist/assets",
        ),
        (lambda f: f.with_suffix(".json").write_text("{}"), "is damaged"),
        (lambda f: f.with_suffix(".headers").write_text("/*"), "headers was changed"),
        (lambda f: f.with_suffix(".headers").unlink(), "headers was changed"),
        (lambda f: f.with_suffix(".headers").write_text(" "), "headers was changed"),
        (lambda f: f.with_suffix(".headers").write_text("~"), "headers was changed"),
        *(
            (partial(change_manifest, sha256=digest * 64), "hash is not their manifest's")
            for digest in "0f"
        ),
        *(
            (partial(change_page, **change), "index.html was changed after the build")
            for change in ({"size": 1}, {"size": 10**6}, {"sha256": "0" * 64}, {"sha256": "f" * 64})
        ),
    ],
)
def test_assets_that_are_not_what_was_built_are_refused(
    tmp_path: Path, spoil: object, words: str
) -> None:
    assert callable(spoil)
    spoil(build(tmp_path))
    with pytest.raises(AssetsError, match=words) as caught:
        Assets.read(tmp_path, WHERE, base_path="/")
    assert "notifyctl bundle" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "is_read"),
    [
        ("/" + "a" * 499, True),
        ("/" + "a" * 500, False),
        ("/a/b-c_d.e", True),
        ("a", False),
        ("/a/../b", False),
        ("/.hidden", False),
    ],
)
def test_only_plain_paths_of_at_most_five_hundred_characters_are_assets(
    tmp_path: Path, name: str, is_read: bool
) -> None:
    folder = build(tmp_path)
    files = json.loads(folder.with_suffix(".json").read_text())["files"]
    change_manifest(folder, files={**files, name: files["/index.html"]})
    # A path that may be one is looked for, and isn't there.
    with pytest.raises(AssetsError, match=f"no file {name} in" if is_read else "is damaged"):
        Assets.read(tmp_path, WHERE, base_path="/")


def test_assets_for_another_base_path_are_refused(tmp_path: Path) -> None:
    build(tmp_path)
    for other in ("/console", "/a", ""):
        with pytest.raises(AssetsError, match=f"--base-path {other}`"):
            Assets.read(tmp_path, WHERE, base_path=other)


def test_the_hash_is_the_one_that_the_provider_computes(tmp_path: Path) -> None:
    # Go encodes the map with sorted keys and no white space.
    import hashlib

    sources = tmp_path / "console"
    sources.mkdir()
    (sources / "index.html").write_text("<!doctype html>\n")
    folder = build(tmp_path, sources=sources)
    digest = hashlib.sha256(b"<!doctype html>\n").hexdigest()[:32]
    text = f'{{"/index.html":{{"hash":"{digest}","size":16}}}}'
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert json.loads(folder.with_suffix(".json").read_text())["sha256"] == expected
    assert Assets.read(tmp_path, WHERE, base_path="/").sha256 == expected


@pytest.mark.parametrize("stale", [b"", b"!", b"~~~"])
def test_what_lies_beside_the_folder_is_written_where_it_differs(
    tmp_path: Path, stale: bytes
) -> None:
    folder = build(tmp_path)
    beside = [path for path in folder.parent.iterdir() if path.is_file() and path.suffix != ".lock"]
    built = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in beside}
    assert len(built) == 2
    build(tmp_path)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in built} == built
    for path in built:
        path.write_bytes(stale)
    build(tmp_path)
    assert {path: path.read_bytes() for path in built} == {
        path: content for path, (content, _) in built.items()
    }

"""Compiling the console: the same bytes from the same sources, and nothing done twice."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from notification.channels.registry import CHANNELS
from notification.configuration.masking import mask_config
from ops.build.bundle import api_document
from ops.build.console_sources import console_sources
from ops.build.console_types import (
    CLIENT_CHANNELS,
    CONFIGURATIONS,
    TYPES,
    generate_client_channels,
    generate_configurations,
    generate_types,
)
from ops.stacks.errors import OperationError

ROOT = Path(__file__).parents[3]
MAX_PAGE_BYTES = 120_000
"""What the page and everything it loads may weigh, compressed: its promise in docs/console.md."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the console's sources and the installed packages, and nothing compiled."""
    return made(tmp_path / "checkout")


def made(root: Path) -> Path:
    shutil.copytree(ROOT / "console", root / "console")
    (root / "node_modules").symlink_to(ROOT / "node_modules")
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.requirement("S4-20")
def test_two_checkouts_compile_to_the_same_bytes_under_the_same_name(
    checkout: Path, tmp_path: Path
) -> None:
    other = made(tmp_path / "another" / "folder")
    first, second = console_sources(checkout), console_sources(other)
    assert first.name == second.name
    assert contents(first) == contents(second)
    assert set(contents(first)) == {"index.html", "console.js", "console.css", "icon.svg"}


def test_an_unchanged_console_is_not_compiled_again(checkout: Path) -> None:
    compiled = console_sources(checkout)
    inode = (compiled / "console.js").stat().st_ino
    assert console_sources(checkout) == compiled
    assert (compiled / "console.js").stat().st_ino == inode


@pytest.mark.requirement("S4-18")
def test_a_changed_source_is_compiled(checkout: Path) -> None:
    before = contents(console_sources(checkout))
    page = checkout / "console" / "public" / "index.html"
    page.write_text(page.read_text().replace("<title>", "<title>Changed "))
    (checkout / "console" / "src" / "console.css").open("a").write(".changed { color: red; }\n")
    after = contents(console_sources(checkout))
    assert b"<title>Changed" in after["index.html"]
    assert b".changed" in after["console.css"]
    assert after["console.js"] == before["console.js"]


def test_sources_that_do_not_compile_are_refused_with_the_compilers_reason(
    checkout: Path,
) -> None:
    (checkout / "console" / "src" / "main.tsx").open("a").write("\nconst = 1;\n")
    with pytest.raises(
        OperationError, match=r"The console doesn't compile: (?s:.*)main\.tsx"
    ) as no:
        console_sources(checkout)
    assert "    at " not in str(no.value)  # the compiler's own stack
    assert [p.name for p in (checkout / "build" / "console").iterdir()] == [".lock"]


def test_without_the_compiler_the_way_to_install_it_is_told(checkout: Path) -> None:
    (checkout / "node_modules").unlink()
    with pytest.raises(OperationError, match="make install"):
        console_sources(checkout)


def test_a_release_from_before_the_compiler_is_built_from_its_own_folder(tmp_path: Path) -> None:
    earlier = tmp_path / "worker" / "console"
    earlier.mkdir(parents=True)
    (earlier / "index.html").write_text("<!doctype html>\n")
    assert console_sources(tmp_path) == earlier


def test_a_checkout_without_a_console_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(OperationError, match="console is missing"):
        console_sources(tmp_path)


@pytest.mark.requirement("C-9")
def test_the_page_and_all_that_it_loads_stay_light() -> None:
    sizes = {name: len(gzip.compress(c)) for name, c in contents(console_sources(ROOT)).items()}
    assert sum(sizes.values()) <= MAX_PAGE_BYTES, sizes


@pytest.mark.requirement("C-9")
def test_the_types_of_console_and_client_are_those_of_the_services_document() -> None:
    document = json.loads(api_document(ROOT / "worker" / "src"))
    expected = {
        TYPES: generate_types(ROOT, document),
        CONFIGURATIONS: generate_configurations(document),
        CLIENT_CHANNELS: generate_client_channels(document),
    }
    stale = [path for path, text in expected.items() if (ROOT / path).read_text() != text]
    assert stale == [], "run `make types`"


def test_the_form_of_a_configuration_hides_what_answers_mask() -> None:
    document = json.loads(api_document(ROOT / "worker" / "src"))
    text = generate_configurations(document)
    channels = json.loads(text[text.index("{") : text.rindex("}") + 1])
    assert channels.keys() == CHANNELS.keys()
    for channel, schema in channels.items():
        hidden = {n for n, field in schema["properties"].items() if field.get("format")}
        named = dict.fromkeys(schema["properties"], "a secret of some length")
        masked = {name for name, value in mask_config(named).items() if value != named[name]}
        assert hidden == masked, channel


def test_the_consoles_sources_agree_with_their_types() -> None:
    checked = subprocess.run(
        ["node", "node_modules/typescript/bin/tsc", "-p", "console"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert checked.returncode == 0, checked.stdout

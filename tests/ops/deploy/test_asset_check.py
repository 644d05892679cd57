from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.build.assets import AssetBuilder
from ops.build.console_sources import console_sources
from ops.deploy.asset_check import AssetCheck
from ops.stacks.console import Reporter
from ops.stacks.errors import ServiceError, VerificationFailed

ROOT = Path(__file__).resolve().parents[3]


class Site:
    """Serves built assets the way the edge does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def call(self, _: str, path: str) -> httpx.Response:
        name = f"{path}index.html" if path.endswith("/") else path
        file = self.folder / name.lstrip("/")
        if not file.is_file():
            return httpx.Response(404)
        return httpx.Response(200, content=file.read_bytes())


@pytest.mark.requirement("S4-19")
@pytest.mark.parametrize("base_path", ["/", "/console"])
def test_the_consoles_files_are_compared_to_the_byte(tmp_path: Path, base_path: str) -> None:
    folder = tmp_path / "assets"
    sources = console_sources(ROOT)
    built = AssetBuilder(sources=sources, base_path=base_path).build(folder)
    site: Any = Site(folder)
    check = AssetCheck(site, base_path=base_path, reporter=Reporter(quiet=True))

    assert check.run(built.sha256).passed is True
    assert check.run("").passed is None

    script = next(folder.rglob("*.js"))
    script.write_bytes(script.read_bytes() + b"\n")
    with pytest.raises(VerificationFailed, match="the digest of its"):
        check.run(built.sha256)
    script.unlink()
    with pytest.raises(VerificationFailed, match="answered with 404"):
        check.run(built.sha256)


def test_a_page_that_gives_no_answer_fails_the_check() -> None:
    class Hanging:
        def call(self, _: str, path: str) -> httpx.Response:
            raise ServiceError(f"the service didn't answer GET {path} in time.", unanswered=True)

    site: Any = Hanging()
    with pytest.raises(VerificationFailed, match="didn't answer GET / in time") as failed:
        AssetCheck(site, base_path="/", reporter=Reporter(quiet=True)).run("a" * 64)
    assert failed.value.check == "assets"


def test_a_file_that_the_page_names_twice_is_fetched_once(tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "a.js").write_text("1")
    (tmp_path / "index.html").write_text(
        '<link href="assets/a.js"><script src="assets/a.js"></script><a href="/elsewhere">'
    )
    asked: list[str] = []

    class Counting(Site):
        def call(self, _: str, path: str) -> httpx.Response:
            asked.append(path)
            return super().call(_, path)

    site: Any = Counting(tmp_path)
    with pytest.raises(VerificationFailed, match="its 2 files"):
        AssetCheck(site, base_path="/", reporter=Reporter(quiet=True)).run("a" * 64)
    assert asked == ["/", "/assets/a.js"]

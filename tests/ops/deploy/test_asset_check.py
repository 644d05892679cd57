from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from ops.build.assets import AssetBuilder
from ops.build.console_sources import console_sources
from ops.deploy.asset_check import AssetCheck
from ops.stacks.console import Reporter
from ops.stacks.errors import VerificationFailed

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

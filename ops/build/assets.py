"""Builds the console's static assets: hashed file names, and one page that names them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.assets import HEADERS_SUFFIX, MANIFEST_SUFFIX
from ops.build.built_folder import BuiltFolder
from ops.stacks.errors import OperationError

PAGE = "index.html"
HASHED_FOLDER = "assets"
"""Folder of the hashed files, below the base path."""

_REFERENCE = re.compile(r"\b(?P<attribute>src|href)=\"(?P<target>[^\"]*)\"")
_INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\bon[a-z]+=|\bstyle=|javascript:", re.I)
_HASH_DIGITS = 12

_HEADERS = """\
/*
  Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; \
img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
  Cross-Origin-Opener-Policy: same-origin
  Referrer-Policy: no-referrer
  X-Content-Type-Options: nosniff
  X-Frame-Options: DENY
{base}/
  Cache-Control: no-store
{base}/index.html
  Cache-Control: no-store
{base}/assets/*
  Cache-Control: public, max-age=31536000, immutable
"""
"""No rule for Cache-Control overlaps another: Cloudflare would join both values."""


@dataclass(frozen=True)
class BuiltAssets:
    """Assets on disk.

    Attributes:
        folder: the folder that is uploaded as it is. Beside it lie its manifest, `.json`, and the
            rules for its headers, `.headers`.
        sha256: hex digest over paths, hashes and sizes, as Cloudflare's provider computes it.
        files: number of files.
        size: sum of the files' sizes, in bytes.
    """

    folder: Path
    sha256: str
    files: int
    size: int


class AssetBuilder:
    """Builds the page and what it refers to.

    Args:
        sources: folder with ``index.html`` and the files that it names, as
            ``ops.build.console_sources`` compiled them.
        base_path: path under which they are served, ``/`` or such as ``/console``.
    """

    def __init__(self, *, sources: Path, base_path: str = "/") -> None:
        self._sources = sources
        self._base_path = base_path

    def build(self, folder: Path) -> BuiltAssets:
        """Write the assets to ``folder``; whatever was there before is gone.

        Raises:
            OperationError: the page is missing, names a file that isn't there or lies elsewhere,
                or has a script or style of its own, which the page's policy would stop.
        """
        prefix = self._base_path.strip("/")
        files = {f"{prefix}/{name}".lstrip("/"): body for name, body in self._collect().items()}
        manifest = self._manifest(files)
        built = BuiltAssets(
            folder,
            str(manifest["sha256"]),
            len(files),
            sum(len(content) for content in files.values()),
        )
        text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
        BuiltFolder(folder, files).write()
        for suffix, content in (
            (MANIFEST_SUFFIX, text),
            (HEADERS_SUFFIX, str(manifest["headers"])),
        ):
            beside = folder.with_suffix(suffix)
            if not beside.is_file() or beside.read_bytes() != content.encode():
                beside.write_bytes(content.encode())
        return built

    def _collect(self) -> Mapping[str, bytes]:
        """Return the page, with hashed names in it, and the files under those names."""
        page = self._sources / PAGE
        if not page.is_file():
            raise OperationError(f"{page} is missing: it is the console's page. Restore it.")
        html = page.read_text(encoding="utf-8")
        if found := _INLINE.search(html):
            raise OperationError(
                f"{page.name} has an inline script or style ({found[0]}…), which its own policy "
                "stops. Put it into a file."
            )
        files: dict[str, bytes] = {}

        def hashed(match: re.Match[str]) -> str:
            target = match["target"]
            if target.startswith(("/", "#")) and not target.startswith("//"):
                return match[0]
            path = self._sources / target
            if "/" in target or not path.is_file():
                raise OperationError(
                    f"{page.name} refers to {target}, which is no file beside it. The page loads "
                    "nothing from elsewhere: add the file, or remove the reference."
                )
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:_HASH_DIGITS]
            name = f"{HASHED_FOLDER}/{path.stem}.{digest}{path.suffix}"
            files[name] = content
            return f'{match["attribute"]}="{name}"'

        return {PAGE: _REFERENCE.sub(hashed, html).encode(), **files}

    def _manifest(self, files: Mapping[str, bytes]) -> dict[str, object]:
        entries = {
            f"/{name}": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
            for name, content in files.items()
        }
        uploaded = {
            name: {"hash": str(entry["sha256"])[:32], "size": entry["size"]}
            for name, entry in entries.items()
        }
        text = json.dumps(uploaded, sort_keys=True, separators=(",", ":"))
        return {
            "base_path": self._base_path,
            "files": entries,
            "headers": _HEADERS.replace("{base}", self._base_path.rstrip("/")),
            "sha256": hashlib.sha256(text.encode()).hexdigest(),
        }

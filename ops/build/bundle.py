"""Builds the Worker's bundle: one folder of modules, the same bytes whenever the sources are."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra import SERVICE_VERSION
from ops.build.built_folder import BuiltFolder
from ops.stacks.errors import OperationError

MAIN_MODULE = "entry.py"
VENDOR_PREFIX = "python_modules"
CONTENT_TYPES = {".py": "text/x-python", ".js": "application/javascript+module"}
DATA_CONTENT_TYPE = "application/octet-stream"
SKIPPED_FOLDERS = frozenset({"__pycache__", "bin", "tests"})
API_PACKAGE = "notification/openapi"
"""The sources' package that builds the OpenAPI document; it stays out of the bundle."""
API_DOCUMENT = "notification/openapi_document.py"
"""The module that holds the finished document; the Worker serves its text."""


@dataclass(frozen=True)
class BundleModule:
    """One file of the bundle: its name with forward slashes, and its content."""

    name: str
    content: bytes

    @property
    def content_type(self) -> str:
        """MIME type that Cloudflare's upload expects for the file."""
        return CONTENT_TYPES.get(Path(self.name).suffix, DATA_CONTENT_TYPE)


@dataclass(frozen=True)
class BuiltBundle:
    """A bundle on disk.

    Attributes:
        folder: the folder that holds ``manifest.json`` and every module.
        sha256: hex digest over the modules' names and contents.
        modules: number of modules.
        size: sum of the modules' sizes, in bytes.
    """

    folder: Path
    sha256: str
    modules: int
    size: int


class BundleBuilder:
    """Collects the Worker's sources and the vendored SDK.

    Args:
        sources: folder with ``entry.py`` and the package ``notification`` (``worker/src``).
        vendored: folder that pip installed ``worker/requirements.txt`` into.
    """

    def __init__(self, *, sources: Path, vendored: Path) -> None:
        self._sources = sources
        self._vendored = vendored

    def build(self, folder: Path) -> BuiltBundle:
        """Write the bundle to ``folder``; what was there before is replaced as a whole.

        Raises:
            OperationError: a source folder or the main module is missing, or another command
                keeps writing the folder.
        """
        sources = _files(self._sources, prefix="")
        made_of = _document_made_of(sources)
        modules = self._modules(sources, _document_before(folder, made_of))
        digest = bundle_digest(modules)
        manifest = {
            "main_module": MAIN_MODULE,
            "sha256": digest,
            "document_made_of": made_of,
            "modules": [
                {
                    "name": module.name,
                    "content_type": module.content_type,
                    "sha256": hashlib.sha256(module.content).hexdigest(),
                    "size": len(module.content),
                }
                for module in modules
            ],
        }
        text = json.dumps(manifest, indent=2, sort_keys=True) + "\n"
        contents = {module.name: module.content for module in modules}
        BuiltFolder(folder, {**contents, "manifest.json": text.encode()}).write()
        size = sum(len(module.content) for module in modules)
        return BuiltBundle(folder=folder, sha256=digest, modules=len(modules), size=size)

    def collect(self) -> tuple[BundleModule, ...]:
        """Return every module of the bundle, sorted by name.

        Raises:
            OperationError: a source folder or the main module is missing, or the sources can't be
                imported.
        """
        return self._modules(_files(self._sources, prefix=""), None)

    def _modules(
        self, sources: Sequence[BundleModule], document: BundleModule | None
    ) -> tuple[BundleModule, ...]:
        if not self._vendored.is_dir():
            raise OperationError(
                f"The Worker SDK isn't installed in {self._vendored}. Run 'make install'."
            )
        own = [module for module in sources if not module.name.startswith(f"{API_PACKAGE}/")]
        modules = [*own, *_files(self._vendored, prefix=VENDOR_PREFIX)]
        if (self._sources / API_PACKAGE / "build.py").is_file():
            modules.append(document or _document_module(self._sources))
        modules.sort(key=lambda module: module.name)
        if not any(module.name == MAIN_MODULE for module in modules):
            raise OperationError(
                f"{self._sources / MAIN_MODULE} is missing: it is the module that the runtime "
                "starts. Restore it and try again."
            )
        return tuple(modules)


def _document_made_of(sources: Iterable[BundleModule]) -> str:
    """Return the hex SHA-256 of all that the OpenAPI document is made of."""
    service = BundleModule(name="version", content=SERVICE_VERSION.encode())
    return bundle_digest((service, *sources))


def _document_before(folder: Path, made_of: str) -> BundleModule | None:
    """Return the document of an earlier bundle, if it was made of the same: most of a build."""
    try:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        known = {module["name"]: module["sha256"] for module in manifest["modules"]}
        content = (folder / API_DOCUMENT).read_bytes()
        same = manifest["document_made_of"] == made_of
        if same and known[API_DOCUMENT] == hashlib.sha256(content).hexdigest():
            return BundleModule(name=API_DOCUMENT, content=content)
    except (OSError, ValueError, TypeError, LookupError):
        pass  # none was built, not by this version, or it is being replaced right now
    return None


def bundle_digest(modules: Iterable[BundleModule]) -> str:
    """Return the hex SHA-256 over names and contents.

    Each name and each content goes in with its length before it, so that no two bundles share a
    digest by moving bytes between a name and a content.
    """
    digest = hashlib.sha256()
    for module in modules:
        for part in (module.name.encode(), module.content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def api_document(sources: Path) -> str:
    """Return the OpenAPI document of the Worker's sources, as JSON.

    It is built in a process of its own, since these sources must be imported afresh.

    Raises:
        OperationError: the sources don't give one.
    """
    done = subprocess.run(
        [sys.executable, "-B", "-m", "notification.openapi.build", SERVICE_VERSION],
        env={**os.environ, "PYTHONPATH": str(sources)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise OperationError(
            f"The OpenAPI document can't be built from {sources}: {reason}. "
            "Correct the sources and try again."
        )
    return done.stdout


def _document_module(sources: Path) -> BundleModule:
    document = api_document(sources)
    text = f'"""The OpenAPI document of this version."""\n\nDOCUMENT = {document!a}\n'
    return BundleModule(name=API_DOCUMENT, content=text.encode())


def _files(folder: Path, *, prefix: str) -> list[BundleModule]:
    found = []
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if not path.is_file() or path.suffix in {".pyc", ".pyi"} or path.name == "py.typed":
            continue
        if any(_is_skipped(part) for part in relative.parts[:-1]):
            continue
        name = f"{prefix}/{relative.as_posix()}" if prefix else relative.as_posix()
        found.append(BundleModule(name=name, content=path.read_bytes()))
    return found


def _is_skipped(folder_name: str) -> bool:
    return folder_name in SKIPPED_FOLDERS or folder_name.endswith((".dist-info", ".egg-info"))

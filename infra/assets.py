"""The console's static assets, as `notifyctl bundle` left them in dist/assets."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from infra.bundle import Sha256

MANIFEST_SUFFIX = ".json"
"""The manifest lies beside the folder: everything inside the folder is uploaded and served."""

HEADERS_SUFFIX = ".headers"
"""The rules for the assets' headers lie there too, as the file that becomes a module."""

_REBUILD = "Build them with `notifyctl bundle` (or `make bundle`)."

AssetPath = Annotated[
    str, StringConstraints(pattern=r"^(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$", max_length=500)
]


class AssetsError(Exception):
    """The assets are missing, or are not what their manifest says."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    sha256: Sha256
    size: int


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base_path: str
    sha256: Sha256
    files: dict[AssetPath, _Entry]
    headers: str


@dataclass(frozen=True)
class Assets:
    """The files that one version serves; `directory` is relative to the project's folder.

    `sha256` is over the manifest as the provider uploads it, so it equals the provider's
    `assetManifestSha256`. `headers` is the text of the module `_headers`, and `headers_file` the
    file with that text, relative as `directory` is.
    """

    directory: Path
    base_path: str
    sha256: str
    files: Mapping[str, str]
    headers: str

    @property
    def headers_file(self) -> Path:
        """Return where the text of `headers` lies."""
        return self.directory.with_suffix(HEADERS_SUFFIX)

    @classmethod
    def read(cls, root: Path, relative: Path, *, base_path: str) -> "Assets":
        """Read and verify the assets in the folder `relative` to the project's `root`.

        Raise AssetsError where a file is missing, changed or extra, or where they were built for
        another base path than the stack's.
        """
        directory, where = root / relative, relative.as_posix()
        try:
            text = directory.with_suffix(MANIFEST_SUFFIX).read_bytes()
        except OSError:
            raise AssetsError(f"There are no built assets in {where}. {_REBUILD}") from None
        try:
            manifest = _Manifest.model_validate_json(text)
        except ValidationError:
            raise AssetsError(f"The manifest {where}.json is damaged. {_REBUILD}") from None
        if manifest.base_path != base_path:
            raise AssetsError(
                f"The assets in {where} were built for the path {manifest.base_path}, and the "
                f"stack's consoleBasePath is {base_path}. Build them with "
                f"`notifyctl bundle --base-path {base_path}`."
            )
        found = {
            "/" + path.relative_to(directory).as_posix(): path
            for path in directory.rglob("*")
            if path.is_file()
        }
        if different := sorted(found.keys() ^ manifest.files.keys()):
            state = "an extra file" if different[0] in found else "no file"
            raise AssetsError(f"There is {state} {different[0]} in {where}. {_REBUILD}")
        for name, entry in manifest.files.items():
            content = found[name].read_bytes()
            if hashlib.sha256(content).hexdigest() != entry.sha256 or len(content) != entry.size:
                raise AssetsError(f"{where}{name} was changed after the build. {_REBUILD}")
        headers = directory.with_suffix(HEADERS_SUFFIX)
        if not headers.is_file() or headers.read_bytes() != manifest.headers.encode():
            raise AssetsError(f"{where}.headers was changed after the build. {_REBUILD}")
        if manifest.sha256 != assets_sha256(manifest.files):
            raise AssetsError(f"The assets' hash is not their manifest's. {_REBUILD}")
        hashes = {name: entry.sha256 for name, entry in manifest.files.items()}
        return cls(relative, base_path, manifest.sha256, hashes, manifest.headers)


def assets_sha256(files: Mapping[str, _Entry]) -> str:
    """SHA-256 over the upload manifest, as 64 hexadecimal digits.

    Source: terraform-provider-cloudflare, services/worker_version/assets.go: the manifest is
    compact JSON sorted by path, with the first 32 hexadecimal digits of each file's SHA-256.
    """
    document = {
        name: {"hash": entry.sha256[:32], "size": entry.size} for name, entry in files.items()
    }
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()

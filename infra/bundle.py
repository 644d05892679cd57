"""The Worker's bundle, as `notifyctl bundle` left it in dist/worker."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

_REBUILD = "Build it with `notifyctl bundle` (or `make bundle`)."

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
ModuleName = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*)*$"),
]


class BundleError(Exception):
    """The bundle is missing, or is not what its manifest says."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: ModuleName
    content_type: str
    sha256: Sha256
    size: int


class _Manifest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    main_module: str
    sha256: Sha256
    document_made_of: Sha256 | None = None
    """For the next build: the hash of what the OpenAPI document was made of."""
    modules: list[_Entry]


@dataclass(frozen=True)
class Module:
    """One file of the Worker, verified against the manifest."""

    name: str
    content_type: str
    content: bytes

    @property
    def content_base64(self) -> str:
        """Return the content in base64, as the API takes it."""
        return base64.b64encode(self.content).decode("ascii")

    @property
    def sha256(self) -> str:
        """Return the content's hash, as 64 hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Bundle:
    """The Worker's modules, sorted by name, with the hash over all of them.

    `directory`, which holds a file for each module, is relative to the project's folder.
    """

    directory: Path
    main_module: str
    sha256: str
    modules: tuple[Module, ...]

    @classmethod
    def read(cls, root: Path, relative: Path) -> "Bundle":
        """Read and verify the bundle in the folder `relative` to the project's `root`.

        Raise BundleError where a file is missing, changed or extra.
        """
        directory = root / relative
        try:
            text = (directory / "manifest.json").read_bytes()
        except OSError:
            raise BundleError(
                f"There is no Worker bundle in {directory.name}/. {_REBUILD}"
            ) from None
        try:
            manifest = _Manifest.model_validate_json(text)
        except ValidationError:
            raise BundleError(f"The bundle's manifest.json is damaged. {_REBUILD}") from None
        modules = tuple(
            sorted((_verified(directory, e) for e in manifest.modules), key=lambda m: m.name)
        )
        names = [module.name for module in modules]
        if len(set(names)) != len(names) or manifest.main_module not in names:
            raise BundleError(
                f"The bundle's manifest names a module twice, or not its main module. {_REBUILD}"
            )
        found = {
            path.relative_to(directory).as_posix()
            for path in directory.rglob("*")
            if path.is_file()
        }
        if extra := sorted(found - set(names) - {"manifest.json"}):
            raise BundleError(f"The bundle has {extra[0]}, which its manifest lacks. {_REBUILD}")
        bundle = cls(relative, manifest.main_module, bundle_sha256(modules), modules)
        if bundle.sha256 != manifest.sha256:
            raise BundleError(f"The bundle's hash is not its manifest's. {_REBUILD}")
        return bundle


def bundle_sha256(modules: Sequence[Module]) -> str:
    """Return the hash over names and contents, in the order of the names, as 64 hexadecimal digits.

    Each part goes in behind its length (8 bytes, big endian), so that no bytes can move between
    a name and a content without changing the hash.
    """
    digest = hashlib.sha256()
    for module in sorted(modules, key=lambda m: m.name):
        for part in (module.name.encode(), module.content):
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _verified(directory: Path, entry: _Entry) -> Module:
    try:
        content = (directory / entry.name).read_bytes()
    except OSError:
        raise BundleError(f"The bundle lacks {entry.name}. {_REBUILD}") from None
    if hashlib.sha256(content).hexdigest() != entry.sha256 or len(content) != entry.size:
        raise BundleError(f"The bundle's {entry.name} was changed after the build. {_REBUILD}")
    return Module(entry.name, entry.content_type, content)

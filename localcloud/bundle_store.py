"""Modules of Worker versions on disk, one folder per content hash."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_WRITING = threading.Lock()
"""Two uploads of the same modules would write the same folder."""
_MAX_PART_BYTES = 255  # of a file's name on Linux and macOS
_INDEX = "modules.json"  # lies beside the folder, never inside it: the host loads the folder


@dataclass(frozen=True)
class Module:
    """One file of a bundle; `name` is a relative path with forward slashes."""

    name: str
    content_type: str
    content: bytes


class UnsafeName(ValueError):
    """A module's name would leave its folder, or isn't a plain relative path."""


class BundleStore:
    """Writes bundles so that a folder is complete as soon as its name exists."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, modules: Sequence[Module]) -> str:
        """Store the modules and return their hash. Raises UnsafeName or OSError."""
        digest = hashlib.sha256()
        _check_folders({module.name for module in modules})
        for module in sorted(modules, key=lambda module: module.name):
            check_name(module.name)
            for part in (module.name.encode(), module.content_type.encode(), module.content):
                digest.update(len(part).to_bytes(8, "big") + part)
        bundle = digest.hexdigest()
        with _WRITING:
            self._write(bundle, modules)
        return bundle

    def get(self, bundle: str) -> list[Module]:
        """The modules in the order of the upload. Raises OSError."""
        index = json.loads(self._index(bundle).read_text("utf-8"))
        return [
            Module(
                entry["name"],
                entry["content_type"],
                (self._folder / bundle / entry["name"]).read_bytes(),
            )
            for entry in index
        ]

    def content_types(self, bundle: str) -> dict[str, str]:
        """Return the content type of each module. Raises OSError."""
        index = json.loads(self._index(bundle).read_text("utf-8"))
        return {entry["name"]: entry["content_type"] for entry in index}

    def keep_only(self, bundles: Iterable[str]) -> None:
        """Remove all bundles but these, and what a kill left half written."""
        kept = set(bundles)
        for entry in self._folder.iterdir():
            if entry.name.split(".")[0] in kept and not entry.name.endswith(".new"):
                continue
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)

    def _write(self, bundle: str, modules: Sequence[Module]) -> None:
        target = self._folder / bundle
        if target.is_dir() and self._index(bundle).is_file():
            return
        temporary = self._folder / f"{bundle}.{os.getpid()}.new"
        shutil.rmtree(temporary, ignore_errors=True)
        for module in modules:
            path = temporary / module.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(module.content)
        index = [{"name": module.name, "content_type": module.content_type} for module in modules]
        self._index(bundle).write_text(json.dumps(index), "utf-8")
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)

    def _index(self, bundle: str) -> Path:
        return self._folder / f"{bundle}.{_INDEX}"


def _check_folders(names: Collection[str]) -> None:
    """Refuse a module that lies in a folder of another module's name. Raises UnsafeName."""
    for name in names:
        for parent in PurePosixPath(name).parents:
            if str(parent) in names:
                raise UnsafeName(f"Module name {str(parent)[:80]!r} is a folder as well.")


def check_name(name: str) -> None:
    """Refuse a module name that isn't a plain relative path. Raises UnsafeName."""
    path = PurePosixPath(name)
    plain = (
        0 < len(name) <= 512
        and "\\" not in name
        and name.isprintable()
        and not path.is_absolute()
        and ".." not in path.parts
        and str(path) == name
        and name != "."
        and all(len(part.encode()) <= _MAX_PART_BYTES for part in path.parts)
    )
    if not plain:
        raise UnsafeName(f"Module name {name[:80]!r} isn't a plain relative path.")

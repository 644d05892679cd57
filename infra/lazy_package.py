"""A provider's SDK of which only what a program names is imported.

The SDK of Cloudflare imports a module per resource type, close to 800 of them, when its package is
imported; this program needs a dozen. What a module itself imports stays as it is, so resources
behave as always.
"""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from functools import cached_property
from importlib.abc import Loader
from pathlib import Path
from types import ModuleType
from typing import Any

_EXPORT = re.compile(r"^from \.(\w+) import \*$", re.MULTILINE)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SUFFIX = re.compile(r"(Args|ArgsDict|Result)$|_output$")


class LazyPackage(ModuleType):
    """Stands in ``sys.modules`` for a package that Pulumi's code generator made.

    A name is looked for in the module that the generator would have put it into; where it isn't
    there, the package is imported as a whole after all. So a name that the package has is always
    found, sooner or later, and is the same that the package would have given.
    """

    _loader: Loader

    @classmethod
    def install(cls, name: str) -> None:
        """Let the next ``import name`` find the stand-in, unless the package is imported already.

        Raises:
            ModuleNotFoundError: the package isn't installed.
        """
        if name in sys.modules:
            return
        spec = importlib.util.find_spec(name)
        if spec is None or spec.loader is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        package = cls(name)
        package.__spec__ = spec
        package.__loader__ = package._loader = spec.loader
        package.__package__ = name
        package.__file__ = spec.origin
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules[name] = package

    def __getattr__(self, name: str) -> Any:
        """Find what nobody has asked for yet."""
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        if (started := sys.modules.get(f"{self.__name__}.{name}")) is not None:
            return started  # it imports itself, and isn't an attribute before it has ended
        # The package imports the inputs last: theirs is the class where two have one name.
        for module in ("_inputs", *_homes(name)):
            if module in self._exported and self._import(module, name):
                return vars(self)[name]
        if any(Path(folder, f"{name}.py").is_file() for folder in self.__path__):
            return importlib.import_module(f"{self.__name__}.{name}")
        # From here on it is the package itself, and an unknown name an ordinary error.
        self.__class__ = ModuleType  # type: ignore[assignment]
        self._loader.exec_module(self)
        return getattr(self, name)

    @cached_property
    def _exported(self) -> frozenset[str]:
        """The modules whose names are the package's own names."""
        source = Path(str(self.__file__)).read_text(encoding="utf-8")
        return frozenset(_EXPORT.findall(source))

    def _import(self, module: str, name: str) -> bool:
        """Import a module, and where it has the name take over all of its, as the package does."""
        found = importlib.import_module(f"{self.__name__}.{module}")
        exported = getattr(found, "__all__", ())
        if name not in exported:
            return False
        for each in exported:
            # A lookup's function is named as its module, which the import has put here.
            if isinstance(vars(self).get(each), ModuleType | None):
                setattr(self, each, getattr(found, each))
        return True


def _homes(name: str) -> tuple[str, str]:
    """Return the modules that the generator may have put a class or function into."""
    plain = _SUFFIX.sub("", name)
    return _WORD.sub("_", name).lower(), _WORD.sub("_", plain).lower()

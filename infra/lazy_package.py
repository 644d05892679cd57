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
        package.__loader__ = spec.loader
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
        exported = self._exported()
        # The package imports the inputs last: theirs is the class where two have one name.
        for module in ("_inputs", *_homes(name)):
            if name not in vars(self) and module in exported:
                self._import(module)
        if name not in vars(self) and any(
            Path(folder, f"{name}.py").is_file() for folder in self.__path__
        ):
            return importlib.import_module(f"{self.__name__}.{name}")
        if name not in vars(self):
            self._import_whole()
        try:
            return vars(self)[name]
        except KeyError:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}") from None

    def _exported(self) -> frozenset[str]:
        """The modules whose names are the package's own names."""
        if "__exported_modules" not in vars(self):
            source = Path(str(self.__file__)).read_text(encoding="utf-8")
            vars(self)["__exported_modules"] = frozenset(_EXPORT.findall(source))
        found: frozenset[str] = vars(self)["__exported_modules"]
        return found

    def _import(self, module: str) -> None:
        """Import a module of the package, and take over its names as the package itself does."""
        found = importlib.import_module(f"{self.__name__}.{module}")
        for name in getattr(found, "__all__", ()):
            # A lookup's function is named as its module, which the import has put here.
            if isinstance(vars(self).get(name), ModuleType | None):
                setattr(self, name, getattr(found, name))

    def _import_whole(self) -> None:
        spec = self.__spec__
        if spec is not None and spec.loader is not None and "__all_here" not in vars(self):
            vars(self)["__all_here"] = True
            spec.loader.exec_module(self)


def _homes(name: str) -> tuple[str, str]:
    """The modules that the generator may have put a class or function into."""
    plain = _SUFFIX.sub("", name)
    return _WORD.sub("_", name).lower(), _WORD.sub("_", plain).lower()

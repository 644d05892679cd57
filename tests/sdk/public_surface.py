"""What users of the SDK can call, with parameters and defaults, and what its objects have.

`python -m tests.sdk.public_surface` writes it to `public_surface.txt`. Read the difference before
you commit it: each line that goes or changes may break a program.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import notification_sdk
from notification_sdk import AsyncNotificationClient, NotificationClient, testing, webhooks

FILE = Path(__file__).parent / "public_surface.txt"
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
NAMESPACES = ("configs", "logs", "presets", "quick", "retry", "templates", "users")


def surface() -> Iterator[str]:
    """Yield a line for each function, method and field."""
    for line in _lines():
        yield _ADDRESS.sub("", line)


def _lines() -> Iterator[str]:
    for name in notification_sdk.__all__:
        yield from _of(name, getattr(notification_sdk, name))
    for module in (testing, webhooks):
        own = [name for name, value in vars(module).items() if _is_own(module, name, value)]
        for name in sorted(own):
            yield from _of(f"{module.__name__.rpartition('.')[2]}.{name}", vars(module)[name])
    address = "https://notify.example.com"
    for client in (NotificationClient(address), AsyncNotificationClient(address)):
        for space in NAMESPACES:
            kind = type(getattr(client, space))
            yield from _methods(f"{type(client).__name__}.{space}", kind)


def _is_own(module: Any, name: str, value: Any) -> bool:
    return not name.startswith("_") and getattr(value, "__module__", "") == module.__name__


def _of(name: str, value: Any) -> Iterator[str]:
    if not inspect.isclass(value):
        if callable(value):
            yield f"{name}{_signature(value)}"
        return
    if is_dataclass(value):
        options = value.__dataclass_params__  # type: ignore[attr-defined]
        yield f"{name} frozen={options.frozen} eq={options.eq} repr={options.repr}"
        for each in fields(value):
            default = "" if each.default is MISSING else f" = {each.default!r}"
            default = default if each.default_factory is MISSING else " = a new one"
            flags = f"repr={each.repr} compare={each.compare} init={each.init} kw={each.kw_only}"
            yield f"{name}.{each.name}{default} {flags}"
    yield from _methods(name, value)


def _methods(name: str, kind: type) -> Iterator[str]:
    for attribute in sorted(set(dir(kind)) - set(dir(Exception))):
        value = inspect.getattr_static(kind, attribute)
        if attribute == "__init__" or not attribute.startswith("_"):
            inner = getattr(value, "__func__", value)
            if inspect.isfunction(inner):
                yield f"{name}.{attribute}{_signature(inner)}"
    if "__init__" in vars(kind) and not is_dataclass(kind):
        yield f"{name}{_signature(vars(kind)['__init__'])}"


def _signature(function: Any) -> str:
    """Return parameters and defaults, without annotations."""
    if not inspect.isfunction(function):
        return ""
    signature = inspect.signature(function)
    bare = [each.replace(annotation=each.empty) for each in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


def main() -> None:
    """Write the file."""
    FILE.write_text("\n".join(surface()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

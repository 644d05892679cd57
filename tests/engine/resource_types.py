"""Write what the stand-ins know of each resource type, as the state and the API see it.

`python -m tests.engine.resource_types` writes it to `resource_types.yaml`. Read the difference
before you commit it, beside the real provider's schema: what differs from that is planned or kept
otherwise than by the real plugin.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from engine.providers.cloudflare_table import CLOUDFLARE_TYPES
from engine.providers.github_table import GITHUB_TYPES
from engine.providers.resource_type import Bound, Call, Lookup, ResourceType

FILE = Path(__file__).with_name("resource_types.yaml")


def tell() -> dict[str, dict[str, Any]]:
    """Return the attributes of each type that aren't empty and aren't functions."""
    types = CLOUDFLARE_TYPES | GITHUB_TYPES
    return {name: _attributes(found) for name, found in sorted(types.items())}


def _attributes(found: ResourceType) -> dict[str, Any]:
    values = {part.name: getattr(found, part.name) for part in fields(found)}
    shown = {name: _shown(value) for name, value in values.items() if not callable(value)}
    return {name: value for name, value in shown.items() if value} | {"meta": found.meta}


def _shown(value: Any) -> Any:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return {key: _shown(each) for key, each in sorted(value.items())}
    if isinstance(value, Call):
        return f"{value.method} {value.path}"
    if isinstance(value, Lookup):
        return f"{value.path} {value.items}".strip()
    if isinstance(value, Bound):
        return {"type": value.type, "fields": [*value.fields], "by_lookup": value.by_lookup}
    return [*value] if isinstance(value, tuple) else value


def main() -> None:
    """Write the file."""
    text = yaml.safe_dump(tell(), sort_keys=False, allow_unicode=True, width=100)
    FILE.write_text(f"# Written by `python -m tests.engine.resource_types`; see there.\n{text}")


if __name__ == "__main__":
    main()

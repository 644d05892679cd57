"""The picture of a stack's resources in docs/infrastructure.md, as the program declares them.

`python -m tests.infra.resource_picture` puts today's picture into the document.
"""

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tests.infra.registrations import Declared, Registration, declare_stack

DOCUMENT = Path(__file__).parents[2] / "docs" / "infrastructure.md"
BEGIN = "<!-- begin: picture, drawn by `python -m tests.infra.resource_picture` -->\n"
END = "<!-- end: picture -->\n"
ZONE = "5" * 32
SETTINGS = {
    "console": "true",
    "customDomain": "notification.example.com",
    "routePattern": "api.example.com/notify*",
    "zoneId": ZONE,
    "takeOver": '["notification.example.com"]',
}


def full_stack(folder: Path, *, shards: int = 1) -> Declared:
    """Everything that a stack can have, registered without an engine."""
    from infra.program import declare
    from tests.infra.stack_inputs import stack_inputs

    inputs = stack_inputs(folder, **SETTINGS)
    settings = inputs.settings.model_copy(update={"shards": shards})
    inputs = replace(inputs, settings=settings)
    return declare_stack(lambda: declare(inputs), stack="production")


def picture(found: Declared) -> str:
    """A Mermaid flowchart: components as boxes, and an arrow to what a resource needs first."""
    kinds = [r for r in found.registrations if not r.type.startswith("pulumi:providers:")]
    components = [r for r in kinds if r.type.startswith("notification-system:")]
    leaves = {r.urn: r for r in kinds if r not in components}
    lines = ["```mermaid", "flowchart BT"]
    for component in sorted(components, key=lambda r: r.name):
        lines.append(f"  subgraph {component.name}")
        children = [r for r in leaves.values() if r.parent == component.urn]
        lines += [f"    {_box(r)}" for r in sorted(children, key=lambda r: r.name)]
        lines.append("  end")
    parents = {component.urn for component in components}
    others = [r for r in leaves.values() if r.parent not in parents]
    lines += [f"  {_box(r)}" for r in sorted(others, key=lambda r: r.name)]
    needs = {
        urn: {d for d in r.dependencies if d in leaves and d != urn} for urn, r in leaves.items()
    }
    for urn, resource in sorted(leaves.items(), key=lambda item: item[1].name):
        direct = [leaves[d] for d in needs[urn] if not _is_roundabout(urn, d, needs)]
        lines += [f"  {resource.name} --> {d.name}" for d in sorted(direct, key=lambda r: r.name)]
    return "\n".join([*lines, "```", ""])


def _box(resource: Registration) -> str:
    return f'{resource.name}["{resource.name}<br/>{resource.type.rpartition(":")[2]}"]'


def _is_roundabout(urn: str, target: str, needs: Mapping[str, set[str]]) -> bool:
    """Whether the target is needed by something else that is needed: that arrow says it all."""
    seen, queue = set(), [other for other in needs[urn] if other != target]
    while queue:
        current = queue.pop()
        if current == target:
            return True
        if current not in seen:
            seen.add(current)
            queue += needs[current]
    return False


def main() -> None:
    """Draw the picture and put it into the document."""
    asyncio.set_event_loop(asyncio.new_event_loop())
    with tempfile.TemporaryDirectory() as folder:
        drawn = picture(full_stack(Path(folder)))
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}{drawn}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()

"""Makes the pictures in ``docs/architecture.md`` from the contracts of import-linter.

Run ``.venv/bin/python -m tests.docs.architecture`` after a change of ``.importlinter``.
"""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "architecture.md"
SOURCES = (ROOT, ROOT / "worker" / "src")
BEGIN, END = "<!-- generated from .importlinter -->", "<!-- end of what is generated -->"


def pictures(contracts: str) -> str:
    """Return a heading and a Mermaid diagram for each layers contract.

    Args:
        contracts: the text of an import-linter configuration file.
    """
    config = configparser.ConfigParser()
    config.read_string(contracts)
    parts = []
    for name in config.sections():
        section = config[name]
        if section.get("type") == "layers":
            container = section.get("containers", "").strip()
            layers = [line.strip() for line in section["layers"].splitlines() if line.strip()]
            parts.append(_picture(section["name"], container, layers))
    return "\n\n".join(parts)


def written(page: str, drawn: str) -> str:
    """Return the page with what lies between its two markers replaced."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{drawn}\n\n{END}{after}"


def _picture(title: str, container: str, layers: list[str]) -> str:
    rows = [re.split(r"\s*[|:]\s*", layer.replace("(", "").replace(")", "")) for layer in layers]
    lines = [f"### {title}", "", "```mermaid", "flowchart TD"]
    for row in rows:
        lines += [f'    {name}["{name}/<br>{_question(container, name)}"]' for name in row]
    for upper, lower in pairwise(rows):
        lines += [f"    {above} --> {below}" for above in upper for below in lower]
    return "\n".join([*lines, "```"])


def _question(container: str, name: str) -> str:
    """Return the first sentence of the package's docstring, without its full stop."""
    dotted = f"{container}.{name}" if container else name
    for candidate in _candidates(dotted):
        if candidate.is_file():
            text = ast.get_docstring(ast.parse(candidate.read_text(encoding="utf-8"))) or ""
            return text.partition("\n")[0].rstrip(".").replace('"', "'").replace("`", "")
    raise FileNotFoundError(f".importlinter names {dotted}, and there is no such module")


def _candidates(dotted: str) -> Iterator[Path]:
    for source in SOURCES:
        path = source.joinpath(*dotted.split("."))
        yield path / "__init__.py"
        yield path.with_suffix(".py")


if __name__ == "__main__":
    drawn = pictures((ROOT / ".importlinter").read_text(encoding="utf-8"))
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8"), drawn), encoding="utf-8")

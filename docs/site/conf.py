"""The documents as a site: the files that GitHub shows, with a menu and a search.

Sphinx reads them where they are, from the project's folder, so that a relative link is the same in
both places. `make docs` builds it, and a link that leads nowhere ends the build. Pages load nothing
from another origin: Mermaid, which draws the diagrams, is one of the site's own files.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
INDEX = "docs/README"

project = "notification-system"
author = "The notification-system authors"
project_copyright = "Apache-2.0"
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = ["README.md", "README.zh-CN.md", "CHANGELOG.md", "docs/*.md", "sdk/README.md"]
exclude_patterns = [
    path.name for path in ROOT.iterdir() if path.is_dir() and path.name not in {"docs", "sdk"}
]

myst_heading_anchors = 4
myst_enable_extensions: list[str] = []
highlight_language = "text"
suppress_warnings = [
    # Requests with values to fill in are no valid HTTP, and fences name where a command runs.
    "misc.highlighting_failure",
]

html_theme = "furo"
html_title = "notification-system"
html_extra_path = ["index.html"]
html_static_path = ["static", "../../build/mermaid"]
html_theme_options = {"source_repository": "", "navigation_with_keys": True}
html_show_sphinx = False

# `scripts/build-docs --links` asks every address outside the project, where there is a network.
linkcheck_timeout = 20
linkcheck_retries = 3
linkcheck_workers = 8
linkcheck_allow_unauthorized = True
linkcheck_ignore = [r"https?://[^/]*\.example(\.com)?\b"]


def listed() -> list[str]:
    """Return the documents in the order of the index, those that it doesn't name last."""
    text = (ROOT / f"{INDEX}.md").read_text(encoding="utf-8")
    named = [f"docs/{name}" for name in re.findall(r"\]\(([a-z0-9-]+)\.md", text)]
    rest = sorted(f"docs/{path.stem}" for path in (ROOT / "docs").glob("*.md"))
    return [name for name in dict.fromkeys([*named, *rest]) if name != INDEX]


def add_menu(_app: object, document: str, source: list[str]) -> None:
    """Put the menu, which GitHub has no use for, under the README."""
    if document == root_doc:
        entries = [INDEX, *listed(), "sdk/README", "CHANGELOG", "README.zh-CN"]
        source[0] += "\n```{toctree}\n:hidden:\n\n" + "\n".join(entries) + "\n```\n"


def add_diagrams(app: Any, _page: str, _template: str, _context: object, doctree: Any) -> None:
    """Load Mermaid on the pages with a diagram."""
    if doctree is not None and any(
        node.get("language") == "mermaid" for node in doctree.findall() if hasattr(node, "get")
    ):
        app.add_js_file("mermaid.min.js", loading_method="defer")
        app.add_js_file("diagrams.js", loading_method="defer")


def setup(app: Any) -> dict[str, bool]:
    """Connect what this file adds to Sphinx."""
    app.connect("source-read", add_menu)
    app.connect("html-page-context", add_diagrams)
    return {"parallel_read_safe": True}

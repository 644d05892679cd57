"""The documents as they are written: fences, links, headings."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INDEX = ROOT / "docs" / "README.md"
_FENCE = re.compile(r"^(?P<indent> *)(?P<mark>`{3,})(?P<info>.*)$")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(?P<text>.+?)\s*#*$")


@dataclass(frozen=True)
class Fence:
    """A block between fences.

    Attributes:
        document: its document, from the project's root.
        line: number of the opening fence's line.
        info: what follows the opening fence, such as ``console local``.
        text: what is inside, with a line's end.
    """

    document: str
    line: int
    info: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


class Document:
    """One Markdown file.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.fences: list[Fence] = []
        self.prose: list[str] = []
        opened: tuple[int, str, str] | None = None
        inside: list[str] = []
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            found = _FENCE.match(line)
            if opened is None and found:
                opened, inside = (number, found["mark"], found["info"].strip()), []
            elif opened and line.strip() == opened[1]:
                text = "".join(f"{each}\n" for each in inside)
                self.fences.append(Fence(self.name, opened[0], opened[2], text))
                opened = None
            elif opened:
                inside.append(line)
            else:
                self.prose.append(line)
        if opened:
            raise ValueError(f"{self.name}:{opened[0]}: the fence isn't closed")

    def links(self) -> list[str]:
        """Return every link's target."""
        text = re.sub(r"`[^`]*`", "", "\n".join(self.prose))
        return [found["target"] for found in _LINK.finditer(text)]

    def anchors(self) -> set[str]:
        """Return the headings' anchors, as GitHub makes them."""
        found: set[str] = set()
        for line in self.prose:
            if heading := _HEADING.match(line):
                text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading["text"])
                plain = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
                anchor, copies = plain, 0
                while anchor in found:
                    copies += 1
                    anchor = f"{plain}-{copies}"
                found.add(anchor)
        return found


def documents() -> list[Document]:
    """Return the READMEs and everything in ``docs/``, the index's order first."""
    listed = [
        (INDEX.parent / target).resolve()
        for target in Document(INDEX).links()
        if target.endswith(".md") and "/" not in target
    ]
    rest = sorted(path for path in INDEX.parent.glob("*.md") if path not in {*listed, INDEX})
    readmes = [ROOT / "README.md", ROOT / "README.zh-CN.md"]
    return [Document(path) for path in [*readmes, INDEX, *dict.fromkeys(listed), *rest]]


def fences(*infos: str) -> list[Fence]:
    """Return the fences with one of these infos, in the order of reading.

    The Chinese README's are the English one's, which a test of its own holds.
    """
    read = [each for each in documents() if each.name != "README.zh-CN.md"]
    return [fence for each in read for fence in each.fences if fence.info in infos]

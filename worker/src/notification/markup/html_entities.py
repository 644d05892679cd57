"""Character references: the numeric ones, and the few named ones that chats know."""

import re

ENTITY = r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|amp|lt|gt|quot|apos|nbsp|sim);"
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "nbsp": " ", "sim": "~"}
_ENTITY = re.compile(ENTITY)


def entity_text(entity: str) -> str:
    """Return the character of a reference; one of no character stays as it is."""
    name = entity[1:-1]
    if not name.startswith("#"):
        return _NAMED[name]
    code = int(name[2:], 16) if name[1] in "xX" else int(name[1:])
    valid = code in (9, 10) or (0x20 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF)
    return chr(code) if valid else entity


def without_entities(text: str) -> str:
    """Write every reference as its character."""
    return _ENTITY.sub(lambda match: entity_text(match[0]), text) if "&" in text else text

"""Forms with files (RFC 7578): what clients upload scripts, assets and values in."""

from __future__ import annotations

import email
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from email.utils import collapse_rfc2231_value

from starlette.requests import Request

from localcloud.api.envelope import ApiError

FORM = "multipart/form-data"
MAX_PARTS = 2100  # 2,000 modules and what goes with them


@dataclass(frozen=True)
class Part:
    """One field of a form; `filename` is None where it isn't a file.

    `content_type` is empty where the client gives none.
    """

    name: str
    filename: str | None
    content_type: str
    content: bytes


def is_form(request: Request) -> bool:
    """Tell whether the request's body is a form with files."""
    return request.headers.get("content-type", "").lower().startswith(FORM)


async def read_form(request: Request, *, code: int) -> list[Part]:
    """Return the fields of the request's form. Raises ApiError(400, code)."""
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode("latin-1")
    message = email.message_from_bytes(head + await request.body())
    if message.get_content_type() != FORM or not message.is_multipart():
        raise ApiError(400, code, f"The body isn't {FORM}.")
    found = message.get_payload()
    if not isinstance(found, list) or len(found) > MAX_PARTS:
        raise ApiError(400, code, f"The form has more than {MAX_PARTS} parts.")
    return [_part(part, code) for part in found if isinstance(part, Message)]


def write_form(parts: Iterable[Part]) -> tuple[bytes, str]:
    """Return the body of a form with these fields, and its content type."""
    boundary = secrets.token_hex(16)
    body = bytearray()
    for part in parts:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{part.name}"'.encode()
        if part.filename is not None:
            body += f'; filename="{part.filename}"'.encode()
        body += f"\r\nContent-Type: {part.content_type}\r\n\r\n".encode()
        body += part.content + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    return bytes(body), f"{FORM}; boundary={boundary}"


def _part(part: Message, code: int) -> Part:
    content = part.get_payload(decode=True)
    name = _text(part, "name")
    if name is None or not isinstance(content, bytes):
        raise ApiError(400, code, "A part of the form has no name, or is a form itself.")
    content_type = str(part.get("content-type", "")).strip()
    return Part(name, _text(part, "filename"), content_type, content)


def _text(part: Message, name: str) -> str | None:
    """A parameter of Content-Disposition, whose bytes are UTF-8 in every browser and client."""
    for header, value in part.raw_items():
        if header.lower() == "content-disposition":
            # `get_param` of the part itself would see a sign for each byte beyond ASCII.
            text = str(value).encode("ascii", "surrogateescape").decode("utf-8", "replace")
            disposition = Message()
            disposition["Content-Disposition"] = text
            found = disposition.get_param(name, header="content-disposition")
            return None if found is None else collapse_rfc2231_value(found)
    return None

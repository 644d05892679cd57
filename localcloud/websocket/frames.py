"""Messages of a WebSocket as bytes, and back (RFC 6455, sections 5 and 7.4)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from enum import IntEnum

MOST_BYTES = 16 * 1024 * 1024
"""The largest message that a reader takes: a guard for the memory, far above any trace."""

_HANDSHAKE_ID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # section 1.3: the same for everyone


class Opcode(IntEnum):
    """What a frame is (section 5.2)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


class FramingError(ValueError):
    """The other end doesn't keep to the protocol; `code` is the one to close with."""

    def __init__(self, text: str, *, code: int = 1002) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Message:
    """A whole message or control frame. A text's payload is UTF-8."""

    opcode: Opcode
    payload: bytes

    @property
    def close_code(self) -> int:
        """Why a connection was closed; 1005 where the frame doesn't tell (section 7.1.5)."""
        return int.from_bytes(self.payload[:2], "big") if len(self.payload) >= 2 else 1005


def accept_value(key: str) -> str:
    """The value of Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (section 4.2.2)."""
    digest = hashlib.sha1((key + _HANDSHAKE_ID).encode(), usedforsecurity=False).digest()
    return base64.b64encode(digest).decode()


def encode(opcode: Opcode, payload: bytes, *, masked: bool) -> bytes:
    """One final frame. A client's frames are masked, a server's are not (section 5.1)."""
    length = len(payload)
    mark = 0x80 if masked else 0
    if length < 126:
        head = bytes((0x80 | opcode, mark | length))
    elif length < 1 << 16:
        head = bytes((0x80 | opcode, mark | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, mark | 127)) + length.to_bytes(8, "big")
    if not masked:
        return head + payload
    mask = secrets.token_bytes(4)
    return head + mask + _masked(payload, mask)


def close_frame(code: int, *, masked: bool) -> bytes:
    """A frame that closes the connection."""
    return encode(Opcode.CLOSE, code.to_bytes(2, "big"), masked=masked)


class FrameReader:
    """Puts what arrives together to messages; fragments of one may come between control frames.

    Args:
        masked: whether the other end has to mask, as a client has.
        most_bytes: the largest message that is taken.
    """

    def __init__(self, *, masked: bool, most_bytes: int = MOST_BYTES) -> None:
        self._masked = masked
        self._most = most_bytes
        self._bytes = bytearray()
        self._opcode: Opcode | None = None
        self._fragments = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole now. Raises FramingError."""
        self._bytes += data
        messages: list[Message] = []
        while (frame := self._next()) is not None:
            final, opcode, payload = frame
            if opcode >= Opcode.CLOSE:
                if not final or len(payload) > 125:
                    raise FramingError("a control frame is cut into parts or too long")
                messages.append(Message(opcode, payload))
                continue
            if (opcode is Opcode.CONTINUATION) is (self._opcode is None):
                raise FramingError("a fragment stands where none may")
            self._opcode = self._opcode or opcode
            self._fragments += payload
            if len(self._fragments) > self._most:
                raise FramingError("the message is too large", code=1009)
            if final:
                messages.append(Message(self._opcode, bytes(self._fragments)))
                self._opcode = None
                self._fragments.clear()
        return messages

    def _next(self) -> tuple[bool, Opcode, bytes] | None:
        held = self._bytes
        if len(held) < 2:
            return None
        if held[0] & 0x70:
            raise FramingError("a frame uses an extension that wasn't agreed")
        if bool(held[1] & 0x80) is not self._masked:
            raise FramingError("a frame is masked wrongly")
        length, start = held[1] & 0x7F, 2
        if length > 125:
            start += 2 if length == 126 else 8
            if len(held) < start:
                return None
            length = int.from_bytes(held[2:start], "big")
        if length > self._most:
            raise FramingError("the message is too large", code=1009)
        mask_end = start + 4 * self._masked
        if len(held) < mask_end + length:
            return None
        payload = bytes(held[mask_end : mask_end + length])
        if self._masked:
            payload = _masked(payload, bytes(held[start:mask_end]))
        try:
            opcode = Opcode(held[0] & 0x0F)
        except ValueError:
            raise FramingError("a frame has an unknown opcode") from None
        final = bool(held[0] & 0x80)
        del held[: mask_end + length]
        return final, opcode, payload


def _masked(payload: bytes, mask: bytes) -> bytes:
    length = len(payload)
    key = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(key, "big")).to_bytes(length, "big")

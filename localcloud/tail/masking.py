"""Frames without a mask, which Cloudflare's tail takes and wrangler sends.

RFC 6455, section 5.1, wants every frame of a client masked, and the `websockets` package closes a
connection that breaks the rule. Wrangler sends its one message with `mask: false`
(cloudflare/workers-sdk, packages/wrangler/src/tail/createTail.ts), so a mask of zeros, which
changes no byte of the payload, is put in before the package reads the frame.
"""

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_MASKED = 0x80
_LENGTH = 0x7F
_EXTENDED = {126: 2, 127: 8}  # bytes of the length that follow, by the first seven bits
_ZEROS = bytes(4)


class Masker:
    """Rewrites a stream of frames, whatever pieces it comes in."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._left = 0

    def feed(self, data: bytes) -> bytes:
        """Return what can be passed on so far."""
        self._waiting += data
        out = bytearray()
        while self._waiting:
            if self._left:
                taken = self._waiting[: self._left]
                out += taken
                self._left -= len(taken)
                del self._waiting[: len(taken)]
                continue
            header = self._header()
            if header is None:
                break
            out += header
        return bytes(out)

    def _header(self) -> bytes | None:
        """Take the next frame's header off the stream; None where it isn't complete."""
        if len(self._waiting) < 2:
            return None
        first, second = self._waiting[:2]
        extended = _EXTENDED.get(second & _LENGTH, 0)
        size = 2 + extended + (4 if second & _MASKED else 0)
        if len(self._waiting) < size:
            return None
        header = bytes(self._waiting[:size])
        del self._waiting[:size]
        length = header[2 : 2 + extended]
        self._left = int.from_bytes(length, "big") if extended else second & _LENGTH
        if second & _MASKED:
            return header
        return bytes((first, second | _MASKED)) + length + _ZEROS


class TailProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol for clients that may leave out the mask."""

    _masker: Masker | None = None

    def data_received(self, data: bytes) -> None:
        """Pass the request of the handshake on as it is, and frames with a mask."""
        if self._masker is None:
            self._masker = Masker()
            head, end, frames = data.partition(b"\r\n\r\n")
            super().data_received(head + end)
            data = frames
        if data:
            super().data_received(self._masker.feed(data))

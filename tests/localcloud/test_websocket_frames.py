"""The framing of WebSockets, held against RFC 6455's own examples."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.websocket.frames import (
    FrameReader,
    FramingError,
    Message,
    Opcode,
    accept_value,
    close_frame,
    encode,
)

# Section 5.7.
UNMASKED_HELLO = bytes.fromhex("810548656c6c6f")
MASKED_HELLO = bytes.fromhex("818537fa213d7f9f4d5158")
FRAGMENTS = bytes.fromhex("010348656c"), bytes.fromhex("80026c6f")
PING = bytes.fromhex("890548656c6c6f")
HELLO = Message(Opcode.TEXT, b"Hello")


def test_the_handshake_of_the_standard_is_answered_as_there() -> None:
    assert accept_value("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_the_frames_of_the_standard_are_read_and_written() -> None:
    assert encode(Opcode.TEXT, b"Hello", masked=False) == UNMASKED_HELLO
    assert FrameReader(masked=False).feed(UNMASKED_HELLO) == [HELLO]
    assert FrameReader(masked=True).feed(MASKED_HELLO) == [HELLO]


def test_a_ping_may_come_between_the_fragments_of_a_message() -> None:
    reader = FrameReader(masked=False)
    assert reader.feed(FRAGMENTS[0]) == []
    assert reader.feed(PING + FRAGMENTS[1]) == [Message(Opcode.PING, b"Hello"), HELLO]


@settings(max_examples=40, deadline=None)
@given(
    payload=st.one_of(st.binary(max_size=300), st.sampled_from((b"x" * 65_535, b"y" * 65_536))),
    masked=st.booleans(),
    pieces=st.integers(1, 5),
)
def test_what_is_written_is_read_however_it_is_cut(
    payload: bytes, masked: bool, pieces: int
) -> None:
    data = encode(Opcode.BINARY, payload, masked=masked)
    reader = FrameReader(masked=masked)
    size = len(data) // pieces + 1
    read = [m for at in range(0, len(data), size) for m in reader.feed(data[at : at + size])]
    assert read == [Message(Opcode.BINARY, payload)]


@pytest.mark.parametrize(
    ("data", "masked", "code"),
    [
        (UNMASKED_HELLO, True, 1002),
        (MASKED_HELLO, False, 1002),
        (b"\xc1\x00", False, 1002),
        (b"\x83\x00", False, 1002),
        (FRAGMENTS[1], False, 1002),
        (FRAGMENTS[0] * 2, False, 1002),
        (b"\x09\x00", False, 1002),
        (b"\x89\x7e\x00\x7e" + b"x" * 126, False, 1002),
        (b"\x82\x7f" + (1 << 40).to_bytes(8, "big"), False, 1009),
    ],
)
def test_what_breaks_the_protocol_is_refused(data: bytes, masked: bool, code: int) -> None:
    with pytest.raises(FramingError) as refused:
        FrameReader(masked=masked).feed(data)
    assert refused.value.code == code


def test_fragments_that_grow_too_large_together_are_refused() -> None:
    reader = FrameReader(masked=False, most_bytes=5)
    reader.feed(FRAGMENTS[0])
    with pytest.raises(FramingError):
        reader.feed(b"\x80\x03lo!")


def test_a_close_frame_tells_why() -> None:
    (message,) = FrameReader(masked=True).feed(close_frame(1001, masked=True))
    assert (message.opcode, message.close_code) == (Opcode.CLOSE, 1001)
    assert Message(Opcode.CLOSE, b"").close_code == 1005

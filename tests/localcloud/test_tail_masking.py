"""Frames of a client that leaves out the mask."""

from __future__ import annotations

import struct

import pytest
from websockets.frames import Frame, Opcode

from localcloud.tail.masking import Masker

SIZES = [0, 1, 125, 126, 65_535, 65_536]


def _frame(size: int, *, mask: bool) -> bytes:
    frame = Frame(Opcode.TEXT, bytes(index % 251 for index in range(size)))
    return bytes(frame.serialize(mask=mask))


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_without_a_mask_gets_one_that_changes_nothing(size: int) -> None:
    given = _frame(size, mask=False)
    found = Masker().feed(given)
    assert found[1] == given[1] | 0x80
    payload = bytes(index % 251 for index in range(size))
    assert found.endswith(bytes(4) + payload)
    assert len(found) == len(given) + 4


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_with_a_mask_stays_as_it_is(size: int) -> None:
    given = _frame(size, mask=True)
    assert Masker().feed(given) == given


def test_pieces_of_any_size_make_the_same_stream() -> None:
    stream = b"".join(
        _frame(size, mask=mask) for size in (3, 200, 0, 70_000) for mask in (False, True)
    )
    whole = Masker().feed(stream)
    for step in (1, 2, 7, 4096):
        masker = Masker()
        pieces = [masker.feed(stream[at : at + step]) for at in range(0, len(stream), step)]
        assert b"".join(pieces) == whole


def test_a_header_is_held_back_until_it_is_complete() -> None:
    masker = Masker()
    header = struct.pack("!BBH", 0x81, 126, 300)
    assert [masker.feed(bytes((byte,))) for byte in header[:3]] == [b"", b"", b""]
    assert masker.feed(header[3:]) == struct.pack("!BBH", 0x81, 126 | 0x80, 300) + bytes(4)

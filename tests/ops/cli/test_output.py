"""A closed, full or busy output ends no command; only a lost one is written to nowhere."""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ops.cli.output import LastingOutput


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        with suppress(OSError):
            os.close(descriptor)


def test_what_is_written_arrives(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    output = LastingOutput(writing, stop=False)
    assert output.write(b"one") == 3
    assert os.read(reading, 10) == b"one"
    assert (output.failure, output.writable(), output.fileno()) == (None, True, writing)
    assert output.isatty() is False


def test_a_reader_that_is_gone_ends_nothing(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.close(reading)
    output = LastingOutput(writing, stop=False)
    assert [output.write(b"one"), output.write(b"three")] == [3, 5]
    assert output.failure is None
    # It leads nowhere now, for whatever else writes to the descriptor.
    assert os.path.samestat(os.fstat(writing), os.stat(os.devnull))


def test_a_reader_that_is_gone_ends_what_only_follows(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.close(reading)
    with pytest.raises(BrokenPipeError):
        LastingOutput(writing, stop=True).write(b"one")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("stop", [False, True])
def test_a_full_disk_is_kept_as_the_reason(stop: bool) -> None:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        output = LastingOutput(descriptor, stop=stop)
        assert output.write(b"one") == 3
        assert output.failure is not None
        assert output.failure.errno == errno.ENOSPC
    finally:
        os.close(descriptor)


@pytest.mark.skipif(sys.platform == "win32", reason="no such pipes")
def test_a_pipe_that_is_full_is_waited_for_though_it_does_not_block(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    # As some parents leave it, Node among them.
    os.set_blocking(writing, False)
    filled = 0
    with suppress(BlockingIOError):
        while True:
            filled += os.write(writing, b"x" * 4096)
    read = bytearray()

    def read_all() -> None:
        while len(read) < filled + 3:
            read.extend(os.read(reading, 65_536))

    reader = threading.Thread(target=read_all, daemon=True)
    reader.start()
    output = LastingOutput(writing, stop=False)
    assert output.write(b"one") == 3
    reader.join(10)
    assert (bytes(read[filled:]), output.failure) == (b"one", None)

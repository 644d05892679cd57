"""A closed, full or busy output ends no command; only a lost one is written to nowhere."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ops.cli.output import LastingOutput, _as_text


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


CLOSED = """
import os, sys
from ops.cli.output import outlive_readers
kept = os.dup(1)
for number in {closed}:
    os.close(number)
output = outlive_readers(stop={stop})
print("nobody reads this")
sys.stdout.flush()
null = os.stat(os.devnull)
found = [number for number in (0, 1, 2) if os.path.samestat(os.fstat(number), null)]
os.write(kept, repr((found, output.failure, sys.stderr.errors, sys.stdout.line_buffering)).encode())
os._exit(0)
"""


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1, 2), ()])
def test_descriptors_that_are_closed_lead_nowhere(closed: tuple[int, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CLOSED.format(closed=closed, stop=False)],
        stdin=subprocess.PIPE,
        capture_output=True,
        text=True,
        check=True,
    )
    told = repr((list(closed), None, "backslashreplace", True))
    assert done.stdout == ("" if 1 in closed else "nobody reads this\n") + told


def test_an_output_keeps_its_own_way_with_letters_that_it_has_not() -> None:
    output = LastingOutput(1, stop=False)
    for errors, kept in (("strict", "backslashreplace"), ("replace", "replace")):
        before = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=errors)
        found = _as_text(before, output)
        assert (found.encoding, found.errors) == ("ascii", kept)
    found = _as_text(None, output)
    assert (found.encoding, found.errors) == ("utf-8", "backslashreplace")

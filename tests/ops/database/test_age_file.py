"""A sealed file is age's own format, written and read part by part."""

from __future__ import annotations

import io
import os
import tracemalloc
from pathlib import Path

import pyrage
import pytest

from ops.database import age_file
from ops.database.age_file import NotOpened, seal, unseal

PASSPHRASE = "a passphrase, ü"
PART = 64 * 1024


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of little work: how much it is stands in the file."""
    monkeypatch.setattr(age_file, "WORK_FACTOR", 1)


def sealed(content: bytes) -> bytes:
    target = io.BytesIO()
    seal(io.BytesIO(content), target, PASSPHRASE)
    return target.getvalue()


def unsealed(content: bytes, passphrase: str = PASSPHRASE) -> bytes:
    target = io.BytesIO()
    unseal(io.BytesIO(content), target, passphrase)
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART, 3 * PART + 5])
def test_another_implementation_opens_it_and_so_do_we(size: int) -> None:
    content = os.urandom(size)
    file = sealed(content)
    assert pyrage.passphrase.decrypt(file, PASSPHRASE) == content
    assert unsealed(file) == content


def test_two_files_of_the_same_content_have_nothing_in_common() -> None:
    one, other = sealed(b"x" * 100), sealed(b"x" * 100)
    assert one[-116:] != other[-116:]
    assert one.splitlines()[1] != other.splitlines()[1]


def test_a_wrong_passphrase_opens_nothing() -> None:
    with pytest.raises(NotOpened):
        unsealed(sealed(b"x"), "another passphrase")


def test_a_file_that_lost_a_part_or_got_one_moved_is_not_opened() -> None:
    content = os.urandom(3 * PART)
    file = sealed(content)
    tag = 16
    start = len(file) - 3 * (PART + tag)
    parts = [file[start + n * (PART + tag) :][: PART + tag] for n in range(3)]
    for damaged in (
        file[: -(PART + tag)],
        file[:-1],
        file + b"x",
        file[:start] + parts[1] + parts[0] + parts[2],
        file[:start],
    ):
        with pytest.raises(NotOpened):
            unsealed(damaged)


def test_every_byte_of_the_header_counts() -> None:
    file = sealed(b"content")
    for at in range(len(file) - len(b"content") - 16):
        damaged = bytearray(file)
        damaged[at] ^= 1
        with pytest.raises(NotOpened):
            unsealed(bytes(damaged))


def test_a_key_that_would_take_too_much_memory_is_not_derived() -> None:
    file = sealed(b"content").replace(b" 1\n", b" 23\n", 1)
    with pytest.raises(NotOpened):
        unsealed(file)


def test_a_header_without_an_end_is_read_no_further_than_one_may_reach() -> None:
    source = io.BytesIO(b"age-encryption.org/v1\n" + b"x" * 1_000_000)
    with pytest.raises(NotOpened):
        unseal(source, io.BytesIO(), PASSPHRASE)
    assert source.tell() < 1_000


def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    plain, locked, again = (tmp_path / name for name in ("plain", "locked", "again"))
    with plain.open("wb") as file:
        file.truncate(20_000_000)
    tracemalloc.start()
    try:
        with plain.open("rb") as source, locked.open("wb") as target:
            seal(source, target, PASSPHRASE)
        with locked.open("rb") as source, again.open("wb") as target:
            unseal(source, target, PASSPHRASE)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert again.stat().st_size == 20_000_000
    assert peak < 3_000_000

"""Content codings and charsets of the bodies that reach the bridge."""

import gzip
import random
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.bridge.encoding import CharsetDecoder, without_codings
from notification.errors import ServiceError

pytestmark = pytest.mark.requirement("C-0.36")

LIMIT = 10_000


def bare_deflate(body: bytes) -> bytes:
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return deflater.compress(body) + deflater.flush()


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_every_coding_gives_the_body_back(body: bytes) -> None:
    for header, coded in (
        ("gzip", gzip.compress(body)),
        ("GZIP", gzip.compress(body) + b"\0\0\0"),
        ("x-gzip", gzip.compress(body[:5]) + gzip.compress(body[5:])),
        ("deflate", zlib.compress(body)),
        ("deflate", bare_deflate(body)),
        ("identity", body),
        ("", body),
        ("deflate, gzip", gzip.compress(zlib.compress(body))),
    ):
        assert without_codings(coded, header, LIMIT) == body


@pytest.mark.parametrize("coding", ["gzip", "deflate", "bare"])
def test_a_stream_may_look_back_as_far_as_its_format_allows(coding: str) -> None:
    once = random.Random(1).randbytes(32_000)  # noqa: S311 - no secret
    body = once + once
    coders: dict[str, Callable[[bytes], bytes]] = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "bare": bare_deflate,
    }
    coded = coders[coding](body)
    assert len(coded) < 40_000
    assert without_codings(coded, coding.replace("bare", "deflate"), len(body)) == body


@pytest.mark.parametrize("header", ["br", "zstd", "compress", "gzip, br", "nonsense" * 50, "a,b,c"])
def test_a_coding_that_is_not_understood_is_named_with_those_that_are(header: str) -> None:
    with pytest.raises(ServiceError) as refused:
        without_codings(b"x", header, LIMIT)
    assert refused.value.status == 415
    assert "understood are gzip and deflate" in refused.value.text
    assert len(refused.value.text) < 200


def test_more_codings_than_any_sender_uses_are_refused() -> None:
    with pytest.raises(ServiceError, match="4 codings are not understood"):
        without_codings(b"x", "gzip,gzip,gzip,gzip", LIMIT)


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_body_that_is_not_what_the_header_says_is_malformed(coding: str) -> None:
    whole = gzip.compress(b"x" * 500) if coding == "gzip" else zlib.compress(b"x" * 500)
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    for body in (b"plain", whole[:-1], whole[:12], flipped):
        with pytest.raises(ServiceError) as refused:
            without_codings(body, coding, LIMIT)
        assert (refused.value.code, refused.value.status) == ("INVALID_REQUEST", 400)


@pytest.mark.parametrize("size", [LIMIT + 1, 10_000_000])
def test_a_body_that_grows_beyond_the_limit_is_too_large(size: int) -> None:
    bomb = gzip.compress(b"\0" * size)
    for header, coded in (("gzip", bomb), ("gzip, gzip", gzip.compress(bomb))):
        with pytest.raises(ServiceError) as refused:
            without_codings(coded, header, LIMIT)
        assert refused.value.code == "PAYLOAD_TOO_LARGE"
    assert len(without_codings(gzip.compress(b"\0" * LIMIT), "gzip", LIMIT)) == LIMIT


def test_gzip_streams_in_a_row_are_read_up_to_a_number() -> None:
    member = gzip.compress(b"")
    assert without_codings(member * 100, "gzip", LIMIT) == b""
    with pytest.raises(ServiceError, match="not whole gzip"):
        without_codings(member * 101, "gzip", LIMIT)


@pytest.mark.parametrize("charset", ["ebcdic", "unicode_escape", "base64", "utf-7", "x" * 500])
def test_a_charset_that_is_not_understood_is_named_with_those_that_are(charset: str) -> None:
    with pytest.raises(ServiceError) as refused:
        CharsetDecoder(charset)
    assert refused.value.code == "UNSUPPORTED_MEDIA_TYPE"
    assert charset[:40] in refused.value.text
    assert "gbk" in refused.value.text
    assert len(refused.value.text) < 400


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=60), st.sampled_from(["", "utf-16", "gbk", "shift_jis", "iso-2022-jp"]))
def test_any_bytes_are_read_in_any_charset(body: bytes, charset: str) -> None:
    decoder = CharsetDecoder(charset)
    text = decoder.text(body)
    assert 0 <= decoder.replaced_bytes <= len(body)
    assert (decoder.replaced_bytes > 0) <= ("\ufffd" in text)


def test_every_family_that_is_named_has_its_codec() -> None:
    for name in (
        *(f"iso-8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16)),
        *(f"windows-125{part}" for part in range(9)),
    ):
        assert CharsetDecoder(name).text(b"abc") == "abc"


@pytest.mark.parametrize("limit", [1, 2, 1000, 1001])
@pytest.mark.parametrize("members", [1, 2])
def test_a_body_has_the_limits_bytes_once_decoded_and_not_one_more(
    limit: int, members: int
) -> None:
    def coded(size: int) -> bytes:
        first = size // members
        return gzip.compress(b"x" * first) + gzip.compress(b"x" * (size - first))

    assert without_codings(coded(limit), "gzip", limit) == b"x" * limit
    with pytest.raises(ServiceError) as refused:
        without_codings(coded(limit + 1), "gzip", limit)
    assert (refused.value.code, refused.value.status) == ("PAYLOAD_TOO_LARGE", 413)
    assert f"Maximum size: {limit} bytes" in refused.value.text

"""Decoding the body of a call to the bridge: its content codings, then its charset."""

import codecs
import re
import zlib

from notification.errors import ServiceError

MAX_CODINGS = 3
"""Codings of one body that are taken off; real senders use one."""
MAX_MEMBERS = 100
"""Gzip streams in a row that are read as one body."""
_CODINGS = ("gzip", "deflate")
_GZIP, _ZLIB, _RAW = 31, zlib.MAX_WBITS, -zlib.MAX_WBITS
# Python's codecs by the names of the Encoding Standard (whatwg.org), which takes the wider code
# page where senders mix the two up.
_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16",
    "utf-16le": "utf-16-le",
    "utf-16be": "utf-16-be",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "big5-hkscs": "big5hkscs",
    "shift_jis": "cp932",
    "shift-jis": "cp932",
    "windows-31j": "cp932",
    "euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp",
    "euc-kr": "cp949",
    "ks_c_5601-1987": "cp949",
    "koi8-r": "koi8_r",
    "koi8-u": "koi8_u",
}
_FAMILIES = re.compile(r"iso-8859-(?:[2-8]|1[03-6])|windows-125[0-8]")
_UNDERSTOOD = (
    "utf-8, utf-16, iso-8859-1 to iso-8859-16, windows-1250 to windows-1258, gbk, gb18030, big5,"
    " shift_jis, euc-jp, iso-2022-jp, euc-kr, koi8-r and koi8-u"
)
_REPLACING = "notification-replace"


class CharsetDecoder:
    """Decodes bytes of one charset; what they don't say becomes U+FFFD and is counted.

    Args:
        charset: its name, from the declaration; empty for UTF-8.

    Raises:
        ServiceError: UNSUPPORTED_MEDIA_TYPE for a charset that isn't known.
    """

    __slots__ = ("codec", "replaced_bytes")

    def __init__(self, charset: str = "") -> None:
        self.codec = _codec(charset)
        self.replaced_bytes = 0

    def text(self, content: bytes) -> str:
        """Decode bytes."""
        return content.decode(self.codec, self.errors())

    def errors(self) -> str:
        """Return the name of an error handler that replaces and counts for this decoder.

        It does until another decoder asks for its own.
        """

        def replace(error: UnicodeError) -> tuple[str, int]:
            if not isinstance(error, UnicodeDecodeError):
                raise error
            self.replaced_bytes += error.end - error.start
            return "\ufffd", error.end

        codecs.register_error(_REPLACING, replace)
        return _REPLACING


def _codec(charset: str) -> str:
    name = charset.strip().lower()
    if not name:
        return "utf-8"
    codec = _CODECS.get(name)
    if codec is None and _FAMILIES.fullmatch(name):
        codec = name.replace("windows-", "cp").replace("iso-8859-", "iso8859_")
    if codec is None:
        raise ServiceError(
            "UNSUPPORTED_MEDIA_TYPE",
            f"The charset {name[:40]} is not understood; understood are {_UNDERSTOOD}",
        )
    return codec


def without_codings(body: bytes, header: str, limit: int) -> bytes:
    """Take off the codings that `Content-Encoding` names, within `limit` bytes at every step.

    `deflate` is the zlib format (RFC 9110, 8.4.1.2), or the bare stream that some send.

    Raises:
        ServiceError: UNSUPPORTED_MEDIA_TYPE for a coding that isn't known, PAYLOAD_TOO_LARGE, or
            INVALID_REQUEST if the body isn't what the header says.
    """
    named = [name.strip().lower().removeprefix("x-") for name in header.split(",", 16)]
    codings = [name for name in named if name not in ("", "identity")]
    unknown = [name for name in codings if name not in _CODINGS]
    if unknown or len(codings) > MAX_CODINGS:
        what = f"{unknown[0][:40]} is" if unknown else f"{len(codings)} codings are"
        raise ServiceError(
            "UNSUPPORTED_MEDIA_TYPE",
            f"Content-Encoding: {what} not understood; understood are gzip and deflate",
        )
    for name in reversed(codings):
        body = _inflated(body, name, limit)
    return body


def _inflated(body: bytes, coding: str, limit: int) -> bytes:
    if not body:
        return body
    windows = (_GZIP,) if coding == "gzip" else (_ZLIB, _RAW)
    for window in windows:
        try:
            return _streams(body, window, limit)
        except zlib.error:
            continue
    raise ServiceError(
        "INVALID_REQUEST", f"The body is not whole {coding}, as Content-Encoding says it is"
    )


def _streams(body: bytes, window: int, limit: int) -> bytes:
    """Inflate a body; a gzip file may be several in a row (RFC 1952, 2.2).

    Raises:
        zlib.error: it is malformed or cut short.
        ServiceError: PAYLOAD_TOO_LARGE.
    """
    parts: list[bytes] = []
    room = limit + 1
    rest = body
    for _ in range(MAX_MEMBERS):
        inflater = zlib.decompressobj(window)
        part = inflater.decompress(rest, room)
        parts.append(part)
        room -= len(part)
        if room <= 0:
            raise ServiceError(
                "PAYLOAD_TOO_LARGE",
                f"Request body too large once decoded. Maximum size: {limit} bytes",
            )
        if not inflater.eof:
            raise zlib.error("cut short")
        # Some archives end with padding of zeros.
        rest = inflater.unused_data.lstrip(b"\0") if window == _GZIP else b""
        if not rest:
            return b"".join(parts)
    raise zlib.error("too many members")

"""Files of age with a passphrase, written and read as a stream.

`pyrage` takes and gives whole files in memory for a passphrase, and lets its key take as much
memory as one second of work fills. So the format, which is small, is written here: one header, and
then parts that are each sealed on their own. Source: C2SP, "The age file encryption format" (v1),
sections "Header", "The scrypt recipient type" and "Payload".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"age-encryption.org/v1\n"
_LABEL = b"age-encryption.org/v1/scrypt"
_PART = 64 * 1024
_TAG = 16
_KEY = 16
_NONCE = 16
_LONGEST_LINE = 200
WORK_FACTOR = 17
"""Base 2 logarithm of scrypt's N: 128 MiB of memory, the least that OWASP advises for it ("Password
Storage Cheat Sheet", scrypt: N=2^17, r=8, p=1)."""
_MAX_WORK_FACTOR = 22
"""What is opened at most: 4 GiB. age itself refuses more as well."""
_STANZA = re.compile(
    rb"-> scrypt (?P<salt>[A-Za-z0-9+/]{22}) (?P<work>[1-9][0-9]?)\n"
    rb"(?P<body>[A-Za-z0-9+/]{43})\n---"
)


class NotOpened(Exception):
    """The passphrase is another one, or the file isn't what was written."""


def seal(source: IO[bytes], target: IO[bytes], passphrase: str) -> None:
    """Write what ``source`` holds so that only the passphrase opens it, part by part."""
    file_key, salt, nonce = os.urandom(_KEY), os.urandom(16), os.urandom(_NONCE)
    wrapping = _wrapping_key(passphrase, salt, WORK_FACTOR)
    body = ChaCha20Poly1305(wrapping).encrypt(bytes(12), file_key, None)
    header = (
        _VERSION + b"-> scrypt %s %d\n" % (_base64(salt), WORK_FACTOR) + b"%s\n---" % _base64(body)
    )
    target.write(header + b" %s\n" % _base64(_header_mac(file_key, header)) + nonce)
    cipher = ChaCha20Poly1305(_derived(file_key, nonce, b"payload"))
    part, number = source.read(_PART), 0
    while True:
        following = source.read(_PART)
        target.write(cipher.encrypt(_part_nonce(number, is_last=not following), part, None))
        if not following:
            return
        part, number = following, number + 1


def unseal(source: IO[bytes], target: IO[bytes], passphrase: str) -> None:
    """Write what a sealed file holds, part by part.

    Nothing of a part is written before it is known to be genuine. A file that was cut off is told
    at its end, so that what was written until then isn't to be used.

    Raises:
        NotOpened: the passphrase is wrong, or the file is damaged or of another form.
    """
    header, mac = _read_header(source)
    found = _STANZA.fullmatch(header, len(_VERSION))
    if not header.startswith(_VERSION) or found is None or int(found["work"]) > _MAX_WORK_FACTOR:
        raise NotOpened
    wrapping = _wrapping_key(passphrase, _bytes(found["salt"]), int(found["work"]))
    try:
        file_key = ChaCha20Poly1305(wrapping).decrypt(bytes(12), _bytes(found["body"]), None)
        if not hmac.compare_digest(mac, _base64(_header_mac(file_key, header))):
            raise NotOpened
        cipher = ChaCha20Poly1305(_derived(file_key, source.read(_NONCE), b"payload"))
        part, number = source.read(_PART + _TAG), 0
        while True:
            following = source.read(_PART + _TAG)
            content = cipher.decrypt(_part_nonce(number, is_last=not following), part, None)
            if number and not content:
                raise NotOpened
            target.write(content)
            if not following:
                return
            part, number = following, number + 1
    except InvalidTag:
        raise NotOpened from None


def _read_header(source: IO[bytes]) -> tuple[bytes, bytes]:
    """Return the header up to its "---", and the code behind it; as many bytes as one may have."""
    lines = [source.readline(_LONGEST_LINE) for _ in range(4)]
    mark, space, mac = lines[3].partition(b" ")
    if mark != b"---" or not space or not mac.endswith(b"\n"):
        raise NotOpened
    return b"".join(lines[:3]) + mark, mac[:-1]


def _wrapping_key(passphrase: str, salt: bytes, work_factor: int) -> bytes:
    n = 1 << work_factor
    return hashlib.scrypt(
        passphrase.encode(),
        salt=_LABEL + salt,
        n=n,
        r=8,
        p=1,
        # What it takes is 128 * N * r, and a little.
        maxmem=128 * n * 8 + (1 << 20),
        dklen=32,
    )


def _header_mac(file_key: bytes, header: bytes) -> bytes:
    return hmac.digest(_derived(file_key, b"", b"header"), header, "sha256")


def _derived(file_key: bytes, salt: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=purpose).derive(file_key)


def _part_nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _base64(content: bytes) -> bytes:
    return base64.b64encode(content).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    return base64.b64decode(text + b"=" * (-len(text) % 4))

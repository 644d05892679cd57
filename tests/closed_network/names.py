"""The outside, as a closed network shows it: a resolver and a certificate authority."""

from __future__ import annotations

import datetime
import socket
import ssl
import struct
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)
_A_RECORD = 1


class Resolver:
    """Answers 127.0.0.1 to every question for an address (RFC 1035), on the usual port.

    Args:
        silence: a file; while it exists no name is known, as where only a proxy resolves them.
    """

    def __init__(self, silence: Path) -> None:
        self._silence = silence
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            query, asker = self._socket.recvfrom(512)
            found = _no_such_name(query) if self._silence.exists() else _answer(query)
            self._socket.sendto(found, asker)


def _answer(query: bytes) -> bytes:
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    is_address = struct.unpack(">H", question[-4:-2])[0] == _A_RECORD
    header = query[:2] + struct.pack(">HHHHH", 0x8180, 1, int(is_address), 0, 0)
    if not is_address:
        return header + question
    record = struct.pack(">HHHIH", 0xC00C, _A_RECORD, 1, 60, 4) + bytes((127, 0, 0, 1))
    return header + question + record


def _no_such_name(query: bytes) -> bytes:
    end = query.index(b"\0", 12) + 5
    return query[:2] + struct.pack(">HHHHH", 0x8183, 1, 0, 0, 0) + query[12:end]


class Authority:
    """A company's certificate authority, whose certificate clients find in ``SSL_CERT_FILE``.

    Args:
        folder: where ``ca.pem`` and the server's certificate are written.
        names: the names that the server answers for.
    """

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.certificate_file = folder / "ca.pem"
        self.server_file = folder / "server.pem"
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _name("The company's own authority")
        own = (
            _builder(subject, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificate_file.write_bytes(own.public_bytes(serialization.Encoding.PEM))
        server_key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        server = (
            _builder(_name("everywhere"), subject, server_key.public_key())
            .add_extension(alternatives, critical=False)
            .sign(key, hashes.SHA256())
        )
        private = server_key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        self.server_file.write_bytes(private + server.public_bytes(serialization.Encoding.PEM))

    def context(self) -> ssl.SSLContext:
        """Return what a server presents itself with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.server_file)
        return context


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + 90 * _DAY)
    )

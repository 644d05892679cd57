"""A key service with the two calls that Pulumi makes of HashiCorp Vault's transit engine."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8200
_FORM = "vault:v1:"


class Transit(BaseHTTPRequestHandler):
    """Encrypts by writing backwards; who asks must have the token."""

    def do_PUT(self) -> None:
        """Answer a call of ``/v1/transit/encrypt/KEY`` or ``/v1/transit/decrypt/KEY``."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["X-Vault-Token"] != "token":
            self.send_error(403)
            return
        if "/transit/encrypt/" in self.path:
            data = {"ciphertext": _FORM + asked["plaintext"][::-1]}
        else:
            data = {"plaintext": asked["ciphertext"].removeprefix(_FORM)[::-1]}
        body = json.dumps({"data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT  # noqa: N815 - the server's name

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", PORT), Transit)
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    server.serve_forever()

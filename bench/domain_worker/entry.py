"""Runs parts of the service's own modules inside the runtime, as often as it is told.

The path says what and how often: `/render/1000`, `/verify/1000`, `/import/start/1`,
`/import/every/1`. The answer is what was done, so that nothing can be left out unseen.
"""

import pkgutil
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

import js
from workers import WorkerEntrypoint

KEY = "k" * 40
NOW_MS = 1_760_000_000_000
TEMPLATE = (
    "Dear {{name}}, your order {{order.id}} of {{order.date}} is on its way.\n"
    "{{#each order.lines}}{{quantity}} x {{title}}: {{price}}\n{{/each}}"
    "{{#if order.gift}}It is wrapped as a gift.{{/if}} Thank you, {{shop}}"
)
VARIABLES = {
    "name": "Ada",
    "shop": "The Shop & Sons",
    "order": {
        "id": 4711,
        "date": "2026-01-05",
        "gift": True,
        "lines": [{"quantity": n, "title": f"Article <{n}>", "price": "9.99"} for n in range(5)],
    },
}
BODY = (
    b'{"user_id":"bench","channels":["webhook"],'
    b'"custom_content":{"subject":"Hello","content":"It works"}}'
)
# Before anything of the service is imported: an import from nothing starts from here.
AT_START = frozenset(sys.modules)


class Default(WorkerEntrypoint):
    """Answers `GET /<what>/<count>`."""

    async def fetch(self, request: Any) -> Any:
        """Do it, and say what came of the last time."""
        what, count = request.url.split("/", 3)[3].rsplit("/", 1)
        last = WORK[what](int(count))
        return js.Response.new(str(last))


def _render(count: int) -> str:
    from notification.markup.escaping import escape_html
    from notification.templates.program import compile_template
    from notification.templates.rendering import render

    text = ""
    for _ in range(count):
        text = render(compile_template(TEMPLATE), VARIABLES, escape_html).text
    return text


def _verify(count: int) -> str:
    import hashlib
    import hmac

    from notification.http.authentication import authenticate
    from notification.http.request import Request
    from notification.settings import Settings

    async def read(_limit: int) -> bytes:
        return BODY

    settings = Settings.read({"API_SECRET_KEY": KEY, "ENCRYPT_KEY": "e" * 32})
    target = "/api/notifications/send"
    digest = hashlib.sha256(BODY).hexdigest()
    text = f"{NOW_MS}\nPOST\n{target}\n{digest}".encode()
    headers = {
        "x-timestamp": str(NOW_MS),
        "x-signature-version": "2",
        "x-signature": hmac.digest(KEY.encode(), text, "sha256").hex(),
    }
    request = Request(method="POST", host="bench", target=target, headers=headers, read=read)
    request._body = BODY
    for _ in range(count):
        authenticate(request, settings, NOW_MS)
    return "accepted"


def _import(every: bool, count: int) -> int:
    imported = 0
    for _ in range(count):
        for name in [name for name in sys.modules if name not in AT_START]:
            del sys.modules[name]
        import_module("notification.app.worker")
        if every:
            package = import_module("notification")
            for module in pkgutil.walk_packages(package.__path__, "notification."):
                import_module(module.name)
        imported = len([name for name in sys.modules if name.startswith("notification")])
    return imported


WORK: dict[str, Callable[[int], object]] = {
    "render": _render,
    "verify": _verify,
    "import/start": lambda count: _import(False, count),
    "import/every": lambda count: _import(True, count),
}

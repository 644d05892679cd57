"""Why a signed call is refused: the key, the clock, the text that is signed, and a real call."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime

import httpx

from ops.access.checks.outcome import Outcome
from ops.stacks.service import ServiceClient

WINDOW_S = 300
"""Seconds by which a caller's clock may differ from the service's: docs/api.md."""

KEY_LENGTH = 64

SAMPLE = ("POST", "/api/notifications/send", b'{"user_id":"sample"}')
"""Method, path and body whose text to sign is shown; it is never sent."""

_CALL = ("GET", "/api/deployment")
_ASK = "GET /api/health"


class Signature:
    """Looks at one service's signed calls.

    Args:
        service: a client that signs with the key that is looked at.
        anonymous: a client of the same service that doesn't sign.
        key: the key.
        now: returns seconds since the epoch.
    """

    def __init__(
        self,
        service: ServiceClient,
        anonymous: ServiceClient,
        *,
        key: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._anonymous = anonymous
        self._key = key
        self._now = now

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the checks ``key``, ``clock``, ``text to sign`` and ``signed call``.

        Raises:
            ServiceError: the service gave no answer.
        """
        yield self._length()
        yield self._skew()
        yield Outcome.ok("text to sign", repr(self.text_to_sign()))
        yield self._call()

    def text_to_sign(self) -> str:
        """Return the text of the sample request, as docs/api.md has it: four lines, no key."""
        method, path, body = SAMPLE
        digest = hashlib.sha256(body).hexdigest()
        return f"{int(self._now() * 1000)}\n{method}\n{path}\n{digest}"

    def _length(self) -> Outcome:
        found = f"{len(self._key)} characters"
        if re.search(r"\s", self._key):
            found += ", with a space or a line break among them"
        if found == f"{KEY_LENGTH} characters":
            return Outcome.ok("key", found)
        return Outcome.fail(
            "key",
            f"{found}; it has {KEY_LENGTH} hexadecimal digits",
            "Set it again: 'notifyctl keys rotate' makes one and keeps the old one valid.",
        )

    def _skew(self) -> Outcome:
        before = self._now()
        answer = self._anonymous.call("GET", "/api/health")
        middle = (before + self._now()) / 2
        stamp = answer.headers.get("date")
        try:
            theirs = parsedate_to_datetime(stamp or "").timestamp()
        except ValueError:
            return Outcome.warn(
                "clock", f"{_ASK} answered without a Date header", "Compare the clock by hand."
            )
        # The header has whole seconds: half of one is its middle.
        skew = middle - (theirs + 0.5)
        found = f"this machine is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} it"
        if abs(skew) < WINDOW_S:
            return Outcome.ok("clock", f"{found}; up to {WINDOW_S} s are allowed")
        return Outcome.fail(
            "clock",
            f"{found}; more than {WINDOW_S} s are refused",
            "Set this machine's clock, by NTP at best.",
        )

    def _call(self) -> Outcome:
        answer = self._service.call(*_CALL)
        if answer.status_code == 200:
            return Outcome.ok("signed call", f"{' '.join(_CALL)} answered 200")
        code = _code(answer)
        advice = {
            "INVALID_SIGNATURE": "The service has another key: deploy the stack's by "
            "'notifyctl up', or look at 'notifyctl drift'.",
            "REQUEST_EXPIRED": "The clocks differ: see 'clock'.",
        }.get(code, "Look for the reason: notifyctl diagnose.")
        found = f"{' '.join(_CALL)} was refused with {answer.status_code} {code}".rstrip()
        return Outcome.fail("signed call", found, advice)


def _code(answer: httpx.Response) -> str:
    try:
        document = answer.json()
    except ValueError:
        return ""
    return str(document.get("code", "")) if isinstance(document, dict) else ""

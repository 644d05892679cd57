"""Keeps secrets out of whatever the engine says."""

from __future__ import annotations

import json
import threading

from engine.property_value import PropertyValue, Secret, contains_secret

#: Shorter texts ("on", "1") occur in any sentence by chance; hiding them would hide nothing.
_SHORTEST = 6
_HIDDEN = "[secret]"


class Redaction:
    """Replaces every secret text it has seen by ``[secret]``. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: set[str] = set()

    def learn(self, value: PropertyValue, *, secret: bool = False) -> None:
        """Remember the secret texts in ``value`` (all texts where ``secret``).

        Of a secret that holds secrets, those inside count: the rest is marked only because the
        mark is on a whole property. What calls itself plain text is none.
        """
        if isinstance(value, Secret):
            self.learn(value.value, secret=not contains_secret(value.value))
        elif isinstance(value, dict):
            if value.get("type") != "plain_text":
                for item in value.values():
                    self.learn(item, secret=secret)
        elif isinstance(value, list):
            for item in value:
                self.learn(item, secret=secret)
        elif secret and isinstance(value, str) and len(value) >= _SHORTEST:
            # A program's output and a traceback come line by line.
            lines = {line for line in value.splitlines() if len(line.strip()) >= _SHORTEST}
            escaped = {json.dumps(value, ensure_ascii=plain)[1:-1] for plain in (True, False)}
            with self._lock:
                self._texts |= {value} | escaped | lines

    def __call__(self, message: str) -> str:
        """``message`` without the known secrets."""
        with self._lock:
            texts = sorted(self._texts, key=len, reverse=True)
        for text in texts:
            message = message.replace(text, _HIDDEN)
        return message

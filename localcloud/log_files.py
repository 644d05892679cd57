"""Log files as JSON lines, rotated by size, and reading their newest lines back."""

from __future__ import annotations

import json
import logging
import logging.handlers
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MAX_BYTES = 4 * 1024 * 1024
BACKUPS = 3
MAX_LINES = 1000
_ALIKE = (("debug",), ("log", "info"), ("warn", "warning"), ("error",))
_LEVELS = {name: rank for rank, names in enumerate(_ALIKE) for name in names}


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC)
        document = {
            "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "source": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info and record.exc_info[0] is not None:
            document["exception"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False)


class LogFiles:
    """`control-plane.log` and `host.log` by the logging module, `worker.log` by `write`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._worker = self._handler("worker.log")
        self._worker.setFormatter(logging.Formatter("%(message)s"))

    def install(self) -> None:
        """Send this package's logging and the HTTP servers' errors to the files."""
        logging.raiseExceptions = False  # a full disk must not fill standard error as well
        root = logging.getLogger("localcloud")
        root.setLevel(logging.INFO)
        root.propagate = False
        control = self._handler("control-plane.log")
        control.addFilter(lambda record: record.name != "localcloud.host")
        host = self._handler("host.log")
        host.addFilter(lambda record: record.name == "localcloud.host")
        root.handlers[:] = [control, host]
        servers = logging.getLogger("uvicorn")
        servers.setLevel(logging.WARNING)
        servers.propagate = False
        servers.handlers[:] = [control]

    def write(self, lines: Sequence[str]) -> None:
        """Append events of the host as they came: each request's log lines come this way."""
        text = "\n".join(lines)
        self._worker.emit(logging.LogRecord("worker", logging.INFO, "", 0, text, None, None))

    def newest(self, *, limit: int, level: str = "debug") -> list[dict[str, Any]]:
        """The last `limit` lines (at most 1000) of the Workers, oldest first, from `level` up."""
        least = _LEVELS[level]
        kept: deque[dict[str, Any]] = deque(maxlen=min(limit, MAX_LINES))
        for path in (self._folder / "worker.log.1", self._folder / "worker.log"):
            if not path.is_file():
                continue
            with path.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    try:
                        event = json.loads(line)
                    except ValueError:
                        continue  # a line that a kill cut off
                    if not isinstance(event, dict):
                        continue
                    if (
                        _LEVELS.get(str(event.get("level", "info")).lower(), _LEVELS["info"])
                        >= least
                    ):
                        kept.append(event)
        return list(kept)

    def close(self) -> None:
        """Close the Workers' file."""
        self._worker.close()

    def _handler(self, name: str) -> logging.handlers.RotatingFileHandler:
        handler = logging.handlers.RotatingFileHandler(
            self._folder / name,
            maxBytes=MAX_BYTES,
            backupCount=BACKUPS,
            encoding="utf-8",
            delay=True,
        )
        handler.setFormatter(_JsonLines())
        return handler


LEVELS = frozenset(_LEVELS)

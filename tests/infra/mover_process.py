"""A mover in a process of its own, which can be killed: `python -m tests.infra.mover_process`.

It prints what it says, and at its end a document with the peak of its memory. The databases are its
arguments, behind the account, the API's address and how many of them are to have recipients.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from infra.migrations.d1 import D1Database
from infra.shards.mover import Mover


def main(account: str, base_url: str, n: str, *ids: str) -> None:
    """Move, and tell of each page."""
    databases = [D1Database(account_id=account, database_id=one, base_url=base_url) for one in ids]
    Mover(
        databases,
        settled=0,
        say=lambda text: print(text, flush=True),  # noqa: T201 - what this process is for
        every=0,
    ).move(int(n))
    print(json.dumps({"peak_mb": _peak_mb()}), flush=True)  # noqa: T201 - as above


def _peak_mb() -> int:
    """Return the peak of this program's own memory; `ru_maxrss` begins with that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [kilobytes] = re.findall(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kilobytes) // 1024


if __name__ == "__main__":
    main(*sys.argv[1:])

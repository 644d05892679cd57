"""Where the local cloud listens, and where it was reached after a start."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from localcloud.atomic_write import write_whole

ACCOUNT_ID = "00000000000000000000000000000001"
LOOPBACK = "127.0.0.1"

# name → (option of the command line, environment variable)
SWITCHES = {
    "control": ("--control-port", "NOTIFICATION_LOCAL_CONTROL_PORT"),
    "edge": ("--edge-port", "NOTIFICATION_LOCAL_EDGE_PORT"),
    "sink": ("--sink-port", "NOTIFICATION_LOCAL_SINK_PORT"),
}


@dataclass(frozen=True)
class Ports:
    """The three TCP ports on 127.0.0.1; 0 lets the system choose a free one."""

    control: int = 8787
    edge: int = 8788
    sink: int = 8789

    @classmethod
    def chosen(cls, kept: Path, environment: Mapping[str, str] = os.environ) -> Ports:
        """Return NOTIFICATION_LOCAL_{CONTROL,EDGE,SINK}_PORT over those kept, over the defaults.

        Raises ValueError for a variable that isn't 0 to 65535, naming it, and for a damaged file.
        """
        chosen = _kept(kept)
        for name, (_, variable) in SWITCHES.items():
            text = environment.get(variable, "")
            if not text:
                continue
            if not text.isdecimal() or int(text) > 65535:
                raise ValueError(f"{variable} is {text!r}: give a port number from 0 to 65535.")
            chosen[name] = int(text)
        return cls(**chosen)

    def keep(self, file: Path) -> None:
        """Write them down for the next start of the same data, unless the system chose one.

        Raises OSError.
        """
        if 0 not in (self.control, self.edge, self.sink):
            text = json.dumps(asdict(self)) + "\n"
            if not file.is_file() or file.read_text("utf-8") != text:
                write_whole(file, text)

    def agrees_with(self, other: Ports) -> bool:
        """Tell whether a cloud on the ports `other` satisfies these (0 takes any port)."""
        pairs = ((self.control, other.control), (self.edge, other.edge), (self.sink, other.sink))
        return all(wanted in {0, there} for wanted, there in pairs)


def _kept(file: Path) -> dict[str, int]:
    try:
        found = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{file} can't be read ({error}): remove it, and choose ports anew."
        ) from None
    ports = (
        [port for name, port in found.items() if name in SWITCHES]
        if isinstance(found, dict)
        else []
    )
    if len(ports) != len(SWITCHES) or not all(type(p) is int and 0 < p <= 65535 for p in ports):
        raise ValueError(f"{file} doesn't hold three ports: remove it, and choose ports anew.")
    return {name: found[name] for name in SWITCHES}


@dataclass(frozen=True)
class Endpoints:
    """What a caller needs to use a running local cloud. `api_token` is a secret."""

    control_url: str
    service_url: str
    sink_url: str
    account_id: str
    api_token: str

    @classmethod
    def on(cls, ports: Ports, *, api_token: str) -> Endpoints:
        """Derive the addresses from the ports that are really in use."""
        return cls(
            control_url=f"http://{LOOPBACK}:{ports.control}/client/v4",
            service_url=f"http://{LOOPBACK}:{ports.edge}",
            sink_url=f"http://{LOOPBACK}:{ports.sink}",
            account_id=ACCOUNT_ID,
            api_token=api_token,
        )

    def public(self) -> dict[str, Any]:
        """Everything but the token, fit for a terminal or a log."""
        return {
            "control_url": self.control_url,
            "service_url": self.service_url,
            "sink_url": self.sink_url,
            "account_id": self.account_id,
        }

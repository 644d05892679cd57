"""Where the local cloud listens, and where it was reached after a start."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Ports:
        """Read NOTIFICATION_LOCAL_{CONTROL,EDGE,SINK}_PORT over the defaults.

        Raises ValueError, naming the variable, for anything that isn't 0 to 65535.
        """
        chosen: dict[str, int] = {}
        for name, (_, variable) in SWITCHES.items():
            text = environment.get(variable, "")
            if not text:
                continue
            if not text.isdecimal() or int(text) > 65535:
                raise ValueError(f"{variable} is {text!r}: give a port number from 0 to 65535.")
            chosen[name] = int(text)
        return cls(**chosen)

    def agrees_with(self, other: Ports) -> bool:
        """Tell whether a cloud on the ports `other` satisfies these (0 takes any port)."""
        pairs = ((self.control, other.control), (self.edge, other.edge), (self.sink, other.sink))
        return all(wanted in {0, there} for wanted, there in pairs)


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

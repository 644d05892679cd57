"""`python -m localcloud start|stop|status|erase|serve --home DIR`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from localcloud.daemon import LocalCloud
from localcloud.endpoints import SWITCHES, Ports
from localcloud.errors import LocalCloudError
from localcloud.home import CloudHome


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code, 1 after an error that was told."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except LocalCloudError as error:
        _say({"error": {"kind": error.kind, "message": str(error)}}, str(error), options.json)
        return 1


def _run(options: argparse.Namespace) -> int:
    ports = _ports(options)
    if options.command == "serve":
        return _serve(options, ports)
    cloud = LocalCloud(options.home, ports, host_command=options.host_command)
    if options.command == "start":
        endpoints = cloud.start(on_step=lambda text: print(text, file=sys.stderr))  # noqa: T201  a command speaks
        public = endpoints.public()
        _say(public, "\n".join(f"{name}: {value}" for name, value in public.items()), options.json)
    elif options.command == "stop":
        stopped = cloud.stop()
        _say({"stopped": stopped}, "stopped" if stopped else "it wasn't running", options.json)
    elif options.command == "erase":
        cloud.erase()
        _say({"erased": True}, "erased", options.json)
    else:
        status = cloud.status()
        _say(status, "\n".join(f"{name}: {value}" for name, value in status.items()), options.json)
    return 0


def _serve(options: argparse.Namespace, ports: Ports) -> int:
    # Imported here: the other commands need none of the server.
    from localcloud.host_process import NodeHost
    from localcloud.serving import Serving, json_lines

    launcher = NodeHost(options.host_command) if options.host_command else None
    report = json_lines if options.json else _tell
    return Serving(CloudHome(options.home.resolve()), ports, report, launcher).run()


def _tell(report: dict[str, Any]) -> None:
    if "step" in report:
        print(report["step"], file=sys.stderr)  # noqa: T201  a command speaks
    elif "error" in report:
        print(report["error"]["message"], file=sys.stderr)  # noqa: T201  a command speaks
    else:
        for name, value in report["ready"].items():
            print(f"{name}: {value}")  # noqa: T201  a command speaks


def _say(document: dict[str, Any], text: str, as_json: bool) -> None:
    print(json.dumps(document) if as_json else text)  # noqa: T201  a command speaks


def _ports(options: argparse.Namespace) -> Ports:
    try:
        chosen = Ports.chosen(CloudHome(options.home.resolve()).ports)
    except ValueError as error:
        raise LocalCloudError(str(error)) from error
    given = {name: getattr(options, f"{name}_port") for name in SWITCHES}
    return Ports(
        **{name: getattr(chosen, name) if port is None else port for name, port in given.items()}
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcloud", description=__doc__)
    parser.add_argument("command", choices=["start", "stop", "status", "erase", "serve"])
    parser.add_argument("--home", type=Path, required=True, help="folder of the local state")
    for name, (option, variable) in SWITCHES.items():
        parser.add_argument(option, type=_port, help=f"port of the {name}; also {variable}")
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    parser.add_argument("--host-command", action="append", help=argparse.SUPPRESS)
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} isn't a port from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())

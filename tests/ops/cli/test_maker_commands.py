"""``keys``, ``bundle``, ``dev`` and ``explain``: what they hand on, and what they print."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import Result

from ops.cli.commands import keys
from ops.deploy.development.development_run import Address
from ops.observe.tail.log_line import LogLine
from ops.stacks.errors import GateClosed, OperationError, UsageError
from tests.ops.cli.in_process import Commands, failed_with

OLD = SimpleNamespace(
    key_id="k1", is_current=False, calls=1, last="yesterday", document=lambda: {"key_id": "k1"}
)
NEW = SimpleNamespace(
    key_id="k2", is_current=True, calls=9, last="today", document=lambda: {"key_id": "k2"}
)


def document(result: Result) -> Any:
    """The one document on standard output, which is laid out for people too."""
    assert result.stdout.startswith(("{\n  ", "[\n  ")), result.output
    return json.loads(result.stdout)


# keys rotate


class Rotations:
    """A rotation that notes which keys it gets."""

    def __init__(self, retired_at: str = "") -> None:
        self.calls: list[Any] = []
        self.retired_at = retired_at

    def __call__(self, _: Any) -> Rotations:
        return self

    def _report(self, how: str, keys: Any) -> Any:
        self.calls.append((how, tuple(keys)))
        return SimpleNamespace(
            keys=keys, retired_at=self.retired_at, document=lambda: {"stage": how}
        )

    def begin(self, keys: Any) -> Any:
        return self._report("begin", keys)

    def finish(self, keys: Any) -> Any:
        return self._report("finish", keys)


def rotated(
    commands: Commands, *options: str, retired_at: str = "", uses: Any = ((), "")
) -> tuple[Result, list[Any]]:
    work = Rotations(retired_at)
    asked: list[int] = []

    def used(_: Any, *, days: int) -> Any:
        asked.append(days)
        return uses

    commands.replace("keys", Rotation=work, _uses=used)
    result = commands.run("keys", "rotate", "-s", "dev", *options)
    assert asked == ([1] if "--finish" in options and result.exception is None else [])
    return result, work.calls


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ((), ("apiSecretKey", "encryptKey")),
        (("encryptKey",), ("encryptKey",)),
        (("--kind", "signing"), ("apiSecretKey",)),
        (("--kind", "encryption"), ("encryptKey",)),
    ],
)
def test_a_rotation_is_begun_and_finished(
    commands: Commands, options: tuple[str, ...], keys: tuple[str, ...]
) -> None:
    held, named = ", ".join(keys), " ".join(keys)
    result, calls = rotated(commands, *options)
    assert calls == [("begin", keys)]
    assert result.stdout == (
        f"Old and new hold on 'dev': {held}. Give clients the new signing key, then: notifyctl "
        f"keys rotate --stack dev {named} --finish\n"
    )
    result, calls = rotated(commands, *options, "--finish")
    assert calls == [("finish", keys)]
    assert result.stdout == f"Retired on 'dev': only the new {held} hold.\n"
    result, _ = rotated(commands, *options, "--finish", retired_at="yesterday")
    assert result.stdout.startswith(f"Nothing left to finish on 'dev': only the new {held} hold")
    result, _ = rotated(commands, *options, "--json")
    assert document(result) == {"stage": "begin"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("encryptKey", "--kind", "signing"), "Give --kind or the settings' names, not both."),
        (("--settings-only", "--finish"), "--finish deploys: it doesn't go with --settings-only."),
    ],
)
def test_options_that_exclude_each_other_rotate_nothing(
    commands: Commands, options: tuple[str, ...], said: str
) -> None:
    result, calls = rotated(commands, *options)
    assert (failed_with(result, UsageError), calls) == (said, [])


def test_who_still_uses_the_older_key_is_told_before_it_is_retired(commands: Commands) -> None:
    result, _ = rotated(commands, "--finish", uses=((NEW, OLD), ""))
    warning = result.stdout.splitlines()[0]
    assert warning.startswith("warning: the older signing key k1 signed 1 call in the last day,")
    assert "k2" not in result.stdout
    result, _ = rotated(commands, "--finish", uses=((), "no token"))
    said = "warning: whether the older signing key is still in use isn't known: no token"
    assert result.stdout.splitlines()[0] == said


# keys age


def aged(commands: Commands, *options: str, uses: Any = ((), "")) -> Result:
    def entry(key: str, days: int | None, is_due: bool) -> Any:
        told = {"key": key, "days": days}
        return SimpleNamespace(
            stack="dev", key=key, days=days, is_due=is_due, document=lambda: told
        )

    ages = [entry("a", 1, False), entry("b", 91, True), entry("c", None, True)]
    commands.replace(
        "keys",
        key_ages=lambda *_, **__: ages,
        _uses=lambda _: uses,
        open_project=lambda _: SimpleNamespace(root=None),
        stack_files=lambda _: ["file"],
        read_stack_file=lambda path: path,
    )
    return commands.run("keys", "age", *options)


def test_the_age_of_each_secret_is_told_with_what_is_due(commands: Commands) -> None:
    lines = aged(commands).stdout.splitlines()
    assert [line.split() for line in lines[:4]] == [
        ["stack", "secret", "age"],
        ["dev", "a", "1", "day"],
        ["dev", "b", "91", "days"],
        ["dev", "c", "unknown"],
    ]
    assert lines[4:] == [
        (
            "warning: b of 'dev' is 91 days old; rotate it every 90: notifyctl keys rotate "
            "--stack dev b"
        ),
        (
            "warning: c of 'dev' is of unknown age; rotate it every 90: notifyctl keys rotate "
            "--stack dev c"
        ),
    ]
    result = aged(commands, "--fail")
    assert failed_with(result, GateClosed).startswith("2 secrets due for rotation")


def test_the_signing_keys_that_callers_used_are_told_for_one_stack(commands: Commands) -> None:
    lines = aged(commands, "-s", "dev", uses=((NEW, OLD), "")).stdout.splitlines()
    assert lines[4] == ""
    assert lines[6].split() == ["k2", "the", "newest", "9", "today"]
    assert lines[7].split() == ["k1", "an", "older", "one", "1", "yesterday"]
    found = document(aged(commands, "-s", "dev", "--json", uses=((OLD,), "")))
    assert found[-1] == {"stack": "dev", "key_id": "k1"}
    assert [one["key"] for one in found[:-1]] == ["a", "b", "c"]
    lines = aged(commands, "-s", "dev", uses=((), "no token")).stdout.splitlines()
    assert lines[4] == "Which signing keys are used isn't known: no token"


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"api_secret_key": "key", "worker_name": "notify"}, (("a use",), "")),
        ({"api_secret_key": "key"}, ((), "the stack isn't deployed")),
        ({"worker_name": "notify"}, ((), "the stack isn't deployed")),
        (OperationError("no answer"), ((), "no answer")),
    ],
)
def test_signing_keys_of_a_stack_are_asked_for(
    commands: Commands, outputs: Any, expected: Any
) -> None:
    def driver(_: Any) -> Any:
        def read(*, show_secrets: bool) -> Any:
            assert show_secrets
            if isinstance(outputs, Exception):
                raise outputs
            return outputs

        return SimpleNamespace(outputs=read)

    def used(account: str, *, worker: str, current_key: str, days: int) -> Any:
        assert (account, worker, current_key, days) == ("account", "notify", "key", 3)
        return ("a use",)

    commands.replace(
        "keys",
        choose_driver=driver,
        StackAccount=SimpleNamespace(of=lambda _: "account"),
        key_uses=used,
    )
    assert keys._uses(commands.context, days=3) == expected


# bundle


def bundled(commands: Commands, *options: str) -> tuple[Result, dict[str, Any]]:
    asked: dict[str, Any] = {}

    def assets(_: Any, **how: Any) -> Any:
        asked.update(how)
        return SimpleNamespace(folder="assets", sha256="b" * 64, files=1, size=1_536)

    built = SimpleNamespace(folder="worker", sha256="a" * 64, modules=200, size=1_049_376)
    commands.replace(
        "bundle", open_project=lambda _: None, build_bundle=lambda _: built, build_assets=assets
    )
    return commands.run("bundle", *options), asked


def test_what_was_built_is_told_with_its_size(commands: Commands) -> None:
    result, asked = bundled(commands)
    assert result.stdout.splitlines() == [
        f"worker: 200 modules, 1025 KiB, sha256 {'a' * 12}",
        f"assets: 1 file, 2 KiB, sha256 {'b' * 12}",
    ]
    assert asked == {"base_path": "/console", "folder": None}
    result, asked = bundled(commands, "--json", "--output", "out", "--base-path", "/a/b-c")
    assert asked == {"base_path": "/a/b-c", "folder": Path("out")}
    assert document(result) == {
        "folder": "worker",
        "sha256": "a" * 64,
        "modules": 200,
        "size": 1_049_376,
        "assets": {"folder": "assets", "sha256": "b" * 64, "files": 1, "size": 1_536},
    }


@pytest.mark.parametrize(
    ("path", "is_taken"),
    [("/", True), ("/a", True), ("a", False), ("/a/", False), ("/A", False), ("//a", False)],
)
def test_a_base_path_is_absolute_and_plain(commands: Commands, path: str, is_taken: bool) -> None:
    result, asked = bundled(commands, "--base-path", path)
    if is_taken:
        assert asked["base_path"] == path
    else:
        assert "is no absolute path" in failed_with(result, UsageError)
        assert asked == {}


# dev


def lines_of_dev(commands: Commands, *options: str, ends: bool = False) -> tuple[Result, Any]:
    made: list[Any] = []

    def run(_context: Any, port: int, debug: bool, ready: Any, show: Any, _: Any) -> Any:
        made.append((port, debug))

        def serve() -> None:
            ready(Address("http://service", "http://sink", "key"))
            for level in ("debug", "log", "info", "warn", "error"):
                show(LogLine("now", level, f"a line of {level}"))
            if ends:
                raise KeyboardInterrupt

        return SimpleNamespace(run=serve)

    commands.replace("dev", DevelopmentRun=run)
    return commands.run("dev", *options), made


def test_the_address_is_told_first_and_then_warnings_and_errors(commands: Commands) -> None:
    result, made = lines_of_dev(commands)
    lines = result.stdout.splitlines()
    assert lines[:4] == [
        "service  http://service",
        "sink     http://sink",
        "key      key (made up for this run)",
        "Watching worker/src; Ctrl-C ends it.",
    ]
    assert [line.rpartition(" ")[2] for line in lines[4:]] == ["warn", "error"]
    assert made == [(8790, False)]
    result, made = lines_of_dev(commands, "--debug", "--port", "0")
    assert len(result.stdout.splitlines()) == 4 + 5
    assert made == [(0, True)]


def test_the_address_as_json_is_the_one_line_on_standard_output(commands: Commands) -> None:
    result, _ = lines_of_dev(commands, "--json", "-s", "dev")
    assert json.loads(result.stdout) == {
        "stack": "dev",
        "service_url": "http://service",
        "sink_url": "http://sink",
        "api_secret_key": "key",
    }
    assert len(result.stderr.splitlines()) == 2


def test_ctrl_c_is_its_end(commands: Commands) -> None:
    result, _ = lines_of_dev(commands, ends=True)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "ended; nothing is left of it"


# explain


@pytest.mark.parametrize("is_reached", [True, False])
def test_a_user_whom_nothing_reaches_ends_with_1(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, is_reached: bool
) -> None:
    entries = [SimpleNamespace(document={"id": number}) for number in range(12)]
    shown: list[int] = []
    client = SimpleNamespace(configs=SimpleNamespace(iterate=lambda _: []))
    commands.replace(
        "explain",
        connected=lambda _: nullcontext(client),
        Selection=lambda **_: SimpleNamespace(find=lambda _: iter(entries)),
        _told=lambda *_: (["a line"], is_reached),
        show_list=lambda found, _: shown.append(len(found)),
    )
    result = commands.run("explain", "ada")
    assert (result.stdout, result.exit_code) == ("a line\n\n", 0 if is_reached else 1)
    assert shown == [5]
    found = document(commands.run("explain", "ada", "--json"))
    assert found == {
        "user_id": "ada",
        "reached": is_reached,
        "told": ["a line"],
        "last": [{"id": number} for number in range(10)],
    }
    entries.clear()
    assert commands.run("explain", "ada").stdout == "a line\n"
    assert shown == [5]


def test_at_most_200_notifications_are_looked_at(commands: Commands) -> None:
    seen: list[int] = []
    client = SimpleNamespace(configs=SimpleNamespace(iterate=lambda _: []))

    def told(_user: str, _configs: Any, last: list[Any]) -> Any:
        seen.append(len(last))
        return [], True

    commands.replace(
        "explain",
        connected=lambda _: nullcontext(client),
        Selection=lambda **_: SimpleNamespace(find=lambda _: iter(range(300))),
        _told=told,
        show_list=lambda *_: None,
    )
    assert commands.run("explain", "ada").exit_code == 0
    assert seen == [200]

"""The engine's parts by themselves: names, paths, order, secrets, and the protocol's values."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2  # type: ignore[import-untyped] # ships no types
from pulumi.runtime.proto import alias_pb2, resource_pb2

from engine.alias_resolution import AliasResolution
from engine.child_process import ChildProcess
from engine.errors import EngineError, Unsupported
from engine.goal import AliasSpec, Goal
from engine.property_path import keep_ignored, matches_any, parse
from engine.property_value import (
    ARCHIVE,
    ASSET,
    OUTPUT_VALUE,
    RESOURCE_REFERENCE,
    SIGNATURE,
    UNKNOWN,
    Secret,
)
from engine.redaction import Redaction
from engine.resource_state import ResourceState
from engine.state_order import settled
from engine.urn import ROOT_STACK_TYPE, Urn, label
from engine.wire import from_struct, reference_to_text, to_struct

STACK = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"


def urn(name: str, type_: str = "a:b:C") -> str:
    return f"urn:pulumi:dev::p::{type_}::{name}"


def goal(name: str = "n", **fields: Any) -> Goal:
    return Goal(urn(name), "a:b:C", name, custom=True, inputs={}, **fields)


def state(name: str, **fields: Any) -> ResourceState:
    return ResourceState(urn(name), "a:b:C", custom=True, **fields)


def test_a_name_holds_its_components_and_never_the_stack() -> None:
    child = Urn.of(stack="dev", project="p", parent=urn("g", "a:b:G"), type_="a:b:C", name="n")
    assert str(child) == urn("n", "a:b:G$a:b:C")
    assert (child.type, label(str(child))) == ("a:b:C", "a:b:C 'n'")
    alone = Urn.of(stack="dev", project="p", parent=STACK, type_="a:b:C", name="n::m")
    assert str(alone) == urn("n::m")
    assert Urn.parse(str(alone)).name == "n::m"
    assert Urn.parse(STACK).type == ROOT_STACK_TYPE
    for wrong in ("", "urn:pulumi:dev::p::t", "urn:other:dev::p::t::n"):
        with pytest.raises(ValueError, match="not a Pulumi URN"):
            Urn.parse(wrong)


def test_a_child_was_called_after_its_parents_former_name() -> None:
    aliases = AliasResolution("dev", "p")
    parent = Goal(
        urn("new", "a:b:G"),
        *("a:b:G", "new"),
        custom=False,
        inputs={},
        aliases=(AliasSpec(name="old"), AliasSpec(name="new")),
    )
    assert aliases.of(parent) == (urn("old", "a:b:G"),), "its own name is no former one"
    child = replace(
        goal("new-details", parent=parent.urn, aliases=(AliasSpec(type="a:b:D"),)),
        urn=urn("new-details", "a:b:G$a:b:C"),
    )
    assert aliases.of(child) == (
        urn("new-details", "a:b:G$a:b:D"),
        urn("old-details", "a:b:G$a:b:C"),
        urn("old-details", "a:b:G$a:b:D"),
    )
    moved = goal(parent=parent.urn, aliases=(AliasSpec(no_parent=True), AliasSpec(urn=urn("x"))))
    assert aliases.of(moved)[:2] == (urn("x"), urn("n", "a:b:G$a:b:C"))
    others = goal("m", aliases=(AliasSpec(stack="s"), AliasSpec(project="q")))
    assert aliases.of(others) == ("urn:pulumi:s::p::a:b:C::m", "urn:pulumi:dev::q::a:b:C::m")


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a.b[0].c", ("a", "b", 0, "c")),
        ('a["b.c"]["d\\"e"]', ("a", "b.c", 'd"e')),
        ("a[*].b", ("a", "*", "b")),
        ("*", ("*",)),
    ],
)
def test_a_property_path_is_read_by_its_parts(path: str, parts: tuple[object, ...]) -> None:
    assert parse(path) == parts


def test_a_path_matches_the_property_that_it_begins_with() -> None:
    assert matches_any("a", ("b", "a[0].c"))
    assert matches_any("anything", ("*",))
    assert not matches_any("ab", ("a", "b.ab"))


def test_ignored_properties_stay_as_they_were_wherever_they_are() -> None:
    new = {"a": 1, "o": {"x": 1, "y": 2}, "l": [{"v": 1}, {"v": 2}], "s": Secret({"k": "new"})}
    old = {"a": 0, "o": {"x": 9}, "l": [{"v": 8}], "s": Secret({"k": "old"}), "gone": 5}
    paths = ("a", "o.x", "o.y", "l[*].v", "s.k", "gone")
    kept = keep_ignored(replace(goal(ignore_changes=paths), inputs=new), state("n", inputs=old))
    assert kept == {
        "a": 0,
        "o": {"x": 9},
        "l": [{"v": 8}, {"v": 2}],
        "s": Secret({"k": "old"}),
        "gone": 5,
    }
    assert new["o"] == {"x": 1, "y": 2}, "the program's own values stay untouched"
    assert keep_ignored(replace(goal(ignore_changes=paths), inputs=new), None) == new


def test_the_state_holds_each_resource_after_what_it_refers_to_and_otherwise_as_before() -> None:
    provider = ResourceState(urn("pv", "pulumi:providers:a"), "pulumi:providers:a", True, id="1")
    first = state("z", provider=provider.reference)
    second = state("a", property_dependencies={"k": (first.urn,)})
    third = state("m", parent=second.urn)
    fourth = state("k", deleted_with=third.urn)
    waiting = state("old", delete=True)
    found = settled([waiting, fourth, third, second, first, provider], [])
    assert found == [provider, first, second, third, fourth, waiting]
    free = [state(name) for name in "abc"]
    assert settled(free, [free[2].urn, free[0].urn]) == [free[2], free[0], free[1]]
    circle = [state("a", dependencies=(urn("b"),)), state("b", dependencies=(urn("a"),))]
    assert settled(circle, []) == circle


def test_what_is_secret_is_in_no_message_and_what_is_short_or_plain_stays() -> None:
    hide = Redaction()
    hide.learn({"a": Secret("s3cret-a"), "b": [Secret("s3cret-a-longer")], "c": "open-text"})
    hide.learn(Secret({"inner": Secret("s3cret-in"), "beside": "beside-it", "n": Secret("on")}))
    hide.learn({"type": "plain_text", "text": Secret("plain-text")})
    hide.learn(Secret('quo"ted-secret'))
    said = hide(
        's3cret-a s3cret-a-longer open-text s3cret-in beside-it on plain-text quo\\"ted-secret'
    )
    assert said == "[secret] [secret] open-text [secret] beside-it on plain-text [secret]"
    hide.learn(Secret("-----BEGIN-----\nfirst-line\r\n  \n}\nsch\xfctzt"))
    assert hide("-----BEGIN-----") == hide("-----BEGIN-----\\nfirst-line\\r\\n  \\n}\\nsch\xfctzt")
    assert hide("of first-line, sch\xfctzt } {") == "of [secret], [secret] } {"


@pytest.mark.parametrize(
    ("secret", "said", "hidden"),
    [
        ("12345", "12345 in it", "12345 in it"),
        ("123456", "123456 in it", "[secret] in it"),
        ("123456\n 1234 \n12345\nabcdef", "1234 12345 abcdef", "1234 12345 [secret]"),
        ("abcdef\ttwo", "abcdef\\ttwo", "[secret]"),
        ("schützen", "sch\\u00fctzen schützen", "[secret] [secret]"),
    ],
)
def test_a_secret_of_six_characters_is_hidden_and_a_shorter_one_is_in_any_sentence(
    secret: str, said: str, hidden: str
) -> None:
    hide = Redaction()
    hide.learn(Secret(secret))
    hide.learn({"type": "secret_text", "text": "open, as it is no secret"})
    assert hide(said) == hidden
    assert hide("open, as it is no secret") == "open, as it is no secret"
    marked = Redaction()
    marked.learn([secret], secret=True)
    assert marked(said) == hidden


def test_values_cross_the_protocol_whole_and_their_marks_with_them(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "n": None,
        "b": True,
        "i": 3,
        "f": 1.5,
        "t": "x",
        "l": [Secret([1])],
        "o": {"k": {}},
    }
    assert from_struct(to_struct(values, keep_secrets=True)) == values
    bare = from_struct(to_struct(values, keep_secrets=False))
    assert bare == {**values, "l": [[1]]}
    assert isinstance(bare["i"], int)

    def decoded(value: dict[str, Any]) -> Any:
        struct = struct_pb2.Struct()
        struct.update({"v": value})
        return from_struct(struct)["v"]

    assert decoded({SIGNATURE: OUTPUT_VALUE, "value": "x", "secret": True}) == Secret("x")
    assert decoded({SIGNATURE: OUTPUT_VALUE, "value": "x"}) == "x"
    assert decoded({SIGNATURE: OUTPUT_VALUE}) == UNKNOWN
    file = tmp_path / "asset"
    file.write_bytes(b"content")
    for asset in ({"text": "content"}, {"path": str(file)}):
        found = decoded({SIGNATURE: ASSET, **asset})
        assert found["hash"] == hashlib.sha256(b"content").hexdigest()
    empty = decoded({SIGNATURE: ASSET, "text": ""})
    assert empty["hash"] == hashlib.sha256(b"").hexdigest()
    with pytest.raises(EngineError, match=r"asset can't be read.*missing"):
        decoded({SIGNATURE: ASSET, "path": str(tmp_path / "missing")})
    for refused in ({SIGNATURE: ASSET, "uri": "https://a.example"}, {SIGNATURE: ARCHIVE}):
        with pytest.raises(Unsupported):
            decoded(refused)


def test_a_reference_becomes_the_id_or_else_the_name_that_it_points_to() -> None:
    known = {SIGNATURE: RESOURCE_REFERENCE, "urn": urn("n"), "id": "id-1"}
    unknown = {SIGNATURE: RESOURCE_REFERENCE, "urn": urn("n"), "id": ""}
    found = reference_to_text({"a": Secret(known), "l": [unknown], "t": "x"})
    assert found == {"a": Secret("id-1"), "l": [urn("n")], "t": "x"}


def test_a_child_gets_no_credentials_but_those_that_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("CLOUDFLARE_API_TOKEN", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "PULUMI_ACCESS_TOKEN")
    for name in (*names, "ORDINARY"):
        monkeypatch.setenv(name, f"of-{name}")
    monkeypatch.setattr("engine.child_process.__file__", str(tmp_path / "beside.py"))
    (tmp_path / "show.py").write_text(
        "import os\nfor name in sorted(os.environ): print(name, os.environ[name])\n"
    )
    lines: list[str] = []
    before = set(threading.enumerate())
    child = ChildProcess(
        "show.py",
        folder=tmp_path,
        environment={"CLOUDFLARE_API_TOKEN": "given"},
        on_line=lambda line, _: lines.append(line),
    )
    # A child that hangs doesn't keep the engine's own process from ending.
    assert all(reader.daemon for reader in set(threading.enumerate()) - before)
    assert child.wait(30) == 0
    child.end()
    assert "ORDINARY of-ORDINARY" in lines
    assert [line for line in lines if line.startswith(names)] == ["CLOUDFLARE_API_TOKEN given"]


def test_a_childs_end_is_told_once_its_output_was_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.child_process.__file__", str(tmp_path / "beside.py"))
    (tmp_path / "say.py").write_text("print('last words')\n")
    lines: list[str] = []

    def hear_slowly(line: str, stream: str) -> None:
        threading.Event().wait(0.3)
        lines.append(f"{stream}: {line}")

    child = ChildProcess("say.py", folder=tmp_path, environment={}, on_line=hear_slowly)
    assert child.wait(30) == 0
    assert lines == ["stdout: last words"]
    child.end()


@pytest.mark.parametrize("open_input", [True, False])
def test_a_child_ends_with_its_work_or_with_the_engine(open_input: bool) -> None:
    program = (
        "import threading, sys\n"
        "from engine.child_guard import guard\n"
        "guard()\n"
        "print('up', flush=True)\n"
        "threading.Event().wait(0 if sys.argv[1] == 'True' else None)"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(open_input)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdout.readline()
    try:
        if not open_input:
            child.stdin.close()
        assert child.wait(30) == (0 if open_input else 70)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stdin.close()


def request(**fields: Any) -> Any:
    fields = {"type": "a:b:C", "name": "n", "custom": True, **fields}
    return resource_pb2.RegisterResourceRequest(**fields)


def read(asked: Any, parent: Goal | None = None) -> Goal:
    return Goal.from_request(asked, stack="dev", project="p", parent=parent)


def test_aliases_are_names_or_parts_that_differ() -> None:
    spec = alias_pb2.Alias.Spec(name="old", type="a:b:D", stack="s", project="q", parentUrn="u")
    aliases = [
        alias_pb2.Alias(urn="whole"),
        alias_pb2.Alias(spec=spec),
        alias_pb2.Alias(spec=alias_pb2.Alias.Spec(noParent=True)),
    ]
    found = read(request(aliases=aliases, aliasURNs=["older"])).aliases
    assert found == (
        AliasSpec(urn="whole"),
        AliasSpec(name="old", type="a:b:D", stack="s", project="q", parent="u"),
        AliasSpec(no_parent=True),
        AliasSpec(urn="older"),
    )


def test_a_registration_is_read_with_its_options() -> None:
    dependencies = resource_pb2.RegisterResourceRequest.PropertyDependencies(urns=["z", "a"])
    found = read(
        request(
            parent=STACK,
            dependencies=["z", "a"],
            propertyDependencies={"k": dependencies},
            ignoreChanges=["i"],
            replaceOnChanges=["r"],
            additionalSecretOutputs=["s"],
            deletedWith="d",
            importId="id",
            version="1.2",
        )
    )
    assert (found.urn, found.dependencies) == (urn("n"), ("a", "z"))
    assert found.property_dependencies == {"k": ("a", "z")}
    assert (found.ignore_changes, found.replace_on_changes) == (("i",), ("r",))
    assert (found.additional_secret_outputs, found.deleted_with) == (("s",), "d")
    assert (found.import_id, found.version) == ("id", "1.2")
    assert read(request(custom=False, importId="id")).import_id == ""


@pytest.mark.parametrize(
    ("fields", "before"),
    [
        ({}, None),
        ({"deleteBeforeReplace": True}, None),
        ({"deleteBeforeReplace": False, "deleteBeforeReplaceDefined": True}, False),
        ({"deleteBeforeReplace": True, "deleteBeforeReplaceDefined": True}, True),
    ],
)
def test_an_order_that_is_not_given_is_left_to_the_provider(
    fields: dict[str, bool], before: bool | None
) -> None:
    assert read(request(**fields)).delete_before_replace is before


def test_a_child_inherits_what_it_does_not_say_itself() -> None:
    parent = goal("g", protect=True, retain_on_delete=True, deleted_with="d", providers={"x": "1"})
    child = read(request(parent=parent.urn), parent)
    assert (child.protect, child.retain_on_delete, child.deleted_with) == (True, True, "d")
    assert child.providers == {"x": "1"}
    own = {"protect": False, "retainOnDelete": False, "deletedWith": "e", "providers": {"x": "2"}}
    other = read(request(parent=parent.urn, **own), parent)
    assert (other.protect, other.retain_on_delete, other.deleted_with) == (False, False, "e")
    assert other.providers == {"x": "2"}
    custom = replace(parent, provider="ref")
    assert read(request(parent=parent.urn), custom).providers == {"x": "1", "a": "ref"}
    component = replace(custom, custom=False)
    assert read(request(parent=parent.urn), component).providers == {"x": "1"}


@pytest.mark.parametrize(
    ("fields", "feature"),
    [
        ({"remote": True}, "a remote component"),
        ({"packageRef": "p"}, "a parameterized package"),
        ({"replace_with": ["u"]}, "replace_with"),
        ({"envVarMappings": {"A": "B"}}, "environment variable mappings"),
        (
            {
                "hooks": resource_pb2.RegisterResourceRequest.ResourceHooksBinding(
                    before_create=["h"]
                )
            },
            "resource hooks",
        ),
        (
            {"customTimeouts": {"create": "1m"}},
            "custom timeouts",
        ),
    ],
)
def test_what_only_the_real_cli_has_is_refused_by_name(
    fields: dict[str, Any], feature: str
) -> None:
    with pytest.raises(Unsupported, match=feature):
        read(request(**fields))

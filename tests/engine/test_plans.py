"""What a plan compares and sends: marks of secrets, differences, defaults, modules and bindings."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ProviderError
from engine.property_value import (
    SECRET,
    SIGNATURE,
    UNKNOWN,
    Secret,
    contains_secret,
    contains_unknown,
    mark_like,
    mark_names,
    revealed,
    unwrap,
)
from engine.providers import worker_version_shape as version
from engine.providers.cloudflare_table import CLOUDFLARE_TYPES
from engine.providers.planned_change import changed_keys, changed_paths, covers
from engine.providers.resource_type import ResourceType
from engine.providers.worker_defaults import worker_defaults


def test_a_secret_hides_itself_and_never_nests() -> None:
    secret = Secret(Secret("x"))
    assert (secret.value, secret, repr(secret)) == ("x", Secret("x"), "Secret([hidden])")
    assert secret != "x"
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert unwrap({"a": [Secret({"b": Secret(1)})], "c": 2}) == {"a": [{"b": 1}], "c": 2}


@pytest.mark.parametrize(
    ("value", "secret", "unknown"),
    [
        ("x", False, False),
        (UNKNOWN, False, True),
        (Secret("x"), True, False),
        (Secret(UNKNOWN), True, True),
        ({"a": [Secret(1)]}, True, False),
        ([{"a": UNKNOWN}], False, True),
        ([], False, False),
        (None, False, False),
    ],
)
def test_what_is_inside_a_value_is_found(value: Any, secret: bool, unknown: bool) -> None:
    assert contains_secret(value) is secret
    assert contains_unknown(value) is unknown


def test_ciphertexts_are_revealed_wherever_they_are() -> None:
    sealed = {SIGNATURE: SECRET, "ciphertext": "c"}
    other = {SIGNATURE: SECRET, "plaintext": "p"}
    found = revealed({"a": [sealed, "x"], "b": other}, lambda text: f"open {text}")
    assert found == {"a": [{SIGNATURE: SECRET, "plaintext": "open c"}, "x"], "b": other}


def test_marks_follow_the_pattern_and_the_names() -> None:
    values = {"a": 1, "b": {"x": 1, "y": 2}, "c": [1], "d": Secret(1), "e": 5}
    pattern = {"a": Secret(0), "b": {"x": Secret(0)}, "c": [Secret(0)], "d": Secret(2), "gone": 1}
    assert mark_like(values, pattern) == {
        "a": Secret(1),
        "b": {"x": Secret(1), "y": 2},
        "c": Secret([1]),
        "d": Secret(1),
        "e": 5,
    }
    assert mark_like({"a": {"x": 1}}, {"a": Secret({"x": 1})}) == {"a": Secret({"x": 1})}
    assert mark_names({"a": 1, "b": Secret(2)}, ("a", "b", "gone")) == {
        "a": Secret(1),
        "b": Secret(2),
    }


@pytest.mark.parametrize(
    ("want", "have", "covered"),
    [
        (1, 1, True),
        (1, 2, False),
        (UNKNOWN, UNKNOWN, False),
        ({"a": 1}, {"a": 1, "more": 2}, True),
        ({"a": 1}, {}, False),
        ({}, None, True),
        ({"a": 1}, None, False),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ([1], "1", False),
        ([{"a": 1}], [{"a": 1, "b": 2}], True),
    ],
)
def test_what_only_the_service_fills_is_no_difference(want: Any, have: Any, covered: bool) -> None:
    assert covers(want, have) is covered


WORKER = next(type_ for name, type_ in CLOUDFLARE_TYPES.items() if name.endswith(":Worker"))
VERSION = next(type_ for name, type_ in CLOUDFLARE_TYPES.items() if name.endswith(":WorkerVersion"))


def keys(type_: ResourceType, old: Any, outputs: Any, news: Any) -> tuple[str, ...]:
    return changed_keys(type_, old_inputs=old, outputs=outputs, news=news)


def test_keys_differ_by_what_is_wanted_and_what_is_there() -> None:
    inputs = {"accountId": "a", "name": "w"}
    filled = worker_defaults(inputs)
    assert keys(WORKER, inputs, filled, inputs) == ()
    assert keys(WORKER, inputs, {**filled, "name": "x"}, inputs) == ("name",)
    assert keys(WORKER, inputs, {**filled, "logpush": True}, inputs) == ("logpush",)
    dropped = {**inputs, "subdomain": {"enabled": True, "previewsEnabled": True}}
    kept = {**inputs, "subdomain": {"enabled": True}}
    assert keys(WORKER, dropped, worker_defaults(dropped), kept) == ()


MODULES = [{"name": "a", "contentSha256": "1"}, {"name": "b", "contentSha256": "2"}]


@pytest.mark.parametrize(
    ("want", "have", "paths"),
    [
        (MODULES, MODULES, {}),
        (MODULES[::-1], MODULES, {}),
        ([MODULES[0], {"name": "b", "contentSha256": "3"}], MODULES, {"modules[1]": "update"}),
        ([*MODULES, {"name": "c"}], MODULES, {"modules[2]": "add"}),
        (MODULES[:1], MODULES, {"modules[1]": "delete"}),
        (MODULES[1:], MODULES, {"modules[0]": "delete"}),
        (None, MODULES, {"modules": "delete"}),
        (MODULES, None, {"modules": "add"}),
    ],
)
def test_a_changed_element_of_a_set_is_told_by_its_place(
    want: Any, have: Any, paths: dict[str, str]
) -> None:
    type_ = ResourceType(**{**vars(VERSION), "fill": dict})
    news = {} if want is None else {"modules": want}
    outputs = {} if have is None else {"modules": have}
    assert changed_paths(type_, ["modules"], outputs=outputs, news=news) == paths


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        ({}, {"enabled": False, "previewsEnabled": False}),
        ({"subdomain": {"enabled": True}}, {"enabled": True, "previewsEnabled": True}),
        (
            {"subdomain": {"enabled": True, "previewsEnabled": False}},
            {"enabled": True, "previewsEnabled": False},
        ),
        ({"subdomain": {"previewsEnabled": True}}, {"enabled": False, "previewsEnabled": True}),
        ({"subdomain": UNKNOWN}, UNKNOWN),
    ],
)
def test_preview_urls_follow_the_address(given: dict[str, Any], filled: Any) -> None:
    assert worker_defaults(given)["subdomain"] == filled


def test_a_workers_defaults_are_the_schemas() -> None:
    filled = worker_defaults({})
    assert (filled["logpush"], filled["tags"], filled["tailConsumers"]) == (False, [], [])
    logs = {"destinations": [], "enabled": False, "headSamplingRate": 1, "persist": True}
    assert filled["observability"] == {
        "enabled": False,
        "headSamplingRate": 1,
        "traces": logs,
        "logs": {**logs, "invocationLogs": True},
    }
    given = {"observability": {"enabled": True, "traces": {"enabled": True}}}
    assert worker_defaults(given)["observability"] == {
        "enabled": True,
        "headSamplingRate": 1,
        "traces": {**logs, "enabled": True},
    }
    some = worker_defaults({"observability": {"logs": {"persist": False}}})["observability"]
    assert some["logs"] == {**logs, "invocationLogs": True, "persist": False}
    assert worker_defaults({"observability": UNKNOWN})["observability"] == UNKNOWN


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_modules_content_is_hashed_and_sent_from_text_or_file(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_bytes(b"file")
    text = {"name": "t", "contentType": "x", "contentBase64": encoded(b"text")}
    file = {"name": "f", "contentType": "x", "contentFile": "m.py"}
    unknown = [{"name": "u", "contentFile": UNKNOWN}, {"name": "v", "contentBase64": UNKNOWN}]
    inputs = {"modules": [text, file, *unknown], "bindings": [{"name": "b"}, {"name": "a"}]}
    filled = version.version_defaults(inputs, folder=tmp_path)
    assert filled["usageModel"] == "standard"
    assert [each.get("contentSha256") for each in filled["modules"]] == [
        *(sha(b"text"), sha(b"file"), None, None)
    ]
    body = version.version_body({**filled, "assets": {"directory": "d"}}, folder=tmp_path)
    assert body["modules"][:2] == [
        {"name": "t", "contentType": "x", "contentBase64": encoded(b"text")},
        {"name": "f", "contentType": "x", "contentBase64": encoded(b"file")},
    ]
    assert body["modules"][2:] == unknown
    assert [each["name"] for each in body["bindings"]] == ["a", "b"]
    assert "directory" not in body["assets"]
    assert version.version_defaults({"usageModel": "unbound"})["usageModel"] == "unbound"


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ({"name": "m"}, "the module m needs one of contentBase64 and contentFile, and has none"),
        ({"name": "m", "contentBase64": "", "contentFile": "f"}, "and has both"),
        ({"name": "m", "contentBase64": "%"}, "the contentBase64 of module m is no base64"),
        ({"name": "m", "contentFile": "gone"}, "the module m can't be read from gone: No such"),
    ],
)
def test_a_module_that_cannot_be_read_is_named(
    tmp_path: Path, module: dict[str, Any], words: str
) -> None:
    with pytest.raises(ProviderError, match=words):
        version.version_defaults({"modules": [module]}, folder=tmp_path)


def test_after_a_read_modules_and_bindings_are_as_they_are_now() -> None:
    outputs = {
        "modules": [
            {"name": "a", "contentBase64": encoded(b"old"), "contentSha256": sha(b"old")},
            {"name": "b", "contentFile": "f", "contentSha256": sha(b"old")},
            {"name": "c", "contentBase64": encoded(b"kept")},
        ],
        "bindings": [{"name": "y", "text": "secret"}, {"name": "gone"}, {"name": "x", "n": 1}],
    }
    live = [{"name": name, "contentBase64": encoded(b"new")} for name in "ab"]
    bindings = [{"name": "x", "n": 2}, {"name": "z"}, {"name": "y"}]
    shaped = version.version_shape({"__answer": {"modules": live, "bindings": bindings}}, outputs)
    assert shaped["modules"] == [
        {"name": "a", "contentBase64": encoded(b"new"), "contentSha256": sha(b"new")},
        {"name": "b", "contentFile": "f", "contentSha256": sha(b"new")},
        {"name": "c", "contentBase64": encoded(b"kept")},
    ]
    assert shaped["bindings"] == [
        {"name": "y", "text": "secret"},
        {"name": "x", "n": 2},
        {"name": "z"},
    ]
    assert version.version_shape({}, outputs) == outputs

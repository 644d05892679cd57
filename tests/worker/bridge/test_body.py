"""Parsing the bodies that reach the bridge."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.bridge.body import parse_body
from notification.bridge.message import bridge_message
from notification.foreign_json import TooDeep

pytestmark = pytest.mark.requirement("C-8.2")

FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=utf-8", "application/json;x"]
)
def test_json_is_parsed(content_type: str) -> None:
    assert parse_body('{"a": ["ü", 1.0]}'.encode(), content_type) == {"a": ["ü", 1.0]}
    assert parse_body(b"\xef\xbb\xbf[1]", content_type) == [1]


def test_json_that_nests_too_deep_is_refused() -> None:
    with pytest.raises(TooDeep, match="32 levels"):
        parse_body(b"[" * 100_000, "application/json")


@pytest.mark.parametrize("body", ["{", "", '{"a":NaN}', "9" * 5000, "{'a':1}"])
def test_invalid_json_is_text(body: str) -> None:
    assert parse_body(body.encode(), "application/json") == body


@pytest.mark.requirement("D-19")
def test_form_fields_become_an_object() -> None:
    body = b"title=CPU+high&text=90%25+%E2%9C%93&text=second&empty=&flag"
    assert parse_body(body, FORM + "; charset=utf-8") == {
        "title": "CPU high",
        "text": "90% ✓",
        "empty": "",
        "flag": "",
    }


@pytest.mark.parametrize("body", ["just text", "", "a=1&" * 2000])
def test_a_form_without_fields_or_with_too_many_is_text(body: str) -> None:
    assert parse_body(body.encode(), FORM) == body


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/xml", "nonsense"])
def test_anything_else_is_text(content_type: str) -> None:
    assert parse_body(b'{"a":1}', content_type) == '{"a":1}'
    assert parse_body(b"a\xff", content_type) == "a\ufffd"


def multipart(*parts: str, boundary: str = "X-1", end: str = "--") -> bytes:
    delimiter = f"--{boundary}"
    body = "".join(f"{delimiter}\r\n{part}\r\n" for part in parts) + delimiter + end + "\r\n"
    return ("preamble\r\n" + body).encode()


def field(name: str, value: str, more: str = "") -> str:
    return f'Content-Disposition: form-data; name="{name}"{more}\r\n\r\n{value}'


@pytest.mark.requirement("D-19")
def test_text_fields_of_a_multipart_body_become_an_object() -> None:
    body = multipart(
        field("title", "CPU high"),
        field("text", "line 1\r\nline 2 ✓"),
        field("text", "second"),
        field("log", "file content", '; filename="a.txt"'),
        field("star", "file content", "; filename*=utf-8''a"),
        "content-disposition: form-data; name=plain\r\nContent-Type: text/plain\r\n\r\np",
        'Content-Disposition: form-data; name="bin"\r\nContent-Type: image/png\r\n\r\nx',
        field('a\\"b%22', "quoted"),
        "no header at all",
    )
    for content_type in ("multipart/form-data; boundary=X-1", 'multipart/form-data;boundary="X-1"'):
        assert parse_body(body, content_type) == {
            "title": "CPU high",
            "text": "line 1\r\nline 2 ✓",
            "plain": "p",
            'a"b"': "quoted",
        }


def test_a_multipart_body_without_its_boundary_or_fields_is_text() -> None:
    body = multipart(field("a", "1"))
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=other"):
        assert parse_body(body, content_type) == body.decode()


def test_a_truncated_multipart_body_gives_its_complete_fields() -> None:
    body = multipart(field("a", "1"), field("b", "2"))
    cut = body[: body.index(b"2\r\n") + 1]
    assert parse_body(cut, "multipart/form-data; boundary=X-1") == {"a": "1"}


def test_what_follows_the_closing_delimiter_is_ignored() -> None:
    body = multipart(field("a", "1")) + multipart(field("b", "2"))
    assert parse_body(body, "multipart/form-data; boundary=X-1") == {"a": "1"}


TYPES = st.sampled_from(["application/json", FORM, "multipart/form-data; boundary=x", "text/plain"])
PIECES = st.sampled_from([b"--x", b"\r\n", b'Content-Disposition: form-data; name="a"', b"=", b"&"])
BODIES = st.binary() | st.lists(PIECES | st.binary(max_size=4)).map(b"".join)


@settings(deadline=None)
@given(BODIES, TYPES)
def test_any_body_gives_a_sendable_message_or_none(body: bytes, content_type: str) -> None:
    message = bridge_message(parse_body(body, content_type))
    assert message is None or (message.subject.strip() and message.content)


NAMES = st.text(st.characters(exclude_characters='"\\\r\n', codec="utf-8"), min_size=1).filter(
    lambda name: "%" not in name
)


@settings(deadline=None)
@given(
    st.dictionaries(
        NAMES, st.text(st.characters(codec="utf-8")).filter(lambda text: "X-1" not in text)
    )
)
def test_every_text_field_of_a_multipart_body_arrives_unchanged(fields: dict[str, str]) -> None:
    body = multipart(*(field(name, value) for name, value in fields.items()))
    parsed = parse_body(body, "multipart/form-data; boundary=X-1")
    assert parsed == (fields or body.decode())
    assert json.dumps(parsed)

"""Parsing the bodies that reach the bridge."""

import json
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notification.bridge.body import ParsedBody, parse_body
from notification.bridge.message import bridge_message
from notification.foreign_json import TooDeep

pytestmark = pytest.mark.requirement("C-8.2")

FORM = "application/x-www-form-urlencoded"


def parsed(body: bytes, content_type: str, coding: str = "") -> Any:
    return parse_body(body, content_type, coding).value


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=utf-8",
        "application/json;x",
        "application/cloudevents+json",
        "application/vnd.api+json; charset=UTF-8",
        "text/json",
    ],
)
def test_json_is_parsed(content_type: str) -> None:
    assert parsed('{"a": ["ü", 1.0]}'.encode(), content_type) == {"a": ["ü", 1.0]}
    assert parsed(b"\xef\xbb\xbf[1]", content_type) == [1]


def test_json_that_nests_too_deep_is_refused() -> None:
    with pytest.raises(TooDeep, match="32 levels"):
        parsed(b"[" * 100_000, "application/json")


@pytest.mark.parametrize("body", ["{", "", '{"a":NaN}', "9" * 5000, "{'a':1}"])
def test_invalid_json_is_text(body: str) -> None:
    assert parsed(body.encode(), "application/json") == body


@pytest.mark.requirement("D-19")
def test_form_fields_become_an_object() -> None:
    body = b"title=CPU+high&text=90%25+%E2%9C%93&text=second&empty=&flag"
    assert parsed(body, FORM + "; charset=utf-8") == {
        "title": "CPU high",
        "text": "90% ✓",
        "empty": "",
        "flag": "",
    }


@pytest.mark.parametrize("body", ["just text", "", "a=1&" * 2000])
def test_a_form_without_fields_or_with_too_many_is_text(body: str) -> None:
    assert parsed(body.encode(), FORM) == body


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/xml", "nonsense"])
def test_anything_else_is_text(content_type: str) -> None:
    assert parsed(b'{"a":1}', content_type) == '{"a":1}'
    assert parsed(b"a\xff", content_type) == "a\ufffd"


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
        assert parsed(body, content_type) == {
            "title": "CPU high",
            "text": "line 1\r\nline 2 ✓",
            "plain": "p",
            'a"b"': "quoted",
        }


def test_a_multipart_body_without_its_boundary_or_fields_is_text() -> None:
    body = multipart(field("a", "1"))
    for content_type in ("multipart/form-data", "multipart/form-data; boundary=other"):
        assert parsed(body, content_type) == body.decode()


def test_a_truncated_multipart_body_gives_its_complete_fields() -> None:
    body = multipart(field("a", "1"), field("b", "2"))
    cut = body[: body.index(b"2\r\n") + 1]
    assert parsed(cut, "multipart/form-data; boundary=X-1") == {"a": "1"}


def test_what_follows_the_closing_delimiter_is_ignored() -> None:
    body = multipart(field("a", "1")) + multipart(field("b", "2"))
    assert parsed(body, "multipart/form-data; boundary=X-1") == {"a": "1"}


TYPES = st.sampled_from(["application/json", FORM, "multipart/form-data; boundary=x", "text/plain"])
PIECES = st.sampled_from([b"--x", b"\r\n", b'Content-Disposition: form-data; name="a"', b"=", b"&"])
BODIES = st.binary() | st.lists(PIECES | st.binary(max_size=4)).map(b"".join)


@settings(deadline=None)
@given(BODIES, TYPES)
def test_any_body_gives_a_sendable_message_or_none(body: bytes, content_type: str) -> None:
    message = bridge_message(parsed(body, content_type))
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
    found = parsed(body, "multipart/form-data; boundary=X-1")
    assert found == (fields or body.decode())
    assert json.dumps(found)


@pytest.mark.requirement("C-0.36")
@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("ISO-8859-1", "latin-1"),
        ('"iso-8859-1"', "latin-1"),
        ("windows-1252", "cp1252"),
        ("iso-8859-15", "iso8859_15"),
        ("utf-16le", "utf-16-le"),
        ("UTF-16", "utf-16"),
    ],
)
def test_a_body_is_read_in_its_declared_charset(charset: str, codec: str) -> None:
    text = '{"text": "Größe é"}'
    declared = f"application/json; charset={charset}"
    assert parsed(text.encode(codec), declared) == {"text": "Größe é"}
    assert parsed("Größe é".encode(codec), f"text/plain;charset={charset}") == "Größe é"


@pytest.mark.requirement("C-0.36")
@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("gbk", "磁盘已满"),
        ("GB2312", "磁盘已满"),
        ("gb18030", "磁盘𠀀"),
        ("big5", "磁碟已滿"),
        ("shift_jis", "ディスク"),
        ("euc-jp", "ディスク"),
        ("euc-kr", "디스크"),
        ("koi8-r", "диск"),
    ],
)
def test_charsets_of_every_script_are_read(charset: str, text: str) -> None:
    body = json.dumps({"text": text}, ensure_ascii=False).encode(charset)
    assert parsed(body, f"application/json; charset={charset}") == {"text": text}
    form = "text=" + quote_from_bytes(text.encode(charset))
    assert parsed(form.encode(), f"{FORM}; charset={charset}") == {"text": text}
    part = b'--x\r\nContent-Disposition: form-data; name="text"\r\nContent-Type: text/plain; '
    part += f"charset={charset}\r\n\r\n".encode() + text.encode(charset) + b"\r\n--x--\r\n"
    assert parsed(part, "multipart/form-data; boundary=x") == {"text": text}


@pytest.mark.requirement("C-0.50")
def test_bytes_that_are_not_of_the_charset_are_replaced_and_counted() -> None:
    assert parse_body(b"a\xff\xfe\xe4b", "text/plain") == ParsedBody("a\ufffd\ufffd\ufffdb", 3)
    assert parse_body("a\ufffdb".encode(), "text/plain") == ParsedBody("a\ufffdb", 0)
    assert parse_body(b"text=%FF%C3%BC", FORM) == ParsedBody({"text": "\ufffdü"}, 1)
    multi = multipart(field("text", "ab")).replace(b"ab", b"a\xffb")
    found = parse_body(multi, "multipart/form-data; boundary=X-1")
    assert found == ParsedBody({"text": "a\ufffdb"}, 1)


@pytest.mark.requirement("C-0.36")
def test_a_form_that_carries_an_object_as_payload_is_that_object() -> None:
    payload = '{"text": "95 % & more", "title": "Disk"}'
    form = "payload=" + quote_from_bytes(payload.encode())
    assert parsed(form.encode(), FORM) == json.loads(payload)
    assert parsed(multipart(field("payload", payload)), "multipart/form-data; boundary=X-1") == (
        json.loads(payload)
    )
    assert parsed(b"payload=text&a=1", FORM) == {"payload": "text", "a": "1"}
    with pytest.raises(TooDeep):
        parsed(b"payload=" + b"[" * 40, FORM)

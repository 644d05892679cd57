"""Forms as browsers, wrangler and the SDKs write them."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request

from localcloud.api.envelope import ApiError
from localcloud.api.multipart import MAX_PARTS, Part, is_form, read_form, write_form

FORM = "multipart/form-data; boundary=B"


def request(body: bytes, content_type: str = FORM) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", content_type.encode())]
    return Request(
        {"type": "http", "method": "PUT", "path": "/", "query_string": b"", "headers": headers},
        receive,
    )


def read(body: bytes, content_type: str = FORM) -> list[Part]:
    return asyncio.run(read_form(request(body, content_type), code=10021))


def part(headers: str, content: bytes = b"x") -> bytes:
    return b"--B\r\n" + headers.encode() + b"\r\n\r\n" + content + b"\r\n"


@pytest.mark.parametrize(
    ("headers", "name", "filename", "content_type"),
    [
        ('Content-Disposition: form-data; name="a"', "a", None, ""),
        (
            'content-disposition: form-data; name="a"; filename="b.py"\r\ncontent-type: text/x ',
            *("a", "b.py", "text/x"),
        ),
        # Browsers and wrangler write UTF-8 as it is.
        ('Content-Disposition: form-data; name="größe"; filename="€.py"', "größe", "€.py", ""),
        # RFC 5987, as some clients of HTTP write it.
        ("Content-Disposition: form-data; name*=utf-8''gr%C3%B6%C3%9Fe", "größe", None, ""),
        (
            "Content-Disposition: form-data; name=\"a\"; filename*=iso-8859-1'de'gr%F6%DFe",
            *("a", "größe", ""),
        ),
        ('X-Other: 1\r\nContent-Disposition: form-data; name="a;b"', "a;b", None, ""),
    ],
)
def test_a_part_has_its_name_its_file_and_its_type(
    headers: str, name: str, filename: str | None, content_type: str
) -> None:
    found = read(part(headers, b"\x00\r\n\xff") + b"--B--\r\n")
    assert found == [Part(name, filename, content_type, b"\x00\r\n\xff")]


@pytest.mark.parametrize(
    ("body", "content_type", "told"),
    [
        (b"{}", "application/json", "The body isn't multipart/form-data."),
        (b"", FORM, "The body isn't multipart/form-data."),
        *(
            (
                part("X: 1") + b"--B--",
                f"multipart/{kind}; boundary=B",
                "The body isn't multipart/form-data.",
            )
            for kind in ("alternative", "mixed")
        ),
        (b"--B--\r\n", "multipart/form-data", "The body isn't multipart/form-data."),
        (
            part("Content-Type: text/plain") + b"--B--",
            FORM,
            "A part of the form has no name, or is a form itself.",
        ),
        (
            part("Content-Disposition: form-data") + b"--B--",
            FORM,
            "A part of the form has no name, or is a form itself.",
        ),
        (
            part(
                'Content-Disposition: form-data; name="a"\r\n'
                "Content-Type: multipart/mixed; boundary=C",
                b"--C\r\n\r\nx\r\n--C--",
            )
            + b"--B--",
            FORM,
            "A part of the form has no name, or is a form itself.",
        ),
        (
            part('Content-Disposition: form-data; name="a"') * 2_101 + b"--B--",
            FORM,
            "The form has more than 2100 parts.",
        ),
    ],
)
def test_what_is_no_form_is_told_with_the_familys_code(
    body: bytes, content_type: str, told: str
) -> None:
    with pytest.raises(ApiError) as refused:
        read(body, content_type)
    error = refused.value
    assert (error.status, error.code, error.message) == (400, 10021, told)


def test_a_form_has_as_many_parts_as_a_version_has_modules_and_some_more() -> None:
    body = part('Content-Disposition: form-data; name="a"') * MAX_PARTS + b"--B--"
    assert (len(read(body)), MAX_PARTS) == (2_100, 2_100)


def test_a_form_that_is_written_reads_as_it_was() -> None:
    parts = [
        Part("größe", None, "text/plain", b"x"),
        Part("b", "b.py", "text/x-python", b"\r\n--B\r\n"),
        Part("c", "c.bin", "application/octet-stream", bytes(range(256))),
    ]
    body, content_type = write_form(parts)
    assert is_form(request(body, content_type))
    assert read(body, content_type) == parts


@pytest.mark.parametrize(
    ("content_type", "form"),
    [("Multipart/Form-Data; boundary=B", True), ("text/plain", False), ("", False)],
)
def test_a_form_is_known_by_its_content_type(content_type: str, form: bool) -> None:
    assert is_form(request(b"", content_type)) is form

"""What commands say of the client library's errors, and files that they read."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from notification_sdk import InvalidResponse, RequestTimeout, ValidationError
from ops.stacks.endpoint import service_error
from ops.stacks.errors import UsageError
from ops.stacks.json_file import MAX_BYTES, read_json_object

REQUEST = httpx.Request("POST", "https://n.example/api/notifications/send?x=1")


def test_a_refusal_names_call_status_code_and_reason() -> None:
    refused = ValidationError("Bad user.", code="INVALID_USER_ID", status=400, request=REQUEST)
    error = service_error(refused)
    assert str(error) == (
        "POST /api/notifications/send was refused with 400 INVALID_USER_ID: Bad user."
    )
    assert (error.status, error.code, error.exit_code) == (400, "INVALID_USER_ID", 6)


def test_a_call_without_an_answer_is_told_from_one_that_was_never_sent() -> None:
    error = service_error(RequestTimeout("https://n.example didn't answer.", request=REQUEST))
    assert str(error) == "https://n.example didn't answer."
    assert (error.status, error.code, error.unanswered) == (None, "TIMEOUT", True)
    assert not service_error(ValidationError("No text.", code="MISSING_CONTENT")).unanswered


def test_what_was_never_sent_is_said_as_it_is() -> None:
    assert str(service_error(ValidationError("No text.", code="MISSING_CONTENT"))) == "No text."
    assert str(service_error(InvalidResponse("Odd.", code="INVALID_RESPONSE"))) == "Odd."


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", r"config\.json isn't JSON"),
        (b"\xff", r"isn't JSON"),
        (b"[" * 100_000, r"isn't JSON"),
        (b"[]", r"should hold a JSON object"),
        (b" " * (MAX_BYTES + 1), r"larger than 1048576 bytes"),
    ],
    ids=["cut", "not text", "too deep", "a list", "too large"],
)
def test_a_file_that_is_no_json_object_is_refused_by_name(
    tmp_path: Path, content: bytes, said: str
) -> None:
    file = tmp_path / "config.json"
    file.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_json_object(file)


def test_a_file_that_is_missing_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"config\.json can't be read: No such file"):
        read_json_object(tmp_path / "config.json")


def test_an_object_is_read(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"a": 1}')
    assert read_json_object(file) == {"a": 1}

"""Every command prints foreign text through one printer."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer

from notification_sdk import SendResponse, SendResult
from ops.cli.printing import json_text, say, say_json
from ops.cli.sending import tell

ROOT = Path(__file__).resolve().parents[3]
EVIL = "500 \x1b]52;c;ZXZpbA==\x07 \x1b[2J \x9b2J \u202e"


def test_no_command_prints_plain_text_past_the_printer() -> None:
    found = []
    for path in (ROOT / "ops").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for call in re.finditer(r"\btyper\.(?:echo|secho)\(|(?<![\w.])print\(", text):
            if path.name != "printing.py":
                found.append(f"{path.relative_to(ROOT)}: {call.group()}")
    assert found == []


def test_json_keeps_letters_and_escapes_what_a_terminal_obeys() -> None:
    document = {"text": f"通知 é {EVIL}\n\ud800"}
    for indent in (None, 2):
        text = json_text(document, indent=indent)
        assert "通知 é" in text
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\ud800"} & set(text)
        assert json.loads(text) == document
    for path in (ROOT / "ops").rglob("*.py"):
        raw = "ensure_ascii=False" in path.read_text(encoding="utf-8")
        # A baseline is a file: what it searches and writes never reaches a terminal.
        assert not raw or path.name in ("printing.py", "baseline.py"), path


def test_what_a_terminal_would_obey_is_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"{EVIL}\nnext")
    say(EVIL, err=True)
    shown = capsys.readouterr()
    for text in (shown.out, shown.err):
        assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(text)
    assert shown.out.endswith("\nnext\n")


def test_the_error_of_an_endpoint_is_shown_and_not_obeyed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = SendResult(
        channel="webhook", status="failed", message_id="m", user_id="u", log_id=1, error=EVIL
    )
    response = SendResponse(results=(result,), request_id="r")
    with pytest.raises(typer.Exit):
        tell(response, json=False)
    shown = capsys.readouterr().out
    assert "500 \\x1b]52;c;ZXZpbA==\\x07" in shown
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)


def test_what_was_sent_and_probably_not_meant_is_told_beside_the_results(
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = SendResult(channel="lark", status="sent", message_id="m", user_id="u", log_id=1)
    warning = {"code": "TRUNCATED", "channelType": "lark", "message": f"It was cut {EVIL}"}
    tell(SendResponse(results=(result,), request_id="r", warnings=(warning, {})), json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["lark", "sent", "m"]
    assert lines[1].startswith("lark      warning         It was cut 500 \\x1b]52")
    assert lines[2].split() == ["warning"]


def test_a_document_is_printed_over_several_lines_in_ascii(
    capsys: pytest.CaptureFixture[str],
) -> None:
    say_json({"stack": "é\x1b", "rows": [1, None]})
    assert capsys.readouterr().out == (
        '{\n  "stack": "\\u00e9\\u001b",\n  "rows": [\n    1,\n    null\n  ]\n}\n'
    )


def test_every_command_prints_its_document_by_the_same_function() -> None:
    for path in (ROOT / "ops" / "cli" / "commands").rglob("*.py"):
        for call in re.findall(r"say\(json_text\.dumps\(.*indent.*", path.read_text("utf-8")):
            assert "sort_keys=" in call or "default=" in call, path


def test_documents_are_laid_out_by_two_spaces_in_every_file_and_answer() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {call[0]}"
        for path in (ROOT / "ops").rglob("*.py")
        for call in re.finditer(r"\bdumps\(.*\bindent= ?([^,)]+)", path.read_text("utf-8"))
        if call[1] not in ("2", "indent")
    }
    assert found == set()

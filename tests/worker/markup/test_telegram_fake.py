"""The sink's reading of Telegram's parse modes, held against TDLib's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.sink.chat.telegram_markup import Malformed
from tests.worker.markup.foreign_parsers import Refused, see_telegram
from tests.worker.markup.test_telegram import READERS

PIECES = {
    "MarkdownV2": [*"*_~|`[]()\\.a b\n1é🙂>!-", "||", "__", "```", "[x](http://a.b)", "\\*", "*b*"],
    "Markdown": [*"*_`[]()\\.a b\n1é🙂", "```", "[x](http://a.b)", "\\*", "*b*", "_i_", "`c`"],
    "HTML": [*"<>&;\"'/a b=\n1é🙂", "<b>", "</b>", "&lt;", "&#60;", "<code>", "</code>", "<x>"],
}


def held(mode: str, pieces: list[str]) -> None:
    text = f"a{''.join(pieces)}a"
    try:
        ours = READERS[mode](text)
    except Malformed:
        # The documents forbid what TDLib takes: a bare `&` in HTML, brackets without an address.
        return
    try:
        theirs = see_telegram(text, mode).text
    except Refused as refused:
        pytest.fail(f"the sink takes {text!r}, and TDLib doesn't: {refused}")
    # Of a fence, TDLib takes a language and the first line break away; the sink shows them.
    assert ours == theirs or "```" in text


@pytest.mark.parametrize("mode", READERS)
@settings(deadline=None, max_examples=200)
@given(data=st.data())
def test_the_sink_takes_nothing_that_tdlib_refuses(mode: str, data: st.DataObject) -> None:
    held(mode, data.draw(st.lists(st.sampled_from(PIECES[mode]), max_size=8)))


@pytest.mark.soak
@pytest.mark.parametrize("mode", READERS)
@settings(deadline=None, max_examples=5_000)
@given(data=st.data())
def test_the_sink_takes_nothing_of_five_thousand_that_tdlib_refuses(
    mode: str, data: st.DataObject
) -> None:
    held(mode, data.draw(st.lists(st.sampled_from(PIECES[mode]), max_size=8)))

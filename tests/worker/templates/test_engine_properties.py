"""Properties of every template and every JSON value."""

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from notification.markup.escaping import escape_json_string, unescaped
from notification.templates.program import compile_template
from notification.templates.rendering import MAX_OUTPUT, render
from notification.templates.syntax import read_structure
from notification.templates.values import json_text

pytestmark = pytest.mark.requirement("C-5.1", "C-5.2")

NAMES = st.sampled_from(["a", "b", "c0", "this", "else", "constructor", "@index"])
TEXT = st.text(st.characters(codec=None), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
VARIABLES = st.dictionaries(NAMES | TEXT, JSON, max_size=5)
PATH = st.lists(NAMES | st.sampled_from(["0", "1", "07"]), min_size=1, max_size=3).map(".".join)
TAG = st.one_of(
    PATH.map("{{{{{}}}}}".format),
    PATH.map("{{{{ {} }}}}".format),
    PATH.map("{{{{#each {}}}}}".format),
    PATH.map("{{{{#if {}}}}}".format),
    st.sampled_from(["{{else}}", "{{/each}}", "{{/if}}", "{{#nope a}}", "{{", "}}", "{{{", "{"]),
)
_WHOLE_TAG = re.compile(r"\{\{[^{}]*\}\}")
SOURCE = st.lists(TAG | TEXT, max_size=14).map("".join)


@settings(deadline=None)
@given(SOURCE, VARIABLES)
def test_the_engine_never_raises_and_stays_in_its_bounds(
    source: str, variables: dict[str, Any]
) -> None:
    result = render(compile_template(source), variables, unescaped)
    assert len(result.text) <= MAX_OUTPUT


@settings(deadline=None)
@given(SOURCE)
def test_a_template_without_values_and_blocks_is_its_own_text(source: str) -> None:
    if all(tag.kind == "value" for tag in read_structure(source).tags):
        assert render(compile_template(source), {}, unescaped).text == source


@settings(deadline=None)
@given(SOURCE, VARIABLES)
def test_text_that_a_value_brings_is_never_expanded(source: str, variables: dict[str, Any]) -> None:
    """A value that looks like a template comes out where an inert one does, and as it is."""
    inert, hostile = "\ue000", "{{a}}{{#each b}}{{else}}{{/if}}"
    assume(inert not in source and inert not in repr(variables))

    def filled(value: Any, text: str) -> Any:
        if isinstance(value, dict):
            return {key: filled(member, text) for key, member in value.items()}
        if isinstance(value, list):
            return [filled(member, text) for member in value]
        return text if isinstance(value, str) else value

    template = compile_template(source)
    expected = render(template, filled(variables, inert), unescaped).text
    actual = render(template, filled(variables, hostile), unescaped).text
    assert actual == expected.replace(inert, hostile)


@settings(deadline=None)
@given(SOURCE)
def test_a_template_that_may_be_saved_leaves_no_block_tag_in_the_output(source: str) -> None:
    # An escaped tag is text, and a brace beside a block may read like a tag once the block is gone.
    assume("\\" not in source and "{" not in _WHOLE_TAG.sub("", source))
    structure = read_structure(source)
    if not structure.problems:
        text = render(compile_template(source), {}, unescaped).text
        assert "{{#" not in text
        assert "{{/" not in text
        assert "{{else}}" not in text


@settings(deadline=None)
@given(JSON)
def test_what_a_json_template_renders_is_the_value_again(value: Any) -> None:
    result = render(compile_template('{"v":"{{v}}"}'), {"v": value}, escape_json_string)
    assert isinstance(json.loads(result.text)["v"], str)


@settings(deadline=None)
@given(JSON.filter(lambda value: "nan" not in repr(value)), st.sampled_from([0, 2]))
def test_json_text_reads_back_as_the_same_value(value: Any, indent: int) -> None:
    def finite(value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return None if abs(value) == float("inf") else float(value)
        if isinstance(value, dict):
            return {key: finite(member) for key, member in value.items()}
        return [finite(member) for member in value] if isinstance(value, list) else value

    assert json.loads(json_text(value, indent=indent), parse_int=float) == finite(value)

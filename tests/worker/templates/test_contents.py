"""Rendering a channel's row: escaping by content type and channel, missing variables, JSON."""

import json

import pytest

from notification.templates.contents import RenderedContents, render_contents, syntax_problem
from notification.templates.stored_template import TemplateText

CHANNELS = ("webhook", "telegram", "lark", "slack")
ORDER = {"orderId": "A-1", "customer": "Li & Co"}


def content(content_type: str, value: object, *, channel: str) -> str:
    text = TemplateText(content_type, "*{{v}}*")
    return render_contents(text, {"v": value}, channel=channel).content


def test_the_contracts_vectors_of_text_html_and_json() -> None:
    source = "Order {{orderId}} for {{customer}} {{missing}}"
    for channel in CHANNELS:
        plain = render_contents(TemplateText("text", source), ORDER, channel=channel)
        assert plain.content == "Order A-1 for Li & Co {{missing}}"
        html = render_contents(TemplateText("html", source), ORDER, channel=channel)
        assert html.content == "Order A-1 for Li &amp; Co {{missing}}"
        row = TemplateText("json", '{"id":"{{orderId}}"}')
        as_json = render_contents(row, {"orderId": 'A"1'}, channel=channel)
        assert as_json == RenderedContents(None, '{"id":"A\\"1"}', (), truncated=False, problem="")


@pytest.mark.requirement("B-12")
@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("content_type", ["text", "html"])
def test_a_url_stays_a_url(channel: str, content_type: str) -> None:
    assert content(content_type, "https://x/y", channel=channel) == "*https://x/y*"


@pytest.mark.requirement("B-13")
@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        ("telegram", r"*a\_b\*c \(d\)\!*"),
        ("lark", r"*a\_b\*c \(d\)\!*"),
        ("slack", r"*a\_b\*c \(d\)\!*"),
        ("webhook", "*a_b*c (d)!*"),
    ],
)
def test_markdown_values_are_escaped_for_the_reader_and_the_template_is_not(
    channel: str, expected: str
) -> None:
    assert content("markdown", "a_b*c (d)!", channel=channel) == expected


def test_a_value_cannot_choose_the_scheme_of_a_link() -> None:
    assert content("markdown", "tg://user?id=1", channel="telegram") == r"*tg\://user?id=1*"
    assert content("html", "tg://user?id=1", channel="telegram") == "*tg&#58;//user?id=1*"


@pytest.mark.requirement("B-13")
@pytest.mark.parametrize("value", ['A"1', "back\\slash", "two\nlines", "\u2028", {"a": 'q"'}])
def test_a_json_content_parses_whatever_its_values_hold(value: object) -> None:
    row = TemplateText("json", '{"v":"{{v}}"}')
    result = render_contents(row, {"v": value}, channel="webhook")
    assert result.problem == ""
    shown = json.loads(result.content)["v"]
    assert shown == (value if isinstance(value, str) and value.strip() else shown)
    assert '"' in shown or not isinstance(value, dict)


@pytest.mark.parametrize("value", [{"a": [1, None]}, [], None, 5, True, 'q"', "", [{"b": {}}]])
@pytest.mark.parametrize("tag", ["{{v}}", "{{json v}}", "{{ v }}"])
def test_a_json_content_embeds_any_value_outside_its_strings(tag: str, value: object) -> None:
    row = TemplateText("json", f'{{"o":{tag},"s":"{{{{json v}}}}"}}')
    result = render_contents(row, {"v": value}, channel="webhook")
    assert result.problem == ""
    document = json.loads(result.content)
    assert document["o"] == value
    assert json.loads(document["s"]) == value


@pytest.mark.parametrize(
    "source", ['{"a":{{missing}}}', "{", "", '{"a":NaN}', "[" * 60_000, '{"a":1e999}x']
)
def test_a_json_content_that_does_not_parse_has_a_problem(source: str) -> None:
    result = render_contents(TemplateText("json", source), {}, channel="lark")
    assert result.problem.startswith("The rendered content is not JSON")


def test_the_subject_of_a_json_content_is_no_json() -> None:
    row = TemplateText("json", '{"v":"{{v}}"}', 'Say "{{v}}"')
    result = render_contents(row, {"v": 'A"1'}, channel="lark")
    assert (result.subject, result.content) == ('Say "A"1"', '{"v":"A\\"1"}')


def test_missing_variables_are_those_of_subject_and_content() -> None:
    row = TemplateText("text", "{{a}} {{b}} {{a}}{{#each c}}{{/each}}", "{{d}} {{a}}")
    result = render_contents(row, {"b": None}, channel="slack")
    assert result.missing_variables == ("d", "a", "c")
    assert (result.subject, result.content) == ("{{d}} {{a}}", "{{a}}  {{a}}")


@pytest.mark.requirement("C-0.34")
@pytest.mark.parametrize(
    ("tag", "problem"),
    [
        ("{{number v}}", ""),
        ("{{number v 0}}", ""),
        ('{{number v "15"}}', ""),
        ("{{number v 16}}", '"16" is no number of digits from 0 to 15 of the content'),
        ('{{number v "two"}}', '"two" is no number of digits from 0 to 15 of the content'),
        ('{{date v "UTC"}}', ""),
        ('{{date v "Nowhere"}}', '"Nowhere" is no time zone of the content'),
    ],
)
def test_an_argument_that_a_formatter_cannot_use_is_refused_and_breaks_no_send(
    tag: str, problem: str
) -> None:
    row = TemplateText("text", tag)
    assert syntax_problem(row) == (f"Invalid template syntax: {problem}" if problem else "")
    assert render_contents(row, {"v": 1}, channel="webhook").content


def test_of_several_problems_the_first_is_told() -> None:
    row = TemplateText("text", "{{number v 17}}", "{{number v 16}} {{number v 18}}")
    assert syntax_problem(row) == (
        'Invalid template syntax: "16" is no number of digits from 0 to 15 of the subject'
    )


def test_a_default_is_written_as_its_place_in_the_json_needs() -> None:
    source = '{"a": {{default v "x"}}, "b": "{{default v "y"}}", "c": {{default w 5}}}'
    result = render_contents(TemplateText("json", source), {"w": {"k": [1]}}, channel="webhook")
    expected = '{"a": "x", "b": "y", "c": {"k":[1]}}'
    assert result == RenderedContents(None, expected, (), truncated=False, problem="")

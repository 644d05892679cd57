"""The syntax errors that keep a template from being saved."""

import pytest

from notification.templates.contents import syntax_problem
from notification.templates.stored_template import TemplateText
from notification.templates.syntax import SyntaxProblem, read_structure

NO_TAG = "{} is no tag: a name has letters, digits, _ and -, and a path joins them with dots"

pytestmark = pytest.mark.requirement("C-5.2")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "plain text with } and { and \\{{ and \\{{x}}",
        "{{name}} {{ user.name }} {{alerts.0.summary}} {{na-me}} {{labels.k8s-app}}",
        "{{名前}} {{नाम}} {{имя.é}} {{a_1}}",
        '{{json a.b}} {{default a "x y"}} {{number a}} {{number a 2}}',
        '{{date a}} {{date a "UTC"}} {{date a.b "Asia/Shanghai" "YYYY-MM-DD HH:mm"}}',
        "{{#unless a}}x{{else}}y{{/unless}}",
        "{{#each o}}{{@key}}{{@index}}{{@first}}{{@last}}{{/each}}",
        "{{#if a}}{{#each b}}{{this.c}}{{@index}}{{/each}}{{else}}{{/if}}",
        "{{#if a}}" * 5 + "{{/if}}" * 5,
        '{"a":{"b":{{n}}}}',
    ],
)
def test_what_works_has_no_problem(source: str) -> None:
    assert read_structure(source).problems == ()


@pytest.mark.parametrize(
    "source",
    [
        "\\{{a}} {{b}} \\{{ {{c}}",
        "{{{a}}} {{{{b}} {{{json c}}}",
        "{{ {{a}} {{nothing here}} {{}} {{b}}",
        "{{#if a}}{{#each b}}{{json c}}{{/each}}{{else}}{{d}}{{/if}}",
        '{{number a 2}} {{number}} {{date a "UTC" "YYYY" "x"}} {{default a "b"}}',
        "{{#each a}}{{/if}}{{else}}{{/each}}{{/each}}",
    ],
)
def test_tags_are_read_alike_wherever_they_stand(source: str) -> None:
    at_start = read_structure(source)
    for places in range(1, 33):
        moved = read_structure("x" * places + source)
        assert [
            tag._replace(start=tag.start - places, end=tag.end - places) for tag in moved.tags
        ] == list(at_start.tags)
        assert [
            problem._replace(column=problem.column - places) for problem in moved.problems
        ] == list(at_start.problems)


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("a\nbc {{/if}}", SyntaxProblem("{{/if}} closes nothing", 2, 4)),
        ("{{#if a.b}}x", SyntaxProblem("{{#if a.b}} is never closed", 1, 1)),
        ("🙂{{#each a}}", SyntaxProblem("{{#each a}} is never closed", 1, 2)),
        ("{{else}}", SyntaxProblem("{{else}} stands outside {{#if}}", 1, 1)),
        (
            "{{#each a}}\n {{else}}{{/each}}",
            SyntaxProblem("{{else}} stands outside {{#if}}", 2, 2),
        ),
        (
            "{{#if a}}{{else}}{{else}}{{/if}}",
            SyntaxProblem("{{else}} stands twice in one {{#if}}", 1, 18),
        ),
        (
            "{{#if a}}{{#each b}}{{/if}}{{/each}}{{/if}}",
            SyntaxProblem("{{/if}} stands where {{/each}} is due", 1, 21),
        ),
        ("{{#with a}}", SyntaxProblem("unknown block tag {{#with a}}", 1, 1)),
        (
            "{{x | upper}}",
            SyntaxProblem("{{x | upper}} has a filter, which templates don't have", 1, 1),
        ),
        ("a {{../t}}", SyntaxProblem("{{../t}} leads out of a loop, which paths can't", 1, 3)),
        ("{{}}", SyntaxProblem("{{}} names no variable", 1, 1)),
        ("x {{", SyntaxProblem("{{ is never closed; \\{{ writes two braces", 1, 3)),
        ("{{a..b}}", SyntaxProblem(NO_TAG.format("{{a..b}}"), 1, 1)),
        ("{{a b}}", SyntaxProblem(NO_TAG.format("{{a b}}"), 1, 1)),
        ("{{“a”}}", SyntaxProblem(NO_TAG.format("{{“a”}}"), 1, 1)),
        ("{{default a}}", SyntaxProblem("{{default a}} has the wrong number of arguments", 1, 1)),
        ("x {{/with}}", SyntaxProblem("unknown block tag {{/with}}", 1, 3)),
        ("{{#if}}", SyntaxProblem("unknown block tag {{#if}}", 1, 1)),
        ("{{#if a b}}", SyntaxProblem("unknown block tag {{#if a b}}", 1, 1)),
        ("{{#if a", SyntaxProblem("unknown block tag {{#if a", 1, 1)),
        (
            "{{#if a}}" * 6 + "{{/if}}" * 6,
            SyntaxProblem("{{#if a}} is nested more than 5 deep", 1, 46),
        ),
    ],
)
def test_a_problem_says_what_is_wrong_and_where(source: str, problem: SyntaxProblem) -> None:
    assert read_structure(source).problems[0] == problem


def test_an_unknown_time_zone_is_a_problem() -> None:
    text = TemplateText("text", '{{date x "Mars/Olympus"}}')
    assert syntax_problem(text) == (
        'Invalid template syntax: "Mars/Olympus" is no time zone of the content'
    )


@pytest.mark.parametrize(
    "source",
    [
        '{"a":{{x}},"b":"{{y}}"}',
        "[{{#each a}}{{this}}{{#unless @last}},{{/unless}}{{/each}}]",
        '{"a":{{#if x}}1{{else}}[{{json y}}]{{/if}}}',
        '{"a":{{date x}}}',
    ],
)
def test_a_json_template_may_be_saved_if_samples_make_json_of_it(source: str) -> None:
    assert syntax_problem(TemplateText("json", source)) == ""


@pytest.mark.parametrize("source", ['{"a":"{{x}}"', '{"a":{{x}} {{y}}}', "{{x}},"])
def test_a_json_template_that_never_becomes_json_is_refused(source: str) -> None:
    assert "not JSON" in syntax_problem(TemplateText("json", source))


def test_problems_are_in_order_and_limited_in_number() -> None:
    problems = read_structure("{{#nope}}\n{{/if}}\n" * 50).problems
    assert [problem.line for problem in problems] == list(range(1, 11))


def test_the_refusal_names_field_line_and_column() -> None:
    good, bad = "{{title}}", "Hello\n{{#if a}}"
    assert syntax_problem(TemplateText("text", good, good)) == ""
    assert syntax_problem(TemplateText("text", bad, good)) == (
        "Invalid template syntax: {{#if a}} is never closed (line 2, column 1) of the content"
    )
    assert syntax_problem(TemplateText("text", good, "{{/each}}")) == (
        "Invalid template syntax: {{/each}} closes nothing (line 1, column 1) of the subject"
    )

"""The syntax errors that keep a template from being saved."""

import pytest

from notification.templates.contents import syntax_problem
from notification.templates.stored_template import TemplateText
from notification.templates.syntax import SyntaxProblem, read_structure

pytestmark = pytest.mark.requirement("C-5.2")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "plain text with } and { and {{",
        "{{name}} {{ user.name }} {{alerts.0.summary}} {{na-me}} {{}}",
        "{{#if a}}{{#each b}}{{this.c}}{{@index}}{{/each}}{{else}}{{/if}}",
        "{{#if a}}" * 5 + "{{/if}}" * 5,
        '{"a":{"b":{{n}}}}',
    ],
)
def test_what_works_has_no_problem(source: str) -> None:
    assert read_structure(source).problems == ()


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
        ("{{#unless a}}", SyntaxProblem("unknown block tag {{#unless a}}", 1, 1)),
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

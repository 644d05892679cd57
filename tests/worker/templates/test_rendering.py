"""Rendering templates with variables."""

from collections.abc import Mapping

import pytest

from notification.markup.escaping import escape_html, unescaped
from notification.templates.program import compile_template
from notification.templates.rendering import Rendered, render


def rendered(source: str, variables: Mapping[str, object]) -> Rendered:
    return render(compile_template(source), variables, unescaped)


def text(source: str, variables: Mapping[str, object]) -> str:
    return rendered(source, variables).text


def test_the_contracts_vector_of_a_text_template() -> None:
    source = "Hi {{name}} {{missing}} {{n}} {{ok}} {{nil}}"
    variables = {"name": "A&B", "n": 1, "ok": True, "nil": None}
    assert rendered(source, variables) == Rendered(
        "Hi A&B {{missing}} 1 true ", ("missing",), truncated=False
    )


@pytest.mark.requirement("B-19")
@pytest.mark.parametrize(
    "path",
    ["constructor", "toString", "__class__", "__proto__", "items", "name.length", "list.length"],
)
def test_only_an_objects_own_keys_are_found(path: str) -> None:
    placeholder = "{{" + path + "}}"
    assert text(placeholder, {"name": "x", "list": [1]}) == placeholder


def test_braces_in_values_are_never_read_as_a_template() -> None:
    variables = {"a": "{{b}}", "b": "{{#if a}}{{a}}{{/if}}", "open": "{{", "close": "b}}"}
    assert text("{{a}} {{b}} {{open}}{{close}}", variables) == ("{{b}} {{#if a}}{{a}}{{/if}} {{b}}")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{{name}}}", "{Li}"),
        ("{{ name }}", "Li"),
        ("{{\tname }}", "Li"),
        ("{{na me}} {{näme}} {{na-me}} {{}} {{name} {name}}", None),
        ("{{name", None),
        ("{{name.first}}", None),
        ("{{ìf}}{{> part}}{{^x}}{{!note}}", None),
    ],
)
def test_only_a_well_formed_placeholder_is_replaced(source: str, expected: str | None) -> None:
    assert text(source, {"name": "Li"}) == (source if expected is None else expected)


@pytest.mark.requirement("D-15")
def test_dotted_paths_lead_through_objects_and_lists() -> None:
    variables = {"user": {"name": "Li"}, "alerts": [{"summary": "hot"}]}
    assert text("{{user.name}} {{alerts.0.summary}}", variables) == "Li hot"
    for path in ("alerts.1.summary", "alerts.00.summary", "alerts.-1", "user.name.x", "user.no"):
        assert text("{{" + path + "}}", variables) == "{{" + path + "}}"


@pytest.mark.requirement("D-15")
def test_each_visits_the_members_of_a_list() -> None:
    source = "{{#each alerts}}{{@index}}:{{this.name}}={{this.values.B}} of {{total}};{{/each}}"
    variables = {
        "alerts": [{"name": "a", "values": {"B": 95.2}}, {"name": "b", "values": {}}],
        "total": 2,
    }
    assert rendered(source, variables) == Rendered(
        "0:a=95.2 of 2;1:b={{this.values.B}} of 2;", ("this.values.B",), truncated=False
    )


def test_each_over_scalars_and_nested_lists() -> None:
    source = "{{#each rows}}[{{#each this.cells}}{{@index}}{{this}}{{/each}}]{{@index}}{{/each}}"
    assert text(source, {"rows": [{"cells": ["x", 2]}, {"cells": []}]}) == "[0x12]0[]1"


@pytest.mark.parametrize("value", [None, "abc", 7, {}, [], True])
def test_each_over_anything_but_a_list_with_members_writes_nothing(value: object) -> None:
    assert rendered("<{{#each a}}x{{/each}}>", {"a": value}) == Rendered("<>", (), truncated=False)


def test_a_loop_after_another_visits_its_own_members() -> None:
    source = "{{#each a}}{{this}}{{/each}}-{{#each b}}{{this}}{{/each}}-{{this}}"
    variables = {"a": [1, 2], "b": [3, 4], "this": "own"}
    assert text(source, variables) == "12-34-own"


def test_this_and_index_outside_each_are_ordinary_names() -> None:
    assert text("{{this}} {{this.a}} {{@index}}", {"this": {"a": 1}}) == '{"a":1} 1 {{@index}}'


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", []])
def test_if_takes_the_else_side_of_a_falsy_value(value: object) -> None:
    assert text("{{#if x}}yes{{else}}no{{/if}}", {"x": value}) == "no"


@pytest.mark.parametrize("value", [True, 1, -0.5, "0", "false", " ", [0], {}, {"a": None}])
def test_if_takes_the_first_side_of_any_other_value(value: object) -> None:
    assert text("{{#if x}}yes{{else}}no{{/if}}", {"x": value}) == "yes"


def test_if_of_a_missing_path_is_false_and_no_missing_variable() -> None:
    source = "{{#if a.b}}yes{{else}}no{{/if}}{{#if a}}yes{{/if}}"
    assert rendered(source, {}) == Rendered("no", (), truncated=False)


def test_an_index_tells_the_first_member_from_the_others() -> None:
    source = "{{#each a}}{{#if @index}}, {{/if}}{{this}}{{/each}}"
    assert text(source, {"a": ["x", "y", "z"]}) == "x, y, z"


@pytest.mark.parametrize(
    "source",
    [
        "{{#with x}}a{{/with}}",
        "{{x | upper}} {{../x}} {{}} {{a..b}} {{",
        "{{#if x}}a",
        "a{{/if}}",
        "{{else}}",
        "{{#each x}}a{{else}}b",
        "{{#if x}}a{{else}}b{{else}}c",
        "{{#each x}}a{{/if}}",
        "{{#if}}a{{/if}}",
        "{{# each x}}a",
    ],
)
def test_stored_blocks_that_do_not_work_are_left_as_written(source: str) -> None:
    assert text(source, {"x": [1, 2]}) == source


def test_placeholders_inside_a_broken_block_are_still_replaced() -> None:
    assert text("{{#with y}}{{x}}{{/with}}", {"x": 1}) == "{{#with y}}1{{/with}}"


def test_a_stored_block_beyond_the_fifth_level_is_left_as_written() -> None:
    source = "{{#if x}}" * 6 + "{{x}}" + "{{/if}}" * 6
    assert text(source, {"x": 1}) == "{{#if x}}1{{/if}}"


def test_a_rendering_visits_a_thousand_members_at_most() -> None:
    variables: dict[str, object] = {"a": list(range(600)), "b": [1]}
    result = rendered("{{#each a}}.{{/each}}{{#each a}}:{{/each}}!", variables)
    assert result == Rendered("." * 600 + ":" * 400 + "… 200 more!", (), truncated=True)
    assert not rendered("{{#each a}}.{{/each}}{{#each b}}.{{/each}}", variables).truncated


def test_the_output_ends_at_its_limit() -> None:
    variables: dict[str, object] = {"a": "x" * 5000, "list": list(range(1000))}
    result = rendered("{{#each list}}{{a}}{{/each}}", variables)
    assert result.text == "x" * (100_000 - 10) + "… 980 more"
    assert result.truncated
    exact = rendered("{{a}}" * 20, variables)
    assert (len(exact.text), exact.truncated) == (100_000, False)


def test_loops_that_write_nothing_end_too() -> None:
    source = "{{#each list}}" + "{{empty}}" * 10_000 + "{{/each}}"
    result = rendered(source, {"list": list(range(1000)), "empty": ""})
    assert result == Rendered("… 991 more", (), truncated=True)


def test_loops_inside_loops_say_what_each_leaves_out() -> None:
    variables = {"a": list(range(900))}
    result = rendered("{{#each a}}{{#each a}}.{{/each}};{{/each}}", variables)
    assert result.truncated
    assert result.text == "." * 900 + ";" + "." * 98 + "… 802 more;… 898 more"


def test_a_value_that_is_cut_says_so() -> None:
    assert rendered("{{a}}", {"a": "x" * 5_001}).truncated
    assert rendered("{{a}}", {"a": [{"b": "x" * 6_000}]}).truncated
    assert not rendered("{{a}}", {"a": "x" * 5_000}).truncated


def test_each_visits_the_entries_of_an_object() -> None:
    source = "{{#each o}}{{@key}}={{this}}{{#unless @last}}, {{/unless}}{{/each}}"
    assert text(source, {"o": {"a": 1, "b-c": "x"}}) == "a=1, b-c=x"
    source = "{{#each o}}{{#if @first}}{{@index}}{{/if}}{{this.n}}{{/each}}"
    assert text(source, {"o": {"a": {"n": 7}, "b": {"n": 8}}}) == "078"
    assert text("{{#each l}}{{@key}}{{/each}}", {"l": ["a", "b"]}) == "01"


def test_names_have_letters_of_any_script_and_hyphens() -> None:
    variables = {"first-name": "Li", "名前": "山", "labels": {"k8s-app": "dns"}, "नाम": "न"}
    source = "{{first-name}} {{名前}} {{labels.k8s-app}} {{नाम}}"
    assert text(source, variables) == "Li 山 dns न"


def test_a_whole_name_with_dots_wins_over_the_way_through_objects() -> None:
    assert text("{{a.b}}", {"a": {"b": 1}, "a.b": 2}) == "2"
    assert text("{{l.app.kubernetes.io}}", {"l": {"app.kubernetes.io": "x"}}) == "x"
    assert text("{{a.b}}", {"a": {"b": 1}}) == "1"


def test_formatters() -> None:
    variables = {"n": 1234567.5, "d": "2025-01-05T10:00:00Z", "o": {"a": [1]}, "e": ""}
    source = '{{number n}} {{number n 2}} {{date d "Asia/Shanghai" "YYYY-MM-DD HH:mm"}} {{date d}}'
    assert text(source, variables) == ("1,234,567.5 1,234,567.50 2025-01-05 18:00 2025-01-05 10:00")
    assert text(
        '{{json o}} {{default x "none"}} {{default e "-"}} {{default n "-"}}', variables
    ) == ('{"a":[1]} none - 1234567.5')
    missing = rendered("{{number x}} {{json y}}", {})
    assert missing == Rendered("{{number x}} {{json y}}", ("x", "y"), truncated=False)


def test_a_backslash_writes_two_braces() -> None:
    assert text("\\{{x}} {{x}}", {"x": 1}) == "{{x}} 1"
    assert text("\\{{{x}}\\}", {"x": 1}) == "\\{1\\}"


def test_values_are_cut_before_they_are_escaped() -> None:
    source = compile_template("{{a}}")
    assert render(source, {"a": "&" * 6000}, escape_html).text == "&amp;" * 5000


@pytest.mark.parametrize(
    ("outer", "inner", "end"),
    [
        (1, 999, "[" + "." * 999 + "]!"),
        (1, 1000, "[" + "." * 999 + "… 1 more]!"),
        (2, 997, "[" + "." * 997 + "][.… 996 more]!"),
        (2, 998, "[" + "." * 998 + "][… 998 more]!"),
        (2, 999, "[" + "." * 999 + "]… 1 more!"),
        (3, 998, "[" + "." * 998 + "][… 998 more]… 1 more!"),
    ],
)
def test_both_loops_count_towards_the_thousand_rounds(outer: int, inner: int, end: str) -> None:
    source = "{{#each a}}[{{#each b}}.{{/each}}]{{/each}}!"
    result = rendered(source, {"a": list(range(outer)), "b": list(range(inner))})
    assert result == Rendered(end, (), truncated=outer + outer * inner > 1000)


def test_a_loop_tells_its_rounds_apart() -> None:
    source = "{{#each a}}{{@index}} {{@first}} {{@last}} {{@key}};{{/each}}"
    assert rendered(source, {"a": ["x", "y"]}).text == "0 true false 0;1 false true 1;"
    pairs = {"k": 1, "l": 2}
    assert rendered("{{#each a}}{{@key}}={{this}};{{/each}}", {"a": pairs}).text == "k=1;l=2;"


def test_a_position_of_a_list_has_no_leading_zero() -> None:
    result = rendered("{{a.0}} {{a.1}} {{a.01}} {{a.2}}", {"a": [1, 2]})
    assert result == Rendered("1 2 {{a.01}} {{a.2}}", ("a.01", "a.2"), truncated=False)

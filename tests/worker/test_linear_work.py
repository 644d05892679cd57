"""The work on a foreign text grows in step with its length, in every function that takes one.

The functions are found, so that a new one has to be named here: with a call that gives it a text,
or with the reason why no text of a stranger reaches it. Patterns alone are proven linear in
`test_linear_patterns.py`; here loops over texts are run, and their work is counted.
"""

from __future__ import annotations

import ast
import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from notification import identity
from notification.bridge import body, encoding
from notification.bridge import message as bridge_message
from notification.channels import (
    answer,
    channel,
    discord,
    endpoint,
    host,
    pace,
    quiet_hours,
    standard_webhooks,
    webhook,
)
from notification.channels import lark as lark_channel
from notification.channels.channel import Message
from notification.channels.endpoint import EndpointPolicy
from notification.channels.registry import CHANNELS
from notification.configuration import masking
from notification.foreign_json import parse_foreign_json
from notification.grafana import message as alerts
from notification.grafana import payload
from notification.grafana.variables import alert_variables
from notification.http import parameters, request, unread_fields
from notification.http.router import Router
from notification.logging import Log, redact
from notification.markup import (
    commonmark,
    content,
    document,
    escaping,
    graphemes,
    html,
    html_entities,
    lark,
    markdown,
    plain_text,
    slack,
    splitting,
    telegram,
)
from notification.markup.dialect import shown_text
from notification.markup.document import BOLD, Document
from notification.ports.outbound import OutboundAnswer
from notification.routes.table import MODULES, ROUTES, all_routes
from notification.sending import command
from notification.templates import (
    contents,
    formatting,
    program,
    rendering,
    syntax,
    template_document,
    values,
)
from notification.templates.stored_template import TemplateText
from notification.time_zones import find_zone
from notification.timestamps import from_iso
from tests.day_sample import chance
from tests.worker.work_counter import MISTAKES, Watched, Work, work_of
from tests.worker.world import World

pytestmark = pytest.mark.requirement("S5-5")

SOURCES = Path(__file__).parents[2] / "worker" / "src" / "notification"
PLACES = (
    "bridge",
    "channels",
    "grafana",
    "markup",
    "templates",
    "configuration/masking.py",
    "foreign_json.py",
    "http/parameters.py",
    "http/request.py",
    "http/router.py",
    "http/unread_fields.py",
    "identity.py",
    "logging.py",
    "sending/command.py",
    "time_zones.py",
    "timestamps.py",
)
"""Where texts of strangers are read and written; what lies elsewhere hands them on."""
FOREIGN = re.compile(
    r"\b(?:str|bytes|Any|object|Document|GrafanaPayload|OutboundAnswer|TemplateText)\b"
)

POLICY = EndpointPolicy(allow_loopback=False, allow_http=False)
Call = Callable[[str], object]


def functions() -> Iterator[str]:
    """Name every public function and method of these places that takes a text or any value."""
    for place in PLACES:
        path = SOURCES / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            module = file.relative_to(SOURCES).with_suffix("").as_posix().replace("/", ".")
            for node in ast.parse(file.read_text()).body:
                inside = node.body if isinstance(node, ast.ClassDef) else [node]
                owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
                for function in inside:
                    if isinstance(function, ast.FunctionDef) and _takes_text(function):
                        name = f"{owner}{function.name}"
                        if not any(part.startswith("_") for part in name.split(".")):
                            yield f"{module}.{name}"


def _takes_text(function: ast.FunctionDef) -> bool:
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return any(
        argument.annotation is not None and FOREIGN.search(ast.unparse(argument.annotation))
        for argument in arguments
    )


def refusal_of(call: Callable[[], object]) -> None:
    """Make a call whose refusal doesn't keep others from being made."""
    try:
        call()
    except MISTAKES:
        raise
    except Exception:  # noqa: S110 - as the summary says
        pass


def composed(name: str, kind: str) -> Call:
    def call(text: str) -> object:
        message = Message("id", "u1", text, text[:300], kind, None)
        sample = dict(CHANNELS[name].sample)
        return CHANNELS[name].compose(message, sample, policy=POLICY, now_ms=0)

    return call


def configured(name: str) -> Call:
    def call(text: str) -> object:
        for field in {**CHANNELS[name].sample, "secret": "", "headers": "", "username": ""}:
            for value in (text, {text: text}, [text], "https://hooks.slack.com/" + text):
                config = {**CHANNELS[name].sample, field: value}
                refusal_of(lambda config=config: CHANNELS[name].check_config(config, POLICY))  # type: ignore[misc]
        return None

    return call


def judged(name: str) -> Call:
    def call(text: str) -> object:
        return [
            CHANNELS[name].judge(
                OutboundAnswer(status, {"retry-after": text, "x": text}, text), now_ms=0
            )
            for status in (200, 400, 403, 429, 500)
        ]

    return call


def rendered(source: str, kind: str = "text", name: str = "webhook") -> Call:
    def call(text: str) -> object:
        variables = {"v": text, "list": [text[i : i + 50] for i in range(0, len(text), 50)]}
        return contents.render_contents(TemplateText(kind, source, None), variables, channel=name)

    return call


def template_of(kind: str) -> Call:
    return lambda text: contents.render_contents(
        TemplateText(kind, text, text[:300]), {"a": "b"}, channel="telegram"
    )


def alert(text: str) -> dict[str, Any]:
    one = {
        "status": "firing",
        "labels": {"alertname": text, text: text},
        "annotations": {"summary": text, "description": text},
        "startsAt": text,
        "values": {text: text},
        "generatorURL": text,
    }
    return {"receiver": "u", "status": "firing", "alerts": [one, one], "externalURL": text}


def sent(text: str) -> dict[str, Any]:
    return {
        "user_id": text,
        "channels": ["webhook", text],
        "template_key": text,
        "variables": {text[:90]: text},
        "custom_content": {"content": text, "subject": text},
        "metadata": {"a": text},
        "idempotency_key": text,
        "send_at": text,
    }


def each_alone(build: Callable[[str], dict[str, Any]], read: Callable[[Any], object]) -> Call:
    """Give each field the text while the others are lawful, since the first refusal ends it."""

    def call(text: str) -> object:
        lawful, hostile = build("webhook"), build(text)
        for field in lawful:
            given = {**lawful, field: hostile[field]}
            refusal_of(lambda given=given: read(given))  # type: ignore[misc]
        return None

    return call


def encoded(content_type: str, before: str = "", after: str = "") -> Call:
    return lambda text: body.parse_body(
        (before + text + after).encode("utf-8", "replace"), content_type
    )


def answered(text: str) -> OutboundAnswer:
    return OutboundAnswer(200, {"retry-after": text, "x": text}, text)


def requested(text: str) -> request.Request:
    async def read(limit: int) -> bytes:
        return text.encode("utf-8", "replace")

    made = request.Request(method="POST", host="a", target="/", headers={}, read=read)
    asyncio.run(made.read_body(2_000_000))
    return made


def logged() -> Log:
    return Log.of(World().platform())


def key_of(query: dict[str, str], headers: dict[str, str]) -> object:
    return bridge_message.call_key(user_id="u", channel="c", query=query, headers=headers)


def parsed(given: dict[str, Any]) -> object:
    return command.parse_send(given, known_channels=CHANNELS, header_key=None, now_ms=0)


ROUTER = Router(ROUTES, MODULES)
EDGE = "multipart/form-data; boundary=edge"
PART = '--edge\r\nContent-Disposition: form-data; name="a"\r\n\r\n'


def decoder() -> encoding.CharsetDecoder:
    return encoding.CharsetDecoder("utf-8")


def marked(text: str) -> Document:
    return markdown.read_markdown(text)


CALLS: dict[str, list[Call]] = {
    "bridge.body.parse_body": [
        encoded("text/plain"),
        encoded("application/json"),
        encoded("application/json", '{"a":"', '"}'),
        encoded("application/x-www-form-urlencoded"),
        encoded(EDGE),
        encoded(EDGE, PART, "\r\n--edge--\r\n"),
        lambda text: body.parse_body(b"x", text, text),
    ],
    "bridge.body.media_type": [body.media_type],
    "bridge.body.header_parameters": [
        body.header_parameters,
        lambda text: body.header_parameters("a/b; " + text),
        lambda text: body.header_parameters('a/b; c="' + text),
    ],
    "bridge.body.multipart_fields": [
        lambda text: body.multipart_fields(
            text.encode("utf-8", "replace"), f"multipart/form-data; boundary={text[:60]}", decoder()
        ),
        lambda text: body.multipart_fields((PART * (len(text) // 20)).encode(), EDGE, decoder()),
        lambda text: body.multipart_fields(
            b"--edge\r\n" + text.encode("utf-8", "replace") + b"\r\n\r\n--edge--", EDGE, decoder()
        ),
    ],
    "bridge.encoding.CharsetDecoder.text": [
        lambda text: encoding.CharsetDecoder("utf-8").text(text.encode("utf-8", "replace")),
        lambda text: encoding.CharsetDecoder("utf-8").text(b"\xff" * len(text)),
    ],
    "bridge.encoding.without_codings": [
        lambda text: encoding.without_codings(b"x", text, 1_000),
        lambda text: encoding.without_codings(text.encode("utf-8", "replace"), "gzip", 1_000),
    ],
    "bridge.message.bridge_message": [
        bridge_message.bridge_message,
        lambda text: bridge_message.bridge_message({"title": text, "message": {"a": [text]}}),
        lambda text: bridge_message.bridge_message({f"a{n}": text[:5] for n in range(len(text))}),
    ],
    "bridge.message.event_message": [
        lambda text: bridge_message.event_message({"type": text, "data": {"a": text}}),
    ],
    "bridge.message.call_key": [
        lambda text: key_of(query={"idempotency_key": text}, headers={}),
        lambda text: key_of(query={}, headers={"x-github-delivery": text}),
    ],
    "bridge.message.delivery_key": [lambda text: bridge_message.delivery_key("u", "c", text)],
    "channels.answer.throttled": [
        lambda text: answer.throttled(text, OutboundAnswer(429, {"retry-after": text}, text), 0),
    ],
    "channels.answer.short": [
        answer.short,
        lambda text: answer.short({"a": [text], "b": {"c": text}}),
    ],
    "channels.channel.timeout_of": [lambda text: channel.timeout_of({"timeout": text})],
    "channels.channel.most_parts": [lambda text: channel.most_parts({"split_long": text})],
    "channels.channel.check_switch": [lambda text: channel.check_switch({"a": text}, "a")],
    "channels.channel.check_timeout": [lambda text: channel.check_timeout({"timeout": text})],
    "channels.endpoint.check_endpoint": [
        lambda text: endpoint.check_endpoint(text, POLICY),
        lambda text: endpoint.check_endpoint("https://" + text, POLICY),
        lambda text: endpoint.check_endpoint("https://a.example/" + text[:1_900], POLICY),
        lambda text: endpoint.check_endpoint("https://" + text[:1_900], POLICY),
    ],
    "channels.endpoint.check_url_field": [
        lambda text: endpoint.check_url_field({"webhook_url": text}, "slack", POLICY),
    ],
    "channels.endpoint.check_provider_url": [
        lambda text: endpoint.check_provider_url(
            {"webhook_url": "https://a/" + text}, "slack", POLICY, hosts=("a",), path="/"
        ),
    ],
    "channels.host.ascii_host": [host.ascii_host, lambda text: host.ascii_host(text + "\uff41")],
    "channels.host.kind_of_host": [host.kind_of_host, lambda text: host.kind_of_host(f"[{text}]")],
    "channels.pace.endpoint_id": [lambda text: pace.endpoint_id("slack", {"webhook_url": text})],
    "channels.pace.pace_of": [
        lambda text: pace.pace_of(
            "telegram", {"chat_id": text, "rate": text}, World().platform().settings
        ),
    ],
    "channels.pace.bot_of": [pace.bot_of],
    "channels.pace.check_rate": [lambda text: pace.check_rate({"rate": {"per_second": text}})],
    "channels.pace.parse_rate": [pace.parse_rate, lambda text: pace.parse_rate({text: 1})],
    "channels.quiet_hours.quiet_until": [
        lambda text: quiet_hours.quiet_until({"quiet_hours": {"from": text, "to": text}}, 0),
    ],
    "channels.quiet_hours.check_quiet_hours": [
        lambda text: quiet_hours.check_quiet_hours({"quiet_hours": {"from": text, "to": "01:00"}}),
        lambda text: quiet_hours.check_quiet_hours(
            {"quiet_hours": {"from": "00:00", "to": "01:00", "time_zone": text}}
        ),
    ],
    "channels.quiet_hours.parse_quiet_hours": [quiet_hours.parse_quiet_hours],
    **{
        f"channels.{name}.{type(one).__name__}.{method}": calls
        for name, one in CHANNELS.items()
        for method, calls in (
            ("compose", [composed(name, kind) for kind in ("text", "markdown", "html", "json")]),
            ("check_config", [configured(name)]),
        )
    },
    **{
        f"channels.{name}.{type(one).__name__}.judge": [judged(name)]
        for name, one in CHANNELS.items()
    },
    "channels.answer.judge_status": [lambda text: answer.judge_status(answered(text), 0)],
    "channels.answer.parsed_details": [
        lambda text: answer.parsed_details(answered(text)),
        lambda text: answer.parsed_details(answered(f'{{"a":"{text}"}}')),
    ],
    "channels.answer.provider_object": [lambda text: answer.provider_object(answered(text))],
    "channels.answer.retry_after_seconds": [
        lambda text: answer.retry_after_seconds(answered(text), 0),
        lambda text: answer.retry_after_seconds(answered("9" * len(text)), 0),
    ],
    "channels.discord.discord_text": [lambda text: discord.discord_text(marked(text))],
    "channels.lark.sign": [lambda text: lark_channel.sign(text, text)],
    "channels.standard_webhooks.is_genuine": [
        lambda text: standard_webhooks.is_genuine(
            {"webhook-id": text, "webhook-timestamp": "0", "webhook-signature": text},
            text.encode("utf-8", "replace"),
            [b"x" * 24, b"y" * 24],
            0,
        ),
        lambda text: standard_webhooks.is_genuine(
            {"webhook-id": "1", "webhook-timestamp": "0", "webhook-signature": f"v1,{text} " * 9},
            b"",
            [b"x" * 24, b"y" * 24],
            0,
        ),
    ],
    "channels.standard_webhooks.signing_keys": [
        lambda text: standard_webhooks.signing_keys({"signing_secret": "whsec_" + text}),
        lambda text: standard_webhooks.signing_keys({"signing_secret": [text] * 9}),
    ],
    "channels.standard_webhooks.standard_headers": [
        lambda text: standard_webhooks.standard_headers("1", 0, text, [b"x" * 24]),
    ],
    "channels.webhook.sign_body": [lambda text: webhook.sign_body(text, text, text)],
    "grafana.payload.GrafanaPayload.counted": [
        lambda text: payload.read_payload(alert(text)).counted(text),
    ],
    "grafana.variables.alert_variables": [
        lambda text: alert_variables(payload.read_payload(alert(text))),
    ],
    "http.request.Request.check_fields": [
        lambda text: requested("").check_fields({text: 1}, frozenset(("user_id", "send_at"))),
        lambda text: requested("").check_fields({"a": 1}, frozenset(("user_id",)), text),
        lambda text: requested("").check_fields(
            {f"{character}{place}": 1 for place, character in enumerate(text)},
            frozenset(("user_id", "send_at")),
        ),
    ],
    "http.request.Request.json_object": [
        lambda text: requested(text).json_object("refused"),
        lambda text: requested(f'{{"a":"{text}"}}').json_object("refused"),
        lambda text: requested(f'{{"a":[{",".join(["0"] * len(text))}]}}').json_object("refused"),
    ],
    "http.unread_fields.UnreadFields.check": [
        lambda text: unread_fields.UnreadFields().check({text: 1}, frozenset(("user_id",)), text),
    ],
    "http.unread_fields.refuse_unknown_fields": [
        lambda text: unread_fields.refuse_unknown_fields({text: 1}, "taskIds", "markAsFailed"),
    ],
    "logging.Log.write": [
        lambda text: logged().write("info", text, error=text, **{text[:50]: {text: text}}),
    ],
    "markup.dialect.shown_text": [lambda text: shown_text("link", text)],
    "markup.document.draw": [
        lambda text: document.draw(
            marked(text), lambda _, span: document.Marks("(", ")", "> "), lambda piece, _: piece
        ),
        lambda text: document.draw(
            Document(text, tuple(document.Span(0, len(text), kind) for kind in ("a", "b", "c"))),
            lambda _, span: document.Marks("(", ")", "> "),
            lambda piece, _: piece,
        ),
    ],
    "markup.document.span_at": [
        lambda text: document.span_at(marked(text), len(text) // 2, frozenset((BOLD,))),
    ],
    "markup.lark.lark_markdown": [lambda text: lark.lark_markdown(marked(text))],
    "markup.lark.lark_post": [
        lambda text: lark.lark_post(marked(text)),
        lambda text: lark.lark_post(markdown.read_markdown("<at id=a></at>\n" * len(text[::15]))),
    ],
    "markup.lark.reads_mention": [lambda text: lark.reads_mention(marked(text))],
    "markup.splitting.cut_document": [
        lambda text: splitting.cut_document(
            marked(text), lambda part: len(part.text) < 500, longest=600
        ),
    ],
    "markup.splitting.utf16_units": [splitting.utf16_units],
    "markup.splitting.split_document": [
        lambda text: splitting.split_document(
            marked(text), lambda part: len(part.text) < 200, longest=300, count=3
        ),
    ],
    "templates.contents.syntax_problem": [
        lambda text: contents.syntax_problem(TemplateText("json", text, text)),
    ],
    "templates.contents.syntax_problems": [
        lambda text: contents.syntax_problems(TemplateText("text", text, text)),
    ],
    "configuration.masking.is_mask": [masking.is_mask],
    "configuration.masking.is_secret": [masking.is_secret],
    "configuration.masking.mask": [masking.mask],
    "configuration.masking.mask_both_ends": [masking.mask_both_ends],
    "configuration.masking.mask_config": [
        lambda text: masking.mask_config({"secret": text, "headers": {text: text}}, masking.mask),
    ],
    "configuration.masking.has_masked_values": [
        lambda text: masking.has_masked_values({"secret": text, "headers": {text: text}}),
    ],
    "configuration.masking.unmask_config": [
        lambda text: masking.unmask_config({"secret": text + "…"}, {"secret": text}),
    ],
    "foreign_json.parse_foreign_json": [
        parse_foreign_json,
        lambda text: parse_foreign_json(f'{{"a":"{text}"}}'),
        lambda text: parse_foreign_json(f"[{','.join(['1'] * len(text))}]"),
    ],
    "grafana.message.readable_date": [alerts.readable_date],
    "grafana.message.alert_message": [
        lambda text: alerts.alert_message(payload.read_payload(alert(text))),
    ],
    "grafana.payload.read_payload": [lambda text: payload.read_payload(alert(text))],
    "grafana.payload.text_field": [lambda text: payload.text_field({"a": text}, "a")],
    "grafana.payload.requested_channels": [
        lambda text: payload.requested_channels(text, list(CHANNELS)),
    ],
    "grafana.payload.idempotency_key": [
        lambda text: payload.idempotency_key(payload.read_payload(alert(text)), ["webhook"]),
    ],
    "http.parameters.row_id": [parameters.row_id],
    "http.parameters.switch": [lambda text: parameters.switch({"a": text}, "a")],
    "http.parameters.whole_number": [
        lambda text: parameters.whole_number({"n": text}, "n", default=1, maximum=9),
    ],
    "http.parameters.one_of": [lambda text: parameters.one_of("a", text, ("b", "c"))],
    "http.parameters.moment": [lambda text: parameters.moment({"n": text}, "n")],
    "http.parameters.text_field": [lambda text: parameters.text_field({"a": text}, "a")],
    "http.parameters.whole_field": [
        lambda text: parameters.whole_field({"a": text}, "a", default=1, maximum=9),
    ],
    "http.parameters.flag_field": [
        lambda text: parameters.flag_field({"a": text}, "a", default=True),
    ],
    "http.parameters.ids_field": [
        lambda text: parameters.ids_field({"a": list(text)}, "a"),
        lambda text: parameters.ids_field({"a": list(range(1, len(text)))}, "a"),
    ],
    "http.request.decode_segment": [request.decode_segment],
    "http.router.Router.find": [
        lambda text: ROUTER.find("GET", text),
        lambda text: ROUTER.find("GET", "/api/templates/" + text),
        lambda text: ROUTER.find("POST", f"/web_hook/bridge/{text}/webhook"),
        lambda text: ROUTER.find(text, "/health"),
    ],
    "identity.moment_of_request": [identity.moment_of_request],
    "identity.row_id_of": [identity.row_id_of],
    "identity.fold_recipient": [identity.fold_recipient],
    "identity.recipient_id": [identity.recipient_id],
    "identity.check_key": [lambda text: identity.check_key(text, "key")],
    "logging.redact": [
        redact,
        lambda text: redact({"token": text, text: [text]}),
        lambda text: redact(f"https://a.example/{text}?token={text}"),
    ],
    "markup.commonmark.draw_commonmark": [
        lambda text: commonmark.draw_commonmark(marked(text)),
        lambda text: commonmark.draw_commonmark(Document(text)),
    ],
    "markup.content.read_content": [
        lambda text: content.read_content(text, "markdown"),
        lambda text: content.read_content(text, "html"),
    ],
    "markup.content.read_message": [lambda text: content.read_message(text, text, "markdown")],
    "markup.document.Document.styled": [lambda text: marked(text).styled(BOLD)],
    "markup.document.joined": [
        lambda text: document.joined([Document(text[n : n + 9]) for n in range(0, len(text), 9)])
    ],
    "markup.document.within_lines": [
        lambda text: document.within_lines(marked(text), frozenset((BOLD,))),
        lambda text: document.within_lines(
            Document("a\n" * (len(text) // 2)).styled(BOLD), frozenset((BOLD,))
        ),
    ],
    "markup.document.is_address": [document.is_address],
    "markup.escaping.unescaped": [escaping.unescaped],
    "markup.escaping.escape_html": [escaping.escape_html],
    "markup.escaping.escape_html_text": [escaping.escape_html_text],
    "markup.escaping.escape_markdown_v2": [escaping.escape_markdown_v2],
    "markup.escaping.escape_markdown": [escaping.escape_markdown],
    "markup.escaping.escape_slack": [escaping.escape_slack],
    "markup.escaping.escape_json_string": [escaping.escape_json_string],
    "markup.escaping.escape_markdown_value": [escaping.escape_markdown_value],
    "markup.escaping.escape_html_value": [escaping.escape_html_value],
    "markup.escaping.without_names": [escaping.without_names],
    "markup.graphemes.boundary": [
        lambda text: graphemes.boundary(text, len(text) // 2),
        lambda text: graphemes.boundary("a" + "\u0301" * len(text), len(text) // 2),
        lambda text: graphemes.boundary("\U0001f1e9" * len(text), len(text) // 2),
        lambda text: graphemes.boundary("\U0001f468\u200d" * len(text), len(text)),
    ],
    "markup.html.read_html": [html.read_html, lambda text: html.read_html(f"<b>{text}</b>")],
    "markup.html_entities.entity_text": [lambda text: html_entities.entity_text("&#10;")],
    "markup.html_entities.without_entities": [html_entities.without_entities],
    "markup.lark.escape_lark_markdown": [lark.escape_lark_markdown],
    "markup.markdown.read_markdown": [
        markdown.read_markdown,
        *(
            (lambda dialect: lambda text: markdown.read_markdown(text, dialect))(module.DIALECT)
            for module in (telegram, slack, lark)
        ),
    ],
    "markup.plain_text.without_control_characters": [plain_text.without_control_characters],
    "markup.plain_text.clean": [plain_text.clean],
    "markup.plain_text.cut": [lambda text: plain_text.cut(text, 50)],
    "markup.plain_text.is_blank": [plain_text.is_blank],
    "markup.slack.slack_texts": [
        lambda text: slack.slack_texts(subject=text, content=text, content_type="markdown"),
    ],
    "markup.telegram.telegram_texts": [
        lambda text: telegram.telegram_texts(
            subject=text, content=text, content_type="html", parse_mode="HTML", split=True
        ),
    ],
    "sending.command.parse_send": [
        each_alone(sent, parsed),
    ],
    "sending.command.is_template_key": [command.is_template_key],
    "templates.contents.render_contents": [
        *(template_of(kind) for kind in ("text", "markdown", "html", "json")),
        rendered("{{v}} {{v}}"),
        rendered("{{v}}", "markdown", "telegram"),
        rendered("{{v}}", "html", "lark"),
        rendered('{"a": {{v}}, "b": "{{v}}"}', "json"),
        rendered("{{#each list}}{{this}}{{#if @last}}.{{/if}}{{/each}}"),
        rendered("{{date v}} {{number v}} {{json list}} {{default v 'x'}}"),
    ],
    "templates.formatting.format_date": [
        formatting.format_date,
        lambda text: formatting.format_date("2026-01-01T00:00:00Z", text),
        lambda text: formatting.format_date("2026-01-01T00:00:00Z", "UTC", text),
    ],
    "templates.formatting.is_count_of_digits": [formatting.is_count_of_digits],
    "templates.formatting.format_number": [
        formatting.format_number,
        lambda text: formatting.format_number("9" * len(text)),
        lambda text: formatting.format_number("1" * 50, text),
    ],
    "templates.program.compile_template": [program.compile_template],
    "templates.rendering.render": [
        lambda text: rendering.render(program.compile_template(text), {}, escaping.unescaped),
        lambda text: rendering.render(
            program.compile_template("{{a}}" * (len(text) // 5)), {"a": 1}, escaping.unescaped
        ),
    ],
    "templates.syntax.read_structure": [syntax.read_structure],
    "templates.template_document.check_channel": [
        lambda text: template_document.check_channel(text, CHANNELS)
    ],
    "templates.template_document.check_key": [template_document.check_key],
    "templates.template_document.read_template_document": [
        lambda text: template_document.read_template_document(
            {
                "name": text[:100],
                "variables": [text[:50]],
                "contents": {"webhook": {"content_template": text}},
            },
            CHANNELS,
        ),
    ],
    "templates.template_document.read_content": [
        lambda text: template_document.read_content(
            "webhook", {"content_template": text}, CHANNELS
        ),
        lambda text: template_document.read_content(text, {"content_template": text}, CHANNELS),
    ],
    "templates.values.scalar_text": [values.scalar_text],
    "templates.values.json_text": [
        values.json_text,
        lambda text: values.json_text({"a": list(text), text: text}, indent=2),
    ],
    "templates.values.value_text": [
        values.value_text,
        lambda text: values.value_text(list(text)),
        lambda text: values.value_text({"a": list(text)}),
    ],
    "templates.values.is_truthy": [values.is_truthy],
    "time_zones.find_zone": [find_zone],
    "timestamps.from_iso": [from_iso],
}
"""How a text of a stranger gets into each function."""

OURS = {
    **dict.fromkeys(
        (
            "channels.channel.Channel.check_config",
            "channels.channel.Channel.compose",
            "channels.channel.Channel.judge",
        ),
        "each channel's own is called",
    ),
    "channels.channel.base_channel": "the name of a channel is one of ours",
    "channels.endpoint.EndpointPolicy.of": "settings are the operator's",
    "identity.new_keys": "channels are ours, and there are few",
    "logging.Log.of": "it keeps what the service gathers for a line",
    "logging.Log.of_request": "it keeps the id that `Application` has bounded",
    "markup.dialect.Dialect.escaped": "it looks at two characters",
    "markup.escaping.subject_escape": "it returns a function",
    "markup.escaping.value_escape": "it returns a function",
    "templates.stored_template.active_template": "a key is bounded, and goes into a statement",
    "channels.answer.judge_code": "the code is a key of a table, and the error is cut by `short`",
}


SHAPES = (
    *"<>&[]()*_`~|{}\\\"'@#!:;,.=%+-/0 \n\r\tx",
    "](",
    "[x](y ",
    "[x](https://a/",
    "**a",
    "a_b",
    "```\n",
    "`` a",
    "{{",
    "{{a}}",
    "{{{",
    "{{#each a}}",
    "{{#if a}}{{else}}",
    "{{a | b}}",
    '{{date a "',
    "\\{{",
    "&#",
    "&#60;",
    "&amp;",
    "<a href=",
    '<a href="https://x/">',
    "<!--",
    "<b><i>",
    "</b>",
    "<at id=",
    "<@U1>",
    "<!channel>",
    "@everyone",
    "\n> ",
    "\n# ",
    "\n- ",
    "\n\n",
    '{"a":',
    '"a":',
    "[[",
    "a=b&",
    "%41",
    "%zz",
    "--edge\r\n",
    "\r\n\r\n",
    'name="',
    "; a=",
    "a, ",
    "1e",
    "\x00",
    "\x1b[",
    "\u200b",
    "\u00e9",
    "e\u0301",
    "\u4e2d",
    "\U0001f642",
    "\U0001f1e9\U0001f1ea",
    "\U0001f468\u200d",
    'std::cout << "x" << y << std::endl;\n',
)
"""Repeated, they are what a reader opens again and again, or looks for in vain."""
NESTS = (("(", ")"), ("[", "]"), ("<b>", "</b>"), ("{{#if a}}", "{{/if}}"), ('{"a":', "}"))
BASES = (1_000, 50_000)
"""Lengths from which the work is followed over two doublings. The longer one, beyond any channel's
limit, counts where a limit lies in the way of the shorter one: a message that is cut, for instance,
or the most that a pattern reads."""
GROWTH = 2.7
"""By how much more the second doubling may cost than the first: twice as much in a linear function,
four times in one that grows with the square. Cutting by bisection takes a step more each time."""
SLACK = Work(2_500, 12_000)
"""What is small however it grows."""


def made(shape: str | tuple[str, str], length: int) -> str:
    if isinstance(shape, tuple):
        opening, closing = shape
        count = length // len(opening + closing)
        return Watched(opening * count + "x" + closing * count)
    return Watched(shape * (length // len(shape)))


def followed(call: Call, shape: str | tuple[str, str], base: int) -> list[Work]:
    texts = [made(shape, base * factor) for factor in (1, 2, 4)]
    return [work_of(lambda text=text: call(text)) for text in texts]  # type: ignore[misc]


def too_much(works: list[Work]) -> str:
    """Return the unit that grows more than in step; empty if none does."""
    for unit, short, middle, long, spare in zip(Work._fields, *works, SLACK, strict=True):
        if long - middle > GROWTH * max(middle - short, 0) + spare:
            return str(unit)
    return ""


def hold_to_linear(
    call: Call, shape: str | tuple[str, str], what: str, bases: Sequence[int] = BASES
) -> None:
    """Assert that the work of the second doubling is not far more than that of the first."""
    for base in bases:
        works = followed(call, shape, base)
        unit = too_much(works)
        if not unit:
            return
    raise AssertionError(f"{what} of {shape!r} at {base} and its doubles: {unit} grow: {works}")


ALL_SHAPES = (*SHAPES, *NESTS)
DAILY = 4


def test_every_function_that_takes_foreign_text_is_named() -> None:
    found = set(functions())
    assert len(found) > 90
    known = {*CALLS, *OURS}
    assert found - known == set(), "name a call of it in CALLS"
    assert known - found == set(), "it is gone"


@pytest.mark.parametrize("name", CALLS)
def test_the_work_of_a_function_grows_in_step_with_the_text(name: str) -> None:
    shapes = chance(f"shapes of {name}").sample(ALL_SHAPES, DAILY)
    for shape in shapes:
        for number, call in enumerate(CALLS[name]):
            hold_to_linear(call, shape, f"{name} {number}")


@pytest.mark.soak
@pytest.mark.parametrize("name", CALLS)
def test_the_work_of_a_function_is_linear_in_every_shape(name: str) -> None:
    for shape in ALL_SHAPES:
        for number, call in enumerate(CALLS[name]):
            hold_to_linear(call, shape, f"{name} {number}")


def every_pair(text: str) -> object:
    pairs = 0
    for _ in text[::8]:
        for _ in text[::8]:
            pairs += 1
    return pairs


@pytest.mark.parametrize(
    ("quadratic", "unit"),
    [
        (every_pair, "lines"),
        (lambda text: [text[place:] for place in range(0, len(text), 4)], "characters"),
        (lambda text: [text.find("\x07", place) for place in range(0, len(text), 4)], "characters"),
    ],
)
def test_work_that_grows_with_the_square_is_noticed(quadratic: Call, unit: str) -> None:
    with pytest.raises(AssertionError, match=unit):
        hold_to_linear(quadratic, "ab", "quadratic", BASES[:1])


def lawful() -> dict[str, Any]:
    """Return a document that every route with a body takes something of."""
    return {
        "user_id": "u1",
        "channels": ["webhook"],
        "channel_type": "webhook",
        "custom_content": {"subject": "Hi", "content": "Shipped"},
        "variables": {"a": "b"},
        "metadata": {"a": "b"},
        "idempotency_key": "k",
        "config_data": {"webhook_url": "https://hooks.example.com/in", "headers": {"X-A": "b"}},
        "name": "n",
        "description": "d",
        "contents": {"webhook": {"content_template": "Hi {{a}}", "subject_template": "{{a}}"}},
        "receiver": "u1",
        "status": "firing",
        "alerts": [alert("a")["alerts"][0]],
        "text": "t",
        "reason": "r",
        "until": "2026-01-01T00:00:00Z",
    }


def leaves(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each text of a document."""
    if isinstance(document, str):
        yield path
        return
    for key, member in document.items() if isinstance(document, dict) else enumerate(document):
        yield from leaves(member, (*path, key))


def with_text(path: tuple[Any, ...], text: str) -> dict[str, Any]:
    document = lawful()
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = text
    return document


DOORS = [
    (route.method, re.sub(r"\{[^}]*\}", "webhook", route.path))
    for route in all_routes()
    if route.method in ("POST", "PUT")
]
FIELDS = list(leaves(lawful()))


def hold_a_door(method: str, path: str, field: tuple[Any, ...], shape: Any) -> None:
    def call(text: str) -> Work:
        world = World(checks_accepted_bodies=False)
        world.configure()
        body = with_text(field, text)
        batch = {"notifications": [body, body]}
        given = batch if path.endswith("/batch") else body
        return work_of(lambda: world.request(method, path, given), within=str(SOURCES))

    works = [call(made(shape, length)) for length in (2_000, 4_000, 8_000)]
    assert not too_much(works), (method, path, field, shape, works)


@pytest.mark.parametrize(("method", "path"), DOORS, ids=map(" ".join, DOORS))
def test_the_work_of_a_door_grows_in_step_with_each_field(method: str, path: str) -> None:
    dice = chance(f"fields of {method} {path}")
    for field in dice.sample(FIELDS, 2):
        hold_a_door(method, path, field, dice.choice(ALL_SHAPES))


@pytest.mark.soak
@pytest.mark.parametrize(("method", "path"), DOORS, ids=map(" ".join, DOORS))
def test_the_work_of_a_door_is_linear_in_every_field(method: str, path: str) -> None:
    dice = chance(f"all fields of {method} {path}")
    for field in FIELDS:
        for shape in dice.sample(ALL_SHAPES, 6):
            hold_a_door(method, path, field, shape)

"""Each kind of the Pulumi CLI's failures has its sentence, with the command that is next."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from pulumi.automation import CommandError, CommandResult

from ops.stacks.cli_failure import CliFailures
from ops.stacks.errors import StackFailed, StackLocked

D1 = "urn:pulumi:dev::notification-system::cloudflare:index/d1Database:D1Database::database"
PENDING = (
    "Attempting to deploy or update resources\n"
    "with 2 pending operations from previous deployment.\n  * urn, interrupted while creating\n"
)
TAKEN = (
    'failed to make http request: POST "https://api.example/d1/database": 400 Bad Request '
    '{"success":false,"errors":[{"code":7502,"message":"A database with the name \'x\' already '
    'exists"}],"messages":[],"result":null}'
)


def told(*messages: str, action: str = "up", said: str = "") -> str:
    """Return the sentence of an operation whose engine told these errors."""
    failures = CliFailures(action, "dev")
    for message in messages:
        failures.note(event(message))
    with pytest.raises(StackFailed) as failed, failures:
        raise CommandError(CommandResult(stdout="", stderr=said, code=255))
    return str(failed.value)


def event(message: str, severity: str = "error") -> Any:
    diagnostic = SimpleNamespace(severity=severity, message=message, urn=D1)
    return SimpleNamespace(diagnostic_event=diagnostic)


def test_what_exists_already_leads_to_recover_and_its_answer_is_told_once() -> None:
    sentence = told(TAKEN, f"error: {TAKEN}")
    assert sentence.count("already exists") == 1
    assert "success" not in sentence
    assert "database: " in sentence
    assert "(code: 7502)" in sentence
    assert sentence.endswith("'notifyctl recover --stack dev' takes it over.")


def test_what_is_gone_leads_to_refresh() -> None:
    for action in ("up", "destroy"):
        sentence = told('DELETE "https://api.example/d1": 404 Not Found', action=action)
        assert "'notifyctl refresh --stack dev' takes it out of the state" in sentence


def test_a_preview_that_fails_changed_nothing() -> None:
    assert told(TAKEN, action="preview").endswith(
        "Nothing was changed. Correct the cause, and run the same notifyctl command again."
    )


@pytest.mark.parametrize("text", ["{", "{" * 5000, '{"errors": 1}', '{"errors": [{}]} and more'])
def test_what_is_no_answer_of_cloudflare_stays_as_it_is(text: str) -> None:
    assert text[:1000] in told(f"refused: {text}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            (
                "pulumi-python:dynamic/account:Preconditions resource 'preconditions' has "
                "a problem: customDomain: a.example leads to the Worker shop."
            ),
            "database: customDomain: a.example leads to the Worker shop. Nothing was changed.",
        ),
        (
            (
                "cloudflare:index/queue:Queue resource 'retry': property queueName value "
                "{map[\n  a:{<nil>}]} has a problem: it is too long"
            ),
            "database: queueName: it is too long. Nothing was changed.",
        ),
        (
            "the resource 'retry' of the queue has a problem: it is full",
            "database: the resource 'retry' of the queue has a problem: it is full. Nothing was",
        ),
    ],
)
def test_a_checks_refusal_is_told_by_its_property_and_reason(text: str, reason: str) -> None:
    sentence = told(text, action="preview")
    assert f"'pulumi preview' failed: {reason}" in sentence


def test_operations_that_were_cut_off_earlier_lead_to_recover() -> None:
    failures = CliFailures("up", "dev")
    failures.note(event("all is well", severity="warning"))
    assert failures.pending == ""
    failures.note(event(PENDING, severity="warning"))
    assert failures.pending.endswith("'notifyctl recover --stack dev' resolves it.")


def test_a_lock_is_told_with_its_holder() -> None:
    failures = CliFailures("up", "dev")
    said = (
        "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) "
        "to end or delete the lock file with `pulumi cancel`.\n"
        "  file:///x.json: created by ada@desk (pid 4711) at 2026-11-21T21:51:51Z\n"
    )
    with pytest.raises(StackLocked) as locked, failures:
        raise CommandError(CommandResult(stdout="", stderr=said, code=255))
    assert (locked.value.holder, locked.value.pid) == ("ada@desk", 4711)
    assert locked.value.since == "2026-11-21T21:51:51Z"
    way = (
        ". Wait for that operation to end. If its process is gone, 'notifyctl recover --stack dev' "
        "removes the lock and resolves what that operation left."
    )
    whose = " by ada@desk (process 4711) since 2026-11-21T21:51:51Z"
    assert str(locked.value) == f"The stack is locked{whose}{way}"
    unnamed = CommandResult(stdout="", stderr="error: [409] Conflict: another update", code=255)
    with pytest.raises(StackLocked) as locked, failures:
        raise CommandError(unnamed)
    assert (locked.value.holder, locked.value.pid, locked.value.since) == ("", None, "")
    assert str(locked.value) == f"The stack is locked{way}"


@pytest.mark.parametrize(
    "reason",
    [
        'POST "https://api.example/queues": 502 Bad Gateway <html>',
        'Put "https://api.example/workers": read tcp 10.0.0.1:443: connection reset by peer',
        'Post "https://api.example/d1": EOF',
        "Cloudflare answered POST /accounts/1/queues with 503: busy",
        "the Cloudflare API at https://api.example did not answer PATCH /accounts/1/workers",
    ],
)
def test_a_change_whose_answer_is_lost_leads_to_recover(reason: str) -> None:
    advice = "'notifyctl recover --stack dev' finds out"
    assert advice in told(reason)
    assert advice not in told(reason, action="preview")
    for other in ("GET", "DELETE"):
        read = reason.replace("POST", other).replace("PATCH", other)
        read = read.replace("Post", other).replace("Put", other)
        assert advice not in told(read)
    assert advice not in told('POST "https://api.example/queues": 403 Forbidden')


@pytest.mark.parametrize(
    "reason",
    [
        "getting snapshot: failed to load checkpoint: place 1: unexpected end of JSON input",
        "failed to load checkpoint: EOF",
        "failed to load checkpoint: gzip: unexpected EOF",
        "failed to load checkpoint: place 1: invalid character 'x' looking for beginning of value",
        "place 1: unexpected end of JSON input",
    ],
)
def test_a_damaged_checkpoint_in_a_bucket_leads_to_its_copy_and_to_recover(reason: str) -> None:
    sentence = told(action="refresh", said=f"error: {reason}")
    file = ".pulumi/stacks/notification-system/dev.json"
    assert f"{file} in the state backend is empty, cut off or not JSON" in sentence
    assert f"aws s3 cp s3://BUCKET/{file}.bak s3://BUCKET/{file};" in sentence
    assert "'notifyctl recover --stack dev'" in sentence


def test_a_bucket_that_cannot_be_reached_is_no_damaged_checkpoint() -> None:
    for reason in ("StatusCode: 503, request send failed", "Get https://bucket.example: EOF"):
        said = f"error: failed to load checkpoint: blob (code=Unknown): {reason}"
        assert "damaged" not in told(said=said)


@pytest.mark.parametrize(
    ("said", "host", "reason"),
    [
        (
            (
                'performing HTTP request: Get "https://api.pulumi.example/api/user": dial tcp: '
                "lookup api.pulumi.example on 10.0.0.53:53: no such host"
            ),
            "https://api.pulumi.example",
            "no such host",
        ),
        (
            (
                'read ".pulumi/meta.yaml": blob (code=Unknown): operation error S3: GetObject, '
                "StatusCode: 0, RequestID: , request send failed, Get "
                '"http://127.0.0.1:9/state/.pulumi/meta.yaml?x-id=GetObject": dial tcp '
                "127.0.0.1:9: connect: connection refused"
            ),
            "http://127.0.0.1:9",
            "connection refused",
        ),
    ],
)
def test_a_backend_that_is_away_is_named_without_the_path_that_was_asked(
    said: str, host: str, reason: str
) -> None:
    sentence = told(action="stack select", said=f"Logging in\nerror: {said}")
    assert sentence.startswith(f"The state backend {host} doesn't answer (dial tcp")
    assert f"{reason}). Check the network" in sentence
    assert sentence.endswith("and run the same notifyctl command again.")
    # A provider's call that got no answer, in an update, is no backend's.
    assert "state backend" not in told(said)


def test_a_backend_that_refuses_the_token_leads_to_a_new_login() -> None:
    sentence = told(
        action="whoami", said="error: Unauthorized: No credentials provided or are invalid."
    )
    assert sentence.startswith("The state backend refuses the access token.")
    assert "'pulumi login'" in sentence


def test_a_cli_without_a_login_or_a_plugin_leads_to_it() -> None:
    sentence = told(said="error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive")
    assert sentence.startswith("The Pulumi CLI isn't logged in to a state backend.")
    sentence = told("no resource plugin 'pulumi-resource-github' found in the workspace or PATH")
    assert (
        "Run 'pulumi plugin install resource github' and run the same notifyctl command" in sentence
    )


def test_reasons_are_sentences_and_what_only_follows_from_one_is_left_out() -> None:
    sentence = told("refused (code 10001)", "Resource monitor has terminated, shutting down")
    assert sentence == (
        "'pulumi up' failed: database: refused (code 10001). What was done before that is in the "
        "stack's state. Correct the cause, and run the same notifyctl command again."
    )


@pytest.mark.parametrize(
    "reason",
    [
        'POST "https://api.example/queues": 429 Too Many Requests {}',
        "Cloudflare answered GET /accounts/1/queues with 429: busy",
    ],
)
def test_too_many_calls_are_waited_for(reason: str) -> None:
    for action in ("up", "preview"):
        assert told(reason, action=action).endswith(
            "takes no more calls for now: wait five minutes, and run the same notifyctl command "
            "again."
        )

"""Why the Pulumi CLI failed: a sentence for each kind of failure, with the command that is next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import TracebackType

from pulumi import automation

from infra.settings.problems import PROJECT
from ops.stacks.errors import StackFailed, StackLocked

_LOCK = re.compile(r"created by (\S{1,200}) \(pid (\d{1,10})\) at (\S{1,40})")
_PLUGIN = re.compile(
    r"no resource plugin 'pulumi-resource-([\w-]{1,80})' found"
    r"(?:[^\n]{0,80}? version (v[\w.-]{1,40}))?"
)
_IS_THERE = re.compile(
    r"already (?:exists|taken|in use|has a consumer)|code: (?:7502|10014|11009|11004)\b",
    re.IGNORECASE,
)
"""How Cloudflare says that a name is taken: D1 7502, KV 10014, Queues 11009 and 11004."""
_IS_GONE = re.compile(r"\b404\b|code: (?:7404|10013|11000|10007)\b|not found", re.IGNORECASE)
"""How Cloudflare says that there is none: D1 7404, KV 10013, Queues 11000, Workers 10007."""
_UNANSWERED = re.compile(
    r"\b(?:POST|PUT|PATCH) \"[^\"\n]{1,500}\": (?:5\d\d\b|EOF|read |net/http|context deadline)"
    r"|\banswered (?:POST|PUT|PATCH) \S{1,500} with 5\d\d\b|\bdid not answer (?:POST|PUT|PATCH)\b",
    re.IGNORECASE,
)
"""How the provider says that a change got no answer of Cloudflare's own (by its client's error,
or by Go's ``url.Error``), and how the stand-ins say it."""
_BUSY = re.compile(r"\": 429\b|\bwith 429\b")
"""How the provider, and how the stand-ins, say that there were too many calls, which are 1,200 in
five minutes (Cloudflare docs, "Rate limits")."""
_DAMAGED = re.compile(
    r"(?:failed to load checkpoint: (?:place \d{1,3}: )?|error: place \d{1,3}: )"
    r"(?:(?:\w{1,10}: )?(?:unexpected )?EOF|unexpected end of JSON input|invalid character |json: )"
)
"""How the CLI says that a checkpoint isn't whole JSON (Go's encoding/json); a backend that can't be
reached is another failure to load it."""
_AWAY = re.compile(
    r"(?:performing HTTP request:|request send failed,) "
    r'\w{1,10} "(https?://[^/"\s]{1,200})[^"\n]{0,500}": ([^\n]{1,300})'
)
"""How the CLI says that a service or a bucket with the state didn't answer: by Go's ``url.Error``
(pulumi/pulumi pkg/backend/httpstate/client/api.go, and the AWS SDK's ``RequestSendError``)."""
_NO_CREDENTIALS = "Unauthorized: No credentials provided or are invalid"
"""From pulumi/pulumi pkg/backend/httpstate/client/api.go."""
_NO_REASONS = (
    *("update failed", "preview failed"),
    "Resource monitor has terminated, shutting down",
)
"""What the CLI and the program's SDK say beside the reason."""
_PENDING = "pending operations from previous deployment"
"""From pulumi/pulumi pkg/resource/deploy/deployment_executor.go."""
_CHECKED = re.compile(
    r"\S{1,300} resource '[^'\n]{0,200}'(?:: property (\S{1,200}) value .*?)? has a problem: ",
    re.DOTALL,
)
"""How the CLI tells what a provider's check refuses: by type, name and property, with its value
(sdk/go/common/diag/errors.go, 2002 and 2003)."""
_COLOR = re.compile(r"<\{%[^%]{0,40}%\}>")
_MAX_REASONS = 20
_MAX_CHARACTERS = 2000
_MAX_ENVELOPE = 20_000
_CHANGING = frozenset({"up", "refresh", "destroy"})


class CliFailures:
    """Turns the automation API's errors into :class:`StackFailed`, without its stack traces.

    Args:
        action: the CLI's command, as a person would call it after ``pulumi``.
        stack: the stack's name, for the command that is next; empty where there is none.

    Attributes:
        pending: what to say of operations that were cut off earlier; empty where there are none.
    """

    def __init__(self, action: str, stack: str = "") -> None:
        self._action = action
        self._stack = stack
        self._option = f" --stack {stack}" if stack else ""
        self._reasons: list[str] = []
        self.pending = ""

    def note(self, event: automation.EngineEvent) -> None:
        """Keep what the engine's own log says of an error: whole, and of which resource."""
        diagnostic = event.diagnostic_event
        if diagnostic is None:
            return
        if diagnostic.severity == "warning" and _PENDING in diagnostic.message:
            self.pending = (
                "An earlier operation was interrupted, and Pulumi has recorded it: "
                f"'notifyctl recover{self._option}' resolves it."
            )
        if diagnostic.severity != "error":
            return
        text = _COLOR.sub("", diagnostic.message).strip().removeprefix("error: ")
        text = _without_envelope(_without_value(text))
        name = (diagnostic.urn or "").rpartition("::")[2]
        is_stack = "pulumi:pulumi:Stack" in (diagnostic.urn or "")
        reason = f"{name}: {text}" if name and not is_stack else text
        known = any(text in other for other in self._reasons)
        if text and not known and text not in _NO_REASONS:
            self._reasons.append(_sentence(reason[:_MAX_CHARACTERS]))

    def __enter__(self) -> CliFailures:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, automation.CommandError):
            raise self._failure(str(error)) from None

    def _failure(self, said: str) -> StackFailed:
        """Name the kind of failure by what the CLI said before its engine began, if anything."""
        if "the stack is currently locked by" in said or "[409] Conflict" in said:
            return self._locked(said)
        if isinstance(found := next(self._before_the_engine(said), None), str):
            return StackFailed(found)
        reasons = self._reasons[:_MAX_REASONS] or _error_lines(said)
        kept = (
            "What was done before that is in the stack's state. Correct the cause, and run the "
            "same notifyctl command again."
            if self._action in _CHANGING
            else "Nothing was changed. Correct the cause, and run the same notifyctl command again."
        )
        if any(map(_BUSY.search, reasons)):
            kept = (
                "Cloudflare takes no more calls for now: wait five minutes, and run the same "
                "notifyctl command again."
            )
        if self._action in _CHANGING and any(map(_IS_GONE.search, reasons)):
            kept = (
                "What isn't found was removed outside Pulumi: 'notifyctl refresh"
                f"{self._option}' takes it out of the state; then run the same notifyctl command "
                "again."
            )
        if self._action == "up" and any(map(_UNANSWERED.search, reasons)):
            kept = (
                "A change got no proper answer, so it may have been made all the same: 'notifyctl "
                f"recover{self._option}' finds out, and takes over what exists; then run the same "
                "notifyctl command again."
            )
        if self._action == "up" and any(map(_IS_THERE.search, reasons)):
            kept = (
                "What exists already may come from a run that was ended, or whose answer was lost: "
                f"'notifyctl recover{self._option}' takes it over."
            )
        return StackFailed(f"'pulumi {self._action}' failed: {' '.join(reasons)} {kept}")

    def _locked(self, said: str) -> StackLocked:
        """Name who holds the lock, where the text of pulumi/pulumi pkg/backend/diy/lock.go does."""
        lock = _LOCK.search(said)
        whose = f" by {lock[1]} (process {lock[2]}) since {lock[3]}" if lock else ""
        text = (
            f"The stack is locked{whose}. Wait for that operation to end. If its process is gone, "
            f"'notifyctl recover{self._option}' removes the lock and resolves what that "
            "operation left."
        )
        if lock is None:
            return StackLocked(text)
        return StackLocked(text, holder=lock[1], pid=int(lock[2]), since=lock[3])

    def _before_the_engine(self, said: str) -> Iterator[str]:
        """Yield the reasons of failures before the engine starts.

        The texts are those of pulumi/pulumi pkg/secrets/passphrase, pkg/backend/backenderr and
        sdk/go/common/workspace/plugins.go.
        """
        everything = "\n".join((said, *self._reasons))
        if "incorrect passphrase" in everything or "passphrase must be set" in everything:
            yield (
                "The passphrase doesn't open the stack's secrets. Set PULUMI_CONFIG_PASSPHRASE to "
                "the one that they were encrypted with, and run the same notifyctl command again."
            )
        if "must be set for login" in said or "not logged in" in said:
            yield (
                "The Pulumi CLI isn't logged in to a state backend. Run 'pulumi login', or set "
                "PULUMI_BACKEND_URL, or PULUMI_ACCESS_TOKEN for Pulumi Cloud, and run the same "
                "notifyctl command again."
            )
        if _NO_CREDENTIALS in said:
            yield (
                "The state backend refuses the access token. Set PULUMI_ACCESS_TOKEN to a valid "
                "one, or run 'pulumi login', and run the same notifyctl command again."
            )
        if not self._reasons and (away := _AWAY.search(said)):
            yield (
                f"The state backend {away[1]} doesn't answer ({away[2].rstrip('. ')}). Check the "
                "network and PULUMI_BACKEND_URL (or the URL that 'pulumi login' was given), and "
                "run the same notifyctl command again."
            )
        if _DAMAGED.search(everything):
            file = f".pulumi/stacks/{PROJECT}/{self._stack or 'STACK'}.json"
            yield (
                f"The stack's state is damaged: {file} in the state backend is empty, cut off or "
                f"not JSON. Copy {file}.bak over it, which is the state of before the last write "
                f"(in a bucket: aws s3 cp s3://BUCKET/{file}.bak s3://BUCKET/{file}; an object's "
                "own versions are as good), and run 'notifyctl recover"
                f"{self._option or ' --stack STACK'}': it compares that state with what is there."
            )
        if plugin := _PLUGIN.search(everything):
            version = f" {plugin[2]}" if plugin[2] else ""
            yield (
                f"The Pulumi plugin for {plugin[1]} isn't installed. Run 'pulumi plugin install "
                f"resource {plugin[1]}{version}' and run the same notifyctl command again."
            )


def _without_value(text: str) -> str:
    """Return a check's refusal as the property and the reason, without the value."""
    checked = _CHECKED.match(text)
    if checked is None:
        return text
    reason = text[checked.end() :]
    return f"{checked[1]}: {reason}" if checked[1] else reason


def _without_envelope(text: str) -> str:
    """Return an error with Cloudflare's codes and messages in place of the whole answer.

    The provider tells a refusal as method, URL, status and the answer's JSON.
    """
    begin = text.find("{")
    if begin < 0:
        return text
    try:
        document, end = json.JSONDecoder().raw_decode(text[:_MAX_ENVELOPE], begin)
        told = [f"{one['message']} (code: {one['code']})" for one in document["errors"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return text
    return " ".join((text[:begin] + "; ".join(told) + text[end:]).split())


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?", ":", ">")) else f"{text}."


def _error_lines(said: str) -> list[str]:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    # The diagnostics' own lines; a line of the progress display repeats them.
    told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    reasons = [line for line in dict.fromkeys(told) if line not in _NO_REASONS]
    return [_sentence(line[:_MAX_CHARACTERS]) for line in reasons[:_MAX_REASONS] or lines[-1:]]

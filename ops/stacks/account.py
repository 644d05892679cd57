"""The account that a stack lives in, ready to be called."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode, urlsplit

from infra.pages import MAX_PAGES, PER_PAGE, EndlessList, NoList, all_items
from infra.settings.account import BASE_URL_KEY
from localcloud.home import CloudHome
from ops.stacks.context import StackContext
from ops.stacks.errors import OperationError, UsageError, reading
from ops.stacks.proxy import require_usable_proxies

if TYPE_CHECKING:
    import cloudflare
    from cloudflare import Cloudflare

T = TypeVar("T")
Row = Mapping[str, Any]

TOKEN_VARIABLE = "CLOUDFLARE_API_TOKEN"  # noqa: S105 - the variable's name, not a token
_TIMEOUT_SECONDS = 120.0
_MAX_RETRIES = 5
"""Attempts after the first of a call that Cloudflare was too busy for, or that failed there. With
the client's waits of 0.5 to 8 seconds, or what Retry-After says, that is about 15 seconds."""
NO_REASON = "no reason given"


@dataclass(frozen=True)
class StackAccount:
    """Cloudflare's API as one stack reaches it: the account's, or on a loopback stack ours.

    A local stack's token is the local cloud's and no other: the environment isn't even read.

    Attributes:
        stack: the stack's name.
        account_id: 32 hexadecimal digits.
        base_url: the API's URL without a trailing slash.
        is_local: whether that is on this machine.
        token: the API token.
    """

    stack: str
    account_id: str
    base_url: str
    is_local: bool
    token: str = field(repr=False)

    @classmethod
    def of(cls, context: StackContext) -> StackAccount:
        """Find the stack's account and the token that belongs to its API.

        Raises:
            UsageError: there is no account id in the stack's file, no token, or no proxy in the
                variable that names one.
        """
        stack, project = context.stack, context.project
        settings = context.known_settings("accountId", BASE_URL_KEY)
        account_id = settings.account_id
        if account_id is None:
            raise UsageError(
                f"{context.file.path.name} has no notification-system:accountId. Set it: the "
                "account's id is on its overview page in Cloudflare's dashboard."
            )
        if context.is_local:
            token_file = CloudHome(project.home).token_file
            if not token_file.is_file():
                raise UsageError(
                    f"There is no local cloud yet. Run 'notifyctl up --stack {stack}' first."
                )
            token = token_file.read_text(encoding="ascii").strip()
            base_url = f"http://127.0.0.1:{project.ports.control}/client/v4"
        else:
            token = context.environment.get(TOKEN_VARIABLE, "")
            base_url = settings.cloudflare_base_url
            require_usable_proxies()
            if not token:
                raise UsageError(
                    f"The stack '{stack}' lives in a Cloudflare account, and {TOKEN_VARIABLE} "
                    "isn't set. Put an API token of that account into it."
                )
        return cls(stack, account_id, base_url, context.is_local, token)

    @cached_property
    def client(self) -> Cloudflare:
        """Cloudflare's own client; imported late, since that takes half a second."""
        import httpx
        from cloudflare import Cloudflare

        http = httpx.Client(
            base_url=self.base_url,
            timeout=_TIMEOUT_SECONDS,
            # Neither a proxy nor a redirect may lead a local stack's call off this machine.
            trust_env=not self.is_local,
            follow_redirects=not self.is_local,
            # Plain HTTP on the loopback: spares reading the certificates.
            verify=not self.is_local,
        )
        # Empty texts keep the client from looking for other credentials in the environment.
        client = Cloudflare(
            api_token=self.token,
            api_key="",
            api_email="",
            user_service_key="",
            base_url=self.base_url,
            http_client=http,
            max_retries=_MAX_RETRIES,
        )
        client.api_key = client.api_email = client.user_service_key = None
        return client

    def ask(self, what: str, call: Callable[[Cloudflare], T]) -> T:
        """Make a call through the client; ``what`` completes "Cloudflare refused to …".

        Raises:
            OperationError: the API refused the call, or gave no answer.
        """
        import cloudflare

        try:
            with self.understood(what):
                return call(self.client)
        except cloudflare.APIStatusError as error:
            raise OperationError(self._refusal(what, error)) from None
        except cloudflare.APIConnectionError:
            where = "Start the local cloud: notifyctl local start." if self.is_local else ""
            raise OperationError(
                f"{self.base_url} didn't answer when asked to {what}. {where or 'Try again.'}"
            ) from None

    def understood(self, what: str) -> AbstractContextManager[None]:
        """Read an answer in the block: a form that isn't known is one from which nothing follows.

        Raises:
            OperationError: the answer isn't of the form that the block takes it for.
        """
        return reading(
            OperationError(
                f"{self.base_url} answered in an unknown form when asked to {what}. Check "
                "what is in between, such as a proxy, and try again."
            )
        )

    def document(self, what: str, call: Callable[[Cloudflare], object]) -> dict[str, Any]:
        """Make a call whose answer is taken as it is (``cast_to=object``), and return the document.

        Raises:
            OperationError: as ``ask``; or the answer is no document of Cloudflare's API, a proxy's
                page, say. It tells nothing: least of all that there is no such thing.
        """
        answer = self.ask(what, call)
        if not isinstance(answer, dict) or answer.get("success") is False:
            raise OperationError(
                f"{self.base_url} answered with no document of Cloudflare's API when asked to "
                f"{what}. Check what is in between, such as a proxy, and try again."
            )
        return answer

    def result(self, what: str, path: str) -> Any:
        """Return the ``result`` of a GET; raises as ``document`` does."""
        return self._result(what, lambda client: client.get(path, cast_to=object))["result"]

    def _result(self, what: str, call: Callable[[Cloudflare], object]) -> dict[str, Any]:
        """As ``document``; a document without a result, which may be null, tells nothing either."""
        found = self.document(what, call)
        if "result" not in found:
            raise OperationError(
                f"{self.base_url} answered without a result when asked to {what}. Try again."
            )
        return found

    def _refusal(self, what: str, error: cloudflare.APIStatusError) -> str:
        """Say which of the three it is: busy, broken, or a refusal that repeating won't change."""
        status = error.status_code
        if status == 429:
            after = error.response.headers.get("retry-after", "")
            wait = f"{after} seconds" if after.isdecimal() else "some minutes"
            return (
                f"Cloudflare is busy and didn't {what}: it takes no more calls of this account now "
                f"(HTTP 429). Wait {wait} and run the same command again."
            )
        if status >= 500:
            told = _reason(error.body)
            said = "" if told == NO_REASON else f": {told}"
            return (
                f"Cloudflare failed to {what} (HTTP {status}{said}). That is a fault of its own or "
                "of a proxy on the way: see www.cloudflarestatus.com, and run the same command "
                "again later."
            )
        lacking = self._lacking(error) if status == 403 else ""
        return (
            f"Cloudflare refused to {what}: {_reason(error.body)} (HTTP {status}). "
            f"{lacking}{_advice(status, is_local=self.is_local)}"
        )

    def listed(self, path: str, get: Callable[[str, Cloudflare], Any]) -> Iterator[dict[str, Any]]:
        """Yield the items of every page of a list below the account.

        ``get`` makes the call of one page and returns its answer, nothing for an empty list.
        Raises as ``ask`` does.
        """

        def page(query: Mapping[str, str]) -> dict[str, Any]:
            url = f"/accounts/{self.account_id}/{path}?{urlencode(query)}"
            return self._result(f"list {path}", partial(_or_empty, get, url))

        try:
            yield from all_items(page)
        except NoList:
            raise OperationError(f"The list {path} was answered with no list. Try again.") from None
        except EndlessList:
            raise OperationError(
                f"The list {path} has more than {MAX_PAGES * PER_PAGE:,} items, which is more than "
                "is read here. Remove what nobody needs from the account."
            ) from None

    def _lacking(self, error: cloudflare.APIStatusError) -> str:
        from infra.access.calls import permission_of

        path = error.request.url.path.removeprefix(urlsplit(self.base_url).path)
        needed = permission_of(error.request.method, path, least=True)
        return f"The token seems to lack {needed.shown}. " if needed else ""

    def query(self, what: str, database_id: str, sql: str, *parameters: str) -> list[Row]:
        """Run SQL in one of the account's databases and return the rows of every statement.

        ``what`` is as for ``ask``. Raises as it does.
        """
        answer = self.ask(
            what,
            lambda client: client.d1.database.query(
                database_id, account_id=self.account_id, sql=sql, params=list(parameters)
            ),
        )
        parts = getattr(answer, "result", None)
        if not isinstance(parts, list) or not parts:
            # A proxy's page, say: it doesn't mean that there are no rows.
            raise OperationError(
                f"Cloudflare answered with no result when asked to {what}. Try again."
            )
        with self.understood(what):
            return [dict(row) for part in parts for row in part.results or []]

    def found(self, what: str, path: str) -> Any:
        """Return the ``result`` of a GET, ``None`` where Cloudflare's own 404 says there is none.

        Raises:
            OperationError: the API refused, gave no answer, or one from which nothing follows.
        """
        return self._result(what, partial(_or_none, path))["result"]


def _reason(body: object) -> str:
    errors = body.get("errors") if isinstance(body, dict) else None
    told = [
        f"{item.get('message', 'no reason given')}, code {item.get('code')}"
        for item in errors or []
        if isinstance(item, dict)
    ]
    return "; ".join(told) or NO_REASON


def _advice(status: int, *, is_local: bool) -> str:
    if status in (401, 403) and not is_local:
        return f"Check {TOKEN_VARIABLE} by 'notifyctl token check'."
    if status == 404:
        return "Compare the stack with the account: notifyctl drift."
    return "Try again; 'notifyctl doctor' tells more."


def _or_empty(get: Callable[[str, Cloudflare], Any], url: str, client: Cloudflare) -> Any:
    answer = get(url, client)
    return {"result": []} if answer is None else answer  # nothing: the callers' word for a 404


def _or_none(path: str, client: Cloudflare) -> object:
    """Return the document: without anything as its result for a 404 of Cloudflare's own."""
    import cloudflare

    try:
        return client.get(path, cast_to=object)
    except cloudflare.NotFoundError as error:
        return {"result": None} if says_absent(error.body) else None


def says_absent(body: object) -> bool:
    """Whether the body of a 404 is Cloudflare's own, and no proxy's, whatever form that has.

    Every error of its API has ``success`` and ``errors`` (Cloudflare docs, "API: make API calls").
    """
    return isinstance(body, dict) and body.get("success") is False

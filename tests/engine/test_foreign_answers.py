"""What the stand-ins' clients make of answers that aren't of the documented form."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from engine.errors import ProviderError
from engine.providers.answers import malformed
from engine.providers.cloudflare_client import CloudflareClient
from engine.providers.github_client import GithubClient

PATH = "/accounts/a/queues/q"


class Endpoint:
    """A server on loopback that gives one answer to every call."""

    def __init__(self) -> None:
        self.status, self.body, self.content_type = 200, "", "application/json"
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                content = endpoint.body.encode()
                self.send_response(endpoint.status)
                self.send_header("Content-Type", endpoint.content_type)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        for method in ("GET", "POST", "PUT", "DELETE"):
            setattr(Handler, f"do_{method}", Handler._answer)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    yield endpoint
    endpoint.close()


@pytest.fixture
def cloudflare(endpoint: Endpoint) -> Iterator[CloudflareClient]:
    client = CloudflareClient(base_url=f"{endpoint.url}/client/v4", api_token="t" * 40)
    yield client
    client.close()


@pytest.fixture
def github(endpoint: Endpoint) -> Iterator[GithubClient]:
    client = GithubClient(base_url=endpoint.url, owner="local", token="t")
    yield client
    client.close()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<html>Sign in</html>", "text/html"),
        ('{"success":true,"result":null}', "application/json"),
        ('{"success":true}', "application/json"),
        ('{"success":true,"result":"q"}', "application/json"),
        ("[]", "application/json"),
        ('{"result":', "application/json"),
        ("", "application/json"),
    ],
)
def test_an_answer_without_a_resource_is_no_answer_that_it_is_gone(
    endpoint: Endpoint, cloudflare: CloudflareClient, body: str, content_type: str
) -> None:
    endpoint.body, endpoint.content_type = body, content_type
    with pytest.raises(ProviderError, match=f"GET {PATH} isn't of the documented form"):
        cloudflare.call_if_there("GET", PATH)
    if '"success":true,"result":null' in body:
        assert list(cloudflare.pages(PATH)) == []
        return
    with pytest.raises(ProviderError, match="isn't of the documented form"):
        list(cloudflare.pages(PATH))


def test_a_404_alone_says_that_there_is_no_such_thing(
    endpoint: Endpoint, cloudflare: CloudflareClient, github: GithubClient
) -> None:
    endpoint.status, endpoint.body = 404, '{"errors":[{"code":7003,"message":"No route"}]}'
    assert cloudflare.call_if_there("GET", PATH) is None
    assert list(cloudflare.pages(PATH)) == []
    endpoint.body = '{"message":"Not Found"}'
    assert github.call_if_there("GET", "/notes/environments/e") is None
    assert list(github.pages("/notes/actions/variables", "variables")) == []


def test_a_deletion_needs_no_result(endpoint: Endpoint, cloudflare: CloudflareClient) -> None:
    endpoint.body = '{"success":true,"result":null}'
    assert cloudflare.call_if_there("DELETE", PATH) is None


@pytest.mark.parametrize(
    "body",
    [
        '{"result":{"items":"abc"}}',
        '{"result":{"total":0}}',
        '{"result":null}',
        '{"result":["a"]}',
        '{"result":[{"name":"a"}],"result_info":"1"}',
        '{"result":[{"name":"a"}],"result_info":{"total_pages":"2"}}',
    ],
)
def test_a_list_that_is_none_is_not_read_as_an_empty_one(
    endpoint: Endpoint, cloudflare: CloudflareClient, body: str
) -> None:
    endpoint.body = body
    with pytest.raises(ProviderError, match="isn't of the documented form"):
        list(cloudflare.pages(PATH, "items"))


def test_an_upload_whose_answer_is_none_is_refused(
    endpoint: Endpoint, cloudflare: CloudflareClient
) -> None:
    endpoint.body = "[]"
    with pytest.raises(ProviderError, match="isn't of the documented form"):
        cloudflare.upload("/accounts/a/assets", {"f": ("f", b"x", "text/plain")}, "jwt")


@pytest.mark.parametrize("body", ["<html>", "[]", "", '"text"', "null"])
def test_githubs_answer_of_another_form_is_named(
    endpoint: Endpoint, github: GithubClient, body: str
) -> None:
    endpoint.body = body
    with pytest.raises(ProviderError, match=r"answer to GET .*/notes/environments/e isn't"):
        github.call_if_there("GET", "/notes/environments/e")
    with pytest.raises(ProviderError, match="isn't of the documented form"):
        list(github.pages("/notes/actions/variables", "variables"))


@pytest.mark.parametrize("body", ["{}", '{"variables":null}', '{"variables":["a"]}'])
def test_a_list_of_githubs_that_is_none_is_not_read_as_an_empty_one(
    endpoint: Endpoint, github: GithubClient, body: str
) -> None:
    endpoint.body = body
    with pytest.raises(ProviderError, match="isn't of the documented form"):
        list(github.pages("/notes/actions/variables", "variables"))


def test_a_repository_without_an_id_is_named(endpoint: Endpoint, github: GithubClient) -> None:
    endpoint.body = json.dumps({"name": "e"})
    with pytest.raises(ProviderError, match=r"GET .*/repos/local/notes isn't"):
        github.call("PUT", "/notes/environments/e", {})


def test_an_answer_of_another_form_names_the_call_without_its_query() -> None:
    error = malformed("Cloudflare", "GET", "/accounts/a/queues?name=x?y")
    assert str(error) == (
        "Cloudflare's answer to GET /accounts/a/queues isn't of the documented form: see that "
        "nothing stands between this machine and the API, and try again"
    )

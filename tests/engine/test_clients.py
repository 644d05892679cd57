"""The stand-ins' calls to both APIs: pages, what is not there, refusals, and silence."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from engine.errors import ProviderError
from engine.providers.cloudflare_client import CloudflareClient
from engine.providers.github_client import GithubClient

Answer = tuple[int, Any]


class Server:
    """Answers each request with the next text of a list, and keeps what was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                outer.asked.append((self.command, self.path, dict(self.headers), body))
                status, document = outer.answers.pop(0)
                text = document if isinstance(document, str) else json.dumps(document)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(text.encode())))
                if status == 302:
                    self.send_header("location", "/elsewhere")
                self.end_headers()
                self.wfile.write(text.encode())

            do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture
def cloudflare(server: Server) -> Iterator[CloudflareClient]:
    client = CloudflareClient(base_url=server.url, api_token="t-1")
    yield client
    client.close()


@pytest.fixture
def github(server: Server) -> Iterator[GithubClient]:
    client = GithubClient(base_url=f"{server.url}/", owner="o", token="t-2")
    yield client
    client.close()


def page(count: int, **info: Any) -> Answer:
    return 200, {"success": True, "result": [{"n": at} for at in range(count)], **info}


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([page(0)], 0),
        ([page(49)], 49),
        # No page is counted: the list has only the one.
        ([page(50)], 50),
        ([page(50, result_info={"total_pages": 1})], 50),
        ([page(50, result_info={"total_pages": 2}), page(50, result_info={"total_pages": 2})], 100),
        ([page(60, result_info={"total_pages": 2}), page(1)], 61),
        ([page(50, result_info={"total_pages": 3}), page(3, result_info=None)], 53),
        ([(404, {"success": False, "errors": [{"code": 1, "message": "no"}]})], 0),
        ([(200, {"success": True, "result": None})], 0),
    ],
)
def test_a_list_is_read_to_its_last_page(
    server: Server, cloudflare: CloudflareClient, answers: list[Answer], found: int
) -> None:
    server.answers = [*answers, page(50)]
    assert len(list(cloudflare.pages("/things"))) == found
    assert server.paths() == [f"/things?page={at}&per_page=50" for at in range(1, len(answers) + 1)]


def test_a_list_within_an_object_is_read_by_its_name(
    server: Server, cloudflare: CloudflareClient
) -> None:
    server.answers = [(200, {"result": {"items": [{"n": 1}], "total": 1}})]
    assert list(cloudflare.pages("/things", "items")) == [{"n": 1}]
    server.answers = [(200, {"result": {"items": [], "total": 0}})]
    assert list(cloudflare.pages("/things", "items")) == []


def test_what_cloudflare_refuses_is_told_with_its_codes(
    server: Server, cloudflare: CloudflareClient
) -> None:
    refusal = {"errors": [{"code": 7, "message": "no"}, {"code": 8, "message": "nor that"}, "x"]}
    server.answers = [(400, refusal)]
    with pytest.raises(ProviderError) as refused:
        cloudflare.call("POST", "/things?a=secret", {"b": 1})
    assert str(refused.value) == (
        "Cloudflare answered POST /things with 400: no (code 7); nor that (code 8)"
    )
    method, _, headers, body = server.asked[0]
    assert (method, json.loads(body)) == ("POST", {"b": 1})
    assert {name.lower(): value for name, value in headers.items()}["authorization"] == "Bearer t-1"
    server.answers = [(403, [])]
    with pytest.raises(ProviderError, match=r"with 403: no reason given$"):
        cloudflare.call("PATCH", "/things")
    assert len(server.asked) == 2, "a change is never repeated"


def test_a_read_of_what_is_not_there_is_none_and_of_what_is_refused_an_error(
    server: Server, cloudflare: CloudflareClient, github: GithubClient
) -> None:
    for client in (cloudflare, github):
        server.answers = [(404, {})]
        assert client.call_if_there("GET", "/r/x") is None
        server.answers = [(403, {})]
        with pytest.raises(ProviderError, match="403: no reason given"):
            client.call_if_there("GET", "/r/x")


def test_an_upload_goes_with_its_own_token_and_once(
    server: Server, cloudflare: CloudflareClient
) -> None:
    server.answers = [(200, {"result": {"jwt": "j"}}), (500, {})]
    files = {"part": ("file.txt", b"aGk=", "text/plain")}
    assert cloudflare.upload("/assets", files, "session") == {"jwt": "j"}
    _, path, headers, body = server.asked[0]
    named = {name.lower(): value for name, value in headers.items()}
    assert (path, named["authorization"]) == ("/assets?base64=true", "Bearer session")
    assert b'name="part"; filename="file.txt"' in body
    assert b"aGk=" in body
    with pytest.raises(ProviderError, match="answered POST /assets with 500"):
        cloudflare.upload("/assets", files, "session")
    assert len(server.asked) == 2


def test_silence_is_told_with_the_address_and_the_call() -> None:
    server = Server()
    server.close()
    where = f"at {server.url}"
    cloudflare = CloudflareClient(base_url=server.url, api_token="t")
    github = GithubClient(base_url=server.url, owner="o", token="t")
    with pytest.raises(ProviderError, match=f"Cloudflare API {where} did not answer PUT /a: see"):
        cloudflare.call("PUT", "/a")
    with pytest.raises(ProviderError, match=f"{where} did not answer POST /b: see"):
        cloudflare.upload("/b", {}, "t")
    with pytest.raises(ProviderError, match=r"GitHub API .* did not answer GET /users/x: see"):
        github.user("x")


def test_github_is_asked_below_the_owner_and_follows_no_redirect(
    server: Server, github: GithubClient
) -> None:
    server.answers = [(200, {"id": 5})]
    assert github.call("GET", "/r/environments/e") == {"id": 5}
    assert server.paths() == ["/api/v3/repos/o/r/environments/e"]
    server.answers = [(302, {})]
    with pytest.raises(ProviderError, match="with 302"):
        github.user("x")
    server.answers = [(204, "")]
    assert github.call("DELETE", "/r/environments/e") == {}


@pytest.mark.parametrize(
    ("method", "path", "body", "read"),
    [
        ("POST", "/r/actions/variables", {"name": "N"}, "/r/actions/variables/N"),
        ("PATCH", "/r/actions/variables/N", {"value": "v"}, "/r/actions/variables/N"),
    ],
)
def test_a_write_that_answers_nothing_is_read_afterwards(
    server: Server, github: GithubClient, method: str, path: str, body: Any, read: str
) -> None:
    server.answers = [(204, ""), (200, {"value": "v"}), (200, {"id": 9})]
    found = github.call(method, path, body)
    extra = {"repository_id": 9} if method == "POST" else {}
    assert found == {"value": "v", **extra}
    assert server.paths()[1] == f"/api/v3/repos/o{read}"
    assert server.paths()[2:] == (["/api/v3/repos/o/r"] if extra else [])


def test_a_secret_is_sealed_and_never_sent_in_clear(server: Server, github: GithubClient) -> None:
    from nacl.public import PrivateKey, SealedBox

    private = PrivateKey.generate()
    key = {"key": base64.b64encode(bytes(private.public_key)).decode(), "key_id": "k"}
    written = (201, "")
    server.answers = [(200, key), written, (200, {"updated_at": "u"}), (200, {"id": 9})]
    found = github.call("PUT", "/r/actions/secrets/S", {"value": "clear"})
    assert found == {"updated_at": "u", "remote_updated_at": "u", "key_id": "k", "repository_id": 9}
    sent = json.loads(server.asked[1][3])
    assert set(sent) == {"key_id", "encrypted_value"}
    assert SealedBox(private).decrypt(base64.b64decode(sent["encrypted_value"])) == b"clear"
    assert server.paths()[0] == "/api/v3/repos/o/r/actions/secrets/public-key"
    server.answers = [(200, {"key": "no key", "key_id": "k"})]
    with pytest.raises(ProviderError, match="public key for secrets is no key"):
        github.call("PUT", "/r/actions/secrets/S", {"value": "clear"})
    with pytest.raises(ProviderError, match="the secret has no value"):
        github.call("PUT", "/r/actions/secrets/S", {"value": None})


def test_a_list_of_githubs_is_read_to_its_last_page(server: Server, github: GithubClient) -> None:
    policies = [{"id": at, "name": "n"} for at in range(31)]
    server.answers = [(200, {"branch_policies": policies[:30]}), *[(200, {"id": 9})] * 30]
    server.answers += [(200, {"branch_policies": policies[30:]}), (200, {"id": 9})]
    path = "/r/environments/e/deployment-branch-policies"
    found = list(github.pages(path, "branch_policies"))
    assert [each["policy_id"] for each in found] == list(range(31))
    assert {each["repository_id"] for each in found} == {9}
    lists = [each.partition("?")[2] for each in server.paths() if "?" in each]
    assert lists == ["page=1&per_page=30", "page=2&per_page=30"]
    server.answers = [(404, {})]
    assert list(github.pages(path, "branch_policies")) == []


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ({"message": "no", "errors": ["a", {"code": "c", "field": "f"}, 3]}, "no; a; c, f; 3"),
        ({"message": "no", "errors": "text"}, "no"),
        ({}, "no reason given"),
        ([1], "no reason given"),
        ("<html>", "no reason given"),
    ],
)
def test_what_github_refuses_is_told_in_its_words(
    server: Server, github: GithubClient, answer: Any, why: str
) -> None:
    server.answers = [(422, answer)]
    with pytest.raises(ProviderError) as refused:
        github.call("DELETE", "/r/x?token=secret")
    assert str(refused.value) == f"GitHub answered DELETE /r/x with 422: {why}".replace(
        "/r/x", "/repos/o/r/x"
    )

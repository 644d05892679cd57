"""The smoke test of an uploaded version, against answers of every kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from infra.account_api import AccountApi
from infra.smoke import lifecycle
from infra.smoke.address import PreviewAddress
from infra.smoke.checks import Smoke, SmokeFailed
from tests.infra.registrations import Declared

VERSION = "18f97339-c287-4872-9bdd-e2135c07ec12"
HEALTHY = {
    "status": "healthy",
    "database": "connected",
    "cache": "connected",
    "queues": "connected",
    "deployment": {"version_id": VERSION},
}
UNTOLD = {
    "account_id": "a",
    "base_url": "https://api.example/client/v4",
    "worker": "service",
    "service_url": "https://notification.example.com",
    "version_id": VERSION,
}
ADDRESS = PreviewAddress(url="https://18f97339-service.team.workers.dev")


class Version:
    """Answers the smoke test; every health check takes the next of `healths`, then the last."""

    def __init__(self, *healths: httpx.Response, unsigned: httpx.Response) -> None:
        self._healths = list(healths)
        self._unsigned = unsigned
        self.hosts: list[str] = []
        self.slept: list[float] = []
        self._clock = 0.0

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.hosts.append(request.headers["Host"])
        if request.url.path == "/api/send-notification":
            return self._unsigned
        return self._healths.pop(0) if len(self._healths) > 1 else self._healths[0]

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock += seconds

    def smoke(self, address: PreviewAddress = ADDRESS) -> list[str]:
        return Smoke(
            VERSION,
            address,
            transport=httpx.MockTransport(self.answer),
            sleep=self.sleep,
            now=lambda: self._clock,
        ).run()


def health(http: int = 200, /, **changes: Any) -> httpx.Response:
    return httpx.Response(http, json={**HEALTHY, **changes})


def refusal(status: int = 401, code: str = "MISSING_SIGNATURE") -> httpx.Response:
    return httpx.Response(status, json={"success": False, "code": code})


NOT_THERE = httpx.Response(404, text="error code: 1042")


def test_a_good_version_passes_at_once() -> None:
    version = Version(health(), unsigned=refusal())

    assert version.smoke() == ["boot", "health", "unsigned call"]
    assert version.slept == []


def test_a_preview_url_that_isnt_known_yet_is_waited_for() -> None:
    older = health(deployment={"version_id": "another"})
    version = Version(NOT_THERE, older, health(), unsigned=refusal())

    assert version.smoke()
    assert len(version.slept) == 2


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (NOT_THERE, "answered HTTP 404 and not the service"),
        (health(deployment={"version_id": "other"}), "answers as version other"),
        (health(deployment={"version_id": "0000"}), "answers as version 0000"),
        (httpx.Response(200, json=["no", "object"]), "answers as version unknown"),
    ],
)
def test_a_version_that_never_answers_is_given_up_in_bounded_time(
    answer: httpx.Response, why: str
) -> None:
    version = Version(answer, unsigned=refusal())

    with pytest.raises(SmokeFailed, match="step 'boot'") as caught:
        version.smoke()

    assert why in str(caught.value)
    assert str(caught.value) == (
        "The uploaded version 18f97339 failed the smoke test at 18f97339-service.team.workers.dev, "
        f"step 'boot': its preview URL {why}. Nothing was migrated, and what served before still "
        "serves. Correct it and deploy again."
    )
    assert set(version.slept) == {1.5}
    assert sum(version.slept) == 45
    assert len(version.hosts) == len(version.slept) + 1


def test_an_unhealthy_version_is_refused_with_the_part_that_is_missing() -> None:
    sick = health(503, status="unhealthy", cache="not_bound", errors=[{"code": "KV_NOT_BOUND"}])
    version = Version(sick, unsigned=refusal())

    with pytest.raises(SmokeFailed, match="step 'health'") as caught:
        version.smoke()

    assert "cache not_bound" in str(caught.value)
    assert "KV_NOT_BOUND" in str(caught.value)


def test_a_version_that_is_healthy_on_the_second_look_passes() -> None:
    version = Version(health(503, status="unhealthy"), health(), unsigned=refusal())

    assert version.smoke()


@pytest.mark.requirement("S0-46")
@pytest.mark.parametrize("status", [200, 400, 402, 404, 500])
@pytest.mark.parametrize("code", ["ANY", "ZERO"])
def test_a_version_that_lets_an_unsigned_call_in_is_refused(status: int, code: str) -> None:
    version = Version(health(), unsigned=refusal(status, code))

    with pytest.raises(SmokeFailed, match=f"answered with {status}, not 401"):
        version.smoke()


@pytest.mark.parametrize("status", ["degraded", "unhealthy", None])
@pytest.mark.parametrize("looks", [1, 2, 3])
def test_only_a_healthy_version_passes_and_is_looked_at_three_times(
    status: str | None, looks: int
) -> None:
    sick = health(503, status=status)
    version = Version(*[sick] * looks, health(), unsigned=refusal())
    if looks < 3:
        assert version.smoke()
    else:
        with pytest.raises(SmokeFailed, match="step 'health'"):
            version.smoke()
    assert len(version.slept) == min(looks, 2)


def test_a_version_that_stops_answering_is_no_healthy_one() -> None:
    version = Version(health(503, status="degraded"), NOT_THERE, unsigned=refusal())
    with pytest.raises(SmokeFailed, match="HTTP 404 and not the service"):
        version.smoke()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(200, text="<html>"), "was answered with 200, not 401"),
        (httpx.Response(200, json=["MAINTENANCE"]), "was answered with 200, not 401"),
    ],
)
def test_an_unsigned_call_is_judged_by_what_the_service_says(
    answer: httpx.Response, told: str
) -> None:
    with pytest.raises(SmokeFailed, match=f"step 'unsigned call': a send .* {told}"):
        Version(health(), unsigned=answer).smoke()


def test_an_unsigned_call_without_an_answer_is_a_failure() -> None:
    version = Version(health(), unsigned=refusal())
    answered = version.answer

    def silent(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            raise httpx.ReadTimeout("late", request=request)
        return answered(request)

    version.answer = silent  # type: ignore[method-assign]
    with pytest.raises(SmokeFailed, match=r"step 'unsigned call': no answer \(ReadTimeout\)"):
        version.smoke()


def test_maintenance_is_no_failure() -> None:
    assert Version(health(), unsigned=refusal(503, "MAINTENANCE")).smoke()


def test_the_preview_address_is_the_versions_own_host() -> None:
    at_cloudflare = PreviewAddress.of_version(
        version_id=VERSION, worker="service", subdomain="team", service_url="https://example.com"
    )
    here = PreviewAddress.of_version(
        version_id=VERSION, worker="service", subdomain=None, service_url="http://127.0.0.1:8788"
    )

    assert at_cloudflare == ADDRESS
    assert here == PreviewAddress("http://127.0.0.1:8788", "18f97339-service.localhost:8788")
    # Not every resolver knows names under `.localhost`: the edge is called by its address there.
    for url, edge, port in (
        ("https://localhost", "https://localhost", ""),
        ("http://127.0.0.1:8788/", "http://127.0.0.1:8788", ":8788"),
        ("https://notify.localhost", "https://127.0.0.1", ""),
        ("http://notify.localhost:8788", "http://127.0.0.1:8788", ":8788"),
    ):
        found = PreviewAddress.of_version(
            version_id=VERSION, worker="service", subdomain=None, service_url=url
        )
        assert found == PreviewAddress(edge, f"18f97339-service.localhost{port}")
    version = Version(health(), unsigned=refusal())
    version.smoke(here)
    assert set(version.hosts) == {"18f97339-service.localhost:8788"}
    with pytest.raises(ValueError, match="subdomain"):
        PreviewAddress.of_version(
            version_id=VERSION, worker="service", subdomain=None, service_url="https://example.com"
        )


def test_only_another_version_is_smoked_again() -> None:
    known = {"version_id": VERSION, "service_url": "https://a.example"}

    assert not lifecycle.is_changed(known, {**known, "service_url": "https://b.example"})
    for other in ("new", "0"):
        assert lifecycle.is_changed(known, {**known, "version_id": other})


@pytest.mark.parametrize("told", ["soon", ["x"], {"version_id": [VERSION]}])
def test_a_health_of_another_shape_is_no_version(told: Any) -> None:
    version = Version(health(deployment=told), unsigned=refusal())
    with pytest.raises(SmokeFailed, match="step 'boot'"):
        version.smoke()


def test_errors_of_another_shape_name_no_code() -> None:
    sick = health(503, status="unhealthy", database="gone", errors=["x", {"code": "DB_DOWN"}])
    with pytest.raises(SmokeFailed, match=r"database gone, .*DB_DOWN"):
        Version(sick, unsigned=refusal()).smoke()
    with pytest.raises(SmokeFailed, match="database gone"):
        Version(
            health(503, status="unhealthy", database="gone", errors=7), unsigned=refusal()
        ).smoke()


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(200, json={"success": True, "result": {"subdomain": None}}), "has none"),
        (httpx.Response(404, json={"success": False, "result": None}), "has none"),
        (httpx.Response(403, json={"success": False}), "Account → Workers Scripts → Read"),
        (httpx.Response(502, text="<html>"), "HTTP 502"),
    ],
)
def test_a_subdomain_that_nobody_tells_is_asked_of_the_settings(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, told: str
) -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(answer.status_code, content=answer.content)
    )
    monkeypatch.setattr(lifecycle, "AccountApi", partial(AccountApi, transport=transport))
    with pytest.raises(SmokeFailed, match=f"{told}.*Set workersDevSubdomain"):
        lifecycle.run(UNTOLD)


def test_the_accounts_subdomain_gives_the_preview_address(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[PreviewAddress] = []

    class Passed:
        def __init__(self, _: str, address: PreviewAddress) -> None:
            seen.append(address)

        def run(self) -> list[str]:
            return ["boot"]

    document = {"success": True, "result": {"subdomain": "team"}}
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=document))
    monkeypatch.setattr(lifecycle, "AccountApi", partial(AccountApi, transport=transport))
    monkeypatch.setattr(lifecycle, "Smoke", Passed)
    assert lifecycle.run(UNTOLD) == {**UNTOLD, "passed": ["boot"]}
    assert seen == [ADDRESS]


@pytest.mark.requirement("T-2")
def test_the_smoke_is_after_the_upload_and_before_the_migrations(
    declared: Callable[..., Declared],
) -> None:
    found = declared("production")

    assert found.depends_on("smoke", "version")
    assert found.depends_on("migrations", "smoke")
    assert found.depends_on("deployment", "smoke")
    assert found.one("smoke").inputs["version_id"] == "version-id"


def test_without_preview_urls_there_is_no_smoke_and_the_program_says_so(
    declared: Callable[..., Declared], monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("pulumi.log.warn", lambda text, *_: said.append(text))

    found = declared("production", previewUrls=False)

    assert found.of_type("Smoke") == []
    assert found.depends_on("migrations", "version")
    assert len(said) == 1
    assert "previewUrls is false" in said[0]

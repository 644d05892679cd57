"""Limits of what is uploaded: modules, variables, assets, cron triggers. At the limit, then above.

Source: developers.cloudflare.com/workers/platform/limits.
"""

from __future__ import annotations

import base64
from typing import Any

import pytest

from localcloud.api import uploads
from tests.localcloud.running_cloud import RunningCloud, deploy, version_body

SESSION = "/workers/scripts/w/assets-upload-session"
MIB = 1024 * 1024


def test_the_modules_of_a_version_have_a_limit_together(
    cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert uploads.MAX_BUNDLE_BYTES == 64 * MIB
    monkeypatch.setattr(uploads, "MAX_BUNDLE_BYTES", 20)  # 64 MiB would say the same, slowly
    worker_id, _ = deploy(cloud)

    def modules(size: int) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "content_type": "text/x-python",
                "content_base64": base64.b64encode(content).decode(),
            }
            for name, content in (("entry.py", b"#" * 10), ("more.py", b"#" * (size - 10)))
        ]

    path = f"/workers/workers/{worker_id}/versions"
    cloud.result("POST", path, json=version_body(modules=modules(20)))
    assert cloud.error("POST", path, json=version_body(modules=modules(21))) == (413, 10027)


def test_a_variable_has_5_kb(cloud: RunningCloud) -> None:
    worker_id, _ = deploy(cloud)
    path = f"/workers/workers/{worker_id}/versions"
    for kind in ("plain_text", "secret_text"):
        for size, refused in ((5120, False), (5121, True)):
            binding = {"type": kind, "name": "T", "text": "x" * size}
            body = version_body(bindings=[binding])
            if refused:
                assert cloud.error("POST", path, json=body) == (400, 10054)
            else:
                cloud.result("POST", path, json=body)


@pytest.mark.parametrize(
    ("count", "size", "refused"),
    [(20_000, 1, False), (20_001, 1, True), (1, 25 * MIB, False), (1, 25 * MIB + 1, True)],
)
def test_assets_have_a_number_and_a_size(
    cloud: RunningCloud, count: int, size: int, refused: bool
) -> None:
    entry = {"hash": "0" * 32, "size": size}
    body = {"manifest": {f"/{number}": entry for number in range(count)}}
    if refused:
        assert cloud.error("POST", SESSION, json=body) == (400, 10021)
    else:
        assert cloud.result("POST", SESSION, json=body)["buckets"] == [["0" * 32]]


def test_an_account_has_250_cron_triggers(cloud: RunningCloud) -> None:
    deploy(cloud)
    crons = [{"cron": f"{n % 60} {n // 60} * * *"} for n in range(251)]
    path = "/workers/scripts/w/schedules"
    cloud.result("PUT", path, json=crons[:250])
    assert cloud.error("PUT", path, json=crons) == (400, 10072)
    assert len(cloud.result("GET", path)["schedules"]) == 250

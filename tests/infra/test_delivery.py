"""A queue's delivery: seconds and milliseconds can't take each other's place."""

from pathlib import Path

import pytest
from mypy import api

from infra.components.delivery import Delivery
from infra.settings.values import Seconds
from tests.infra.stack_inputs import checked_config

PROJECT = Path(__file__).parents[2]

SNIPPET = """
from infra.components.delivery import Delivery
from infra.settings.values import Milliseconds, Seconds

Delivery(batch_size=1, max_wait={wait}, max_retries=1, retry_delay={delay})
"""


def test_each_queue_has_its_own_limits() -> None:
    settings = checked_config(retryMaxWaitMs="1", failedDelaySeconds="2").settings()
    assert Delivery.of_retries(settings) == Delivery(10, settings.retry_max_wait_ms, 3, Seconds(30))
    assert Delivery.of_failures(settings).retry_delay == 2
    assert Delivery.of_failures(settings).max_wait == 30_000


@pytest.mark.parametrize(
    ("wait", "delay", "errors"),
    [
        ("Milliseconds(5)", "Seconds(5)", 0),
        ("Seconds(5)", "Seconds(5)", 1),
        ("Milliseconds(5)", "Milliseconds(5)", 1),
        ("5", "5", 2),
    ],
)
@pytest.mark.requirement("PD-05")
def test_the_type_checker_refuses_seconds_for_milliseconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wait: str, delay: str, errors: int
) -> None:
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET.format(wait=wait, delay=delay), encoding="utf-8")
    monkeypatch.chdir(PROJECT)
    said, _, _ = api.run(["--config-file", "pyproject.toml", str(snippet)])
    assert said.count("error: Argument") == errors, said

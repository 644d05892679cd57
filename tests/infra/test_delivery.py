"""A queue's delivery: seconds and milliseconds can't take each other's place."""

from collections import Counter
from pathlib import Path

import pytest
from mypy import api

from infra.components.triggers import Delivery
from infra.settings.values import Seconds
from tests.infra.stack_inputs import checked_config

PROJECT = Path(__file__).parents[2]

SNIPPET = """
from infra.components.triggers import Delivery
from infra.settings.values import Milliseconds, Seconds

Delivery(batch_size=1, max_wait={wait}, max_retries=1, retry_delay={delay})
"""


def test_each_queue_has_its_own_limits() -> None:
    settings = checked_config(retryMaxWaitMs="1", failedDelaySeconds="2").settings()
    assert Delivery.of_retries(settings) == Delivery(10, settings.retry_max_wait_ms, 3, Seconds(30))
    assert Delivery.of_failures(settings).retry_delay == 2
    assert Delivery.of_failures(settings).max_wait == 30_000


@pytest.mark.requirement("PD-05")
def test_the_type_checker_refuses_seconds_for_milliseconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    units = {
        "right": ("Milliseconds(5)", "Seconds(5)", 0),
        "seconds": ("Seconds(5)", "Seconds(5)", 1),
        "milliseconds": ("Milliseconds(5)", "Milliseconds(5)", 1),
        "bare": ("5", "5", 2),
    }
    for name, (wait, delay, _) in units.items():
        text = SNIPPET.format(wait=wait, delay=delay)
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(PROJECT)
    files = [str(tmp_path / f"{name}.py") for name in units]
    said, _, _ = api.run(["--config-file", "pyproject.toml", *files])
    found = Counter(
        Path(line.partition(":")[0]).stem for line in said.splitlines() if "error: Argument" in line
    )
    assert found == Counter({name: errors for name, (_, _, errors) in units.items()}), said

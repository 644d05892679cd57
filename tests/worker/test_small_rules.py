"""Rules that single lines hold: levels of logs, short ids of versions, and keys of templates."""

from __future__ import annotations

import pytest

from notification.errors import ServiceError
from notification.ports.platform import VersionMetadata
from notification.settings import Settings
from notification.templates.template_document import check_key


@pytest.mark.parametrize(
    ("environment", "level"),
    [("production", "info"), ("staging", "debug"), ("development", "debug"), ("zebra", "debug")],
)
def test_production_alone_logs_no_details_unless_it_is_asked_to(
    environment: str, level: str
) -> None:
    assert Settings.read({"ENVIRONMENT": environment}).log_level == level
    asked = {"ENVIRONMENT": environment, "LOG_LEVEL": "WARN"}
    assert Settings.read(asked).log_level == "warn"


@pytest.mark.parametrize("key", ["", None, 7, [], {"a": 1}])
def test_a_template_without_a_key_is_refused(key: object) -> None:
    with pytest.raises(ServiceError) as refused:
        check_key(key)
    assert refused.value.code == "MISSING_PARAMETER"


@pytest.mark.parametrize(("key", "fits"), [("k" * 100, True), ("k" * 101, False), ("a b", False)])
def test_a_templates_key_has_at_most_a_hundred_letters(key: str, fits: bool) -> None:
    if fits:
        assert check_key(key) == key
        return
    with pytest.raises(ServiceError) as refused:
        check_key(key)
    assert refused.value.code == "INVALID_TEMPLATE_KEY"


@pytest.mark.parametrize(("whole", "short"), [("", ""), ("12345678", "12345678")])
def test_a_version_is_named_by_its_first_eight_characters(whole: str, short: str) -> None:
    assert VersionMetadata(whole).short == short
    assert VersionMetadata("abcdef12-3456-7890").short == "abcdef12"

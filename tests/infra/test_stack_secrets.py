"""Secrets of a stack: their form, where samples are allowed, and that none is shown."""

from pathlib import Path

import pytest

from infra.settings import SettingsError, StackFile, read_settings
from infra.settings.key_dates import key_fingerprint
from tests.infra.stack_inputs import API_SECRET, ENCRYPT_KEY, checked_config
from tests.infra.test_stack_settings import PROJECT, SECURE, mistakes, stack_file


@pytest.mark.requirement("S0-23")
def test_the_local_stack_works_with_no_secret_set() -> None:
    found = StackFile.read(PROJECT / "Pulumi.local.yaml").checked
    assert found.mistakes() == ()
    secrets = found.secrets()
    assert secrets.api_secret_key.get_secret_value() == "dev-secret"
    assert secrets.encrypt_key.get_secret_value() == "dev-encrypt-key-32-chars-exactly"
    assert secrets.grafana_webhook_username is not None
    assert secrets.grafana_webhook_username.get_secret_value() == "grafana"


@pytest.mark.requirement("S0-23")
@pytest.mark.parametrize(
    ("stack", "changes"),
    [
        ("development", {"environment": "development"}),
        ("production", {"cloudflare:baseUrl": "http://127.0.0.1:1/client/v4"}),
    ],
)
def test_no_other_stack_takes_a_development_default(stack: str, changes: dict[str, str]) -> None:
    found = mistakes(stack, apiSecretKey=None, encryptKey=None, **changes)
    assert set(found) == {"apiSecretKey", "encryptKey"}
    assert "(missing)" in found["apiSecretKey"]


@pytest.mark.parametrize(
    ("key", "value", "is_taken"),
    [
        ("apiSecretKey", "x", True),
        ("apiSecretKey", "", False),
        ("apiSecretKey", "a b", False),
        ("encryptKey", "x" * 31, False),
        ("encryptKey", "x" * 32, True),
        ("encryptKey", "x" * 33, False),
        ("encryptKeyPrevious", "x" * 31, False),
        ("adminApiKey", "x", True),
    ],
)
def test_where_samples_are_allowed_any_printable_text_is_a_secret(
    key: str, value: str, is_taken: bool
) -> None:
    loopback = {"cloudflare:baseUrl": "http://127.0.0.1:1/client/v4"}
    found = mistakes("local", environment="development", **loopback, **{key: value})
    assert set(found) == (set() if is_taken else {key})


def test_grafanas_name_and_password_come_together() -> None:
    assert set(mistakes(grafanaWebhookUsername="g")) == {"grafanaWebhookPassword"}
    assert set(mistakes(grafanaWebhookPassword="p" * 32)) == {"grafanaWebhookUsername"}
    assert mistakes(grafanaWebhookUsername="g", grafanaWebhookPassword="p" * 32) == {}
    both = mistakes(grafanaWebhookUsername="a:b", grafanaWebhookPassword="p" * 32)
    assert set(both) == {"grafanaWebhookUsername"}


@pytest.mark.requirement("S0-24", "S0-25", "S0-31")
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("apiSecretKey", "a1" * 31),
        ("apiSecretKey", "A1" * 32),
        ("apiSecretKey", "a1" * 32 + "\n"),
        ("apiSecretKey", " " + "a1" * 32),
        ("encryptKey", "a" * 31),
        ("encryptKey", "a" * 33),
        ("encryptKey", "a" * 31 + "-"),
        ("apiSecretKeyPrevious", "short"),
        ("adminApiKey", "short"),
        ("bridgeToken", "a" * 31),
        ("metricsToken", "a" * 32 + " "),
    ],
)
def test_a_secret_of_another_form_is_refused_without_showing_it(key: str, value: str) -> None:
    found = mistakes(**{key: value})
    assert set(found) == {key}
    assert value.strip() not in found[key]
    assert "(hidden)" in found[key]


@pytest.mark.requirement("S0-23")
@pytest.mark.parametrize("environment", ["production", "staging", "development"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("apiSecretKey", "dev-secret"),
        ("apiSecretKey", "dev-secret-key-for-testing"),
        ("encryptKey", "dev-encrypt-key-32-chars-exactly"),
        ("encryptKey", "dev-encrypt-key-32-chars-secure!"),
    ],
)
def test_a_published_sample_secret_is_taken_in_development_on_this_machine_only(
    environment: str, key: str, value: str
) -> None:
    refused = mistakes(environment, environment=environment, **{key: value})
    assert "published sample" in refused[key]
    loopback = {"cloudflare:baseUrl": "http://127.0.0.1:1/client/v4"}
    there = mistakes(environment, environment=environment, **{key: value}, **loopback)
    assert bool(there) == (environment != "development")


@pytest.mark.parametrize(
    "sample",
    [
        *("dev-secret", "dev-encrypt-key", "your-secret-key", "PLACEHOLDER_"),
        *("test-password", "grafana-password"),
    ],
)
def test_what_begins_as_a_published_sample_protects_nothing_however_long_it_is(sample: str) -> None:
    long = f"{sample}-{'x' * 40}"
    assert "published sample" in mistakes(grafanaWebhookPassword=long)["grafanaWebhookPassword"]
    assert mistakes(grafanaWebhookUsername="grafana", grafanaWebhookPassword=f"x{long}") == {}


@pytest.mark.requirement("S0-28")
def test_a_secret_that_is_not_the_recorded_one_is_found() -> None:
    prints = {"apiSecretKey": key_fingerprint("apiSecretKey", API_SECRET)}
    assert mistakes(keyFingerprints=prints) == {}
    for other in ("0" * 16, "f" * 16):
        assert set(mistakes(keyFingerprints={"apiSecretKey": other})) == {"keyFingerprints"}
    assert mistakes(keyFingerprints={"adminApiKey": "0" * 16}) == {}
    found = mistakes(keyFingerprints=prints, apiSecretKey="b2" * 32)
    assert set(found) == {"keyFingerprints"}
    assert "notifyctl keys record" in found["keyFingerprints"]


@pytest.mark.requirement("S0-27")
def test_a_fingerprint_tells_secrets_and_keys_apart_and_is_the_same_on_every_stack() -> None:
    own = key_fingerprint("apiSecretKey", API_SECRET)
    assert own == key_fingerprint("apiSecretKey", API_SECRET)
    assert own != key_fingerprint("apiSecretKey", "b2" * 32)
    assert own != key_fingerprint("adminApiKey", API_SECRET)
    assert API_SECRET not in own
    assert own == "2f5e18508f7dbfec"


def test_fingerprints_under_the_key_of_the_release_before_are_still_read(tmp_path: Path) -> None:
    recorded = {"apiSecretKey": "0123456789abcdef"}
    old = StackFile.read(stack_file(tmp_path, keyPrints=recorded))
    assert old.checked.mistakes() == ()
    assert old.known.key_fingerprints == recorded
    both = StackFile.read(stack_file(tmp_path, keyPrints={}, keyFingerprints=recorded))
    assert [problem.key for problem in both.checked.mistakes()] == ["keyPrints"]
    assert both.known.key_fingerprints == recorded


def test_a_previous_secret_differs_from_todays() -> None:
    assert set(mistakes(apiSecretKeyPrevious=API_SECRET)) == {"apiSecretKeyPrevious"}
    assert mistakes(apiSecretKeyPrevious="b2" * 32) == {}


@pytest.mark.requirement("S0-50")
def test_a_secret_in_clear_text_in_a_stack_file_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = stack_file(tmp_path, apiSecretKey=API_SECRET)
    with pytest.raises(SettingsError, match="stored in clear text") as caught:
        read_settings(path)
    assert API_SECRET not in str(caught.value)
    assert "pulumi config set --secret apiSecretKey" in str(caught.value)


def test_secrets_are_in_no_representation() -> None:
    config = checked_config()
    shown = repr(config.secrets()) + repr(config.settings())
    assert API_SECRET not in shown
    assert ENCRYPT_KEY not in shown


def test_an_ordinary_setting_cannot_be_encrypted(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="logLevel = an encrypted value"):
        read_settings(stack_file(tmp_path, logLevel=SECURE))

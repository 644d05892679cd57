"""Settings of a stack: every mistake at once, named with key, value, rule and example."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from infra.settings import Secrets, Settings, SettingsError, StackFile, read_settings
from infra.settings.reference import settings_tables
from tests.infra.stack_inputs import CONFIG, checked_config

PROJECT = Path(__file__).parents[2]
STACK_FILES = sorted(p for p in PROJECT.glob("Pulumi.*.yaml") if ".example" not in p.name)
VERSION = "18f97339-c287-4872-9bdd-e2135c07ec12"
SECURE = {"secure": "v1:abc:def"}


def stack_file(folder: Path, stack: str = "production", **changes: Any) -> Path:
    """A valid stack file with changed keys; None takes a key out."""
    values = {**CONFIG, "apiSecretKey": SECURE, "encryptKey": SECURE, **changes}
    config = {
        key if ":" in key else f"notification-system:{key}": value
        for key, value in values.items()
        if value is not None
    }
    path = folder / f"Pulumi.{stack}.yaml"
    path.write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
    return path


def mistakes(stack: str = "production", **changes: Any) -> dict[str, str]:
    return {p.key: str(p) for p in checked_config(stack, **changes).mistakes()}


def test_a_stack_file_with_three_mistakes_gets_three_messages_at_once(tmp_path: Path) -> None:
    path = stack_file(tmp_path, accountId="abc", retryBatchSize=101, logLevel="loud")
    with pytest.raises(SettingsError) as caught:
        read_settings(path)
    assert [problem.key for problem in caught.value.problems] == [
        "accountId",
        "logLevel",
        "retryBatchSize",
    ]
    text = str(caught.value)
    assert "Pulumi.production.yaml has 3 mistakes:" in text
    assert (
        "1. notification-system:accountId = 'abc': 32 hexadecimal digits in lower case. Exa" in text
    )
    assert (
        "2. notification-system:logLevel = 'loud': one of debug, info, warn, error. Example: info"
        in text
    )
    assert "3. notification-system:retryBatchSize = 101: a whole number of messages from 1 " in text


def test_a_valid_file_becomes_typed_settings(tmp_path: Path) -> None:
    settings = read_settings(
        stack_file(tmp_path, crons=["*/5 * * * *"], rateLimitPerMinute="7", protectStores=True)
    )
    assert settings.crons == ("*/5 * * * *",)
    assert settings.rate_limit_per_minute == 7
    assert settings.protect_stores is True
    assert settings.retry_max_wait_ms == 5000
    assert settings.public_url("w") == "https://w.my-team.workers.dev"


@pytest.mark.requirement("S0-49")
@pytest.mark.parametrize("path", STACK_FILES, ids=lambda p: p.name)
def test_the_projects_stack_files_have_no_mistake_and_no_placeholder(path: Path) -> None:
    assert StackFile.read(path).checked.mistakes(template=True) == ()
    assert "PLACEHOLDER" not in path.read_text(encoding="utf-8")


def test_the_project_has_its_three_stacks() -> None:
    names = {path.name for path in STACK_FILES}
    assert names == {"Pulumi.local.yaml", "Pulumi.development.yaml", "Pulumi.production.yaml"}


def test_an_unknown_key_is_a_mistake_that_names_the_nearest_known_one() -> None:
    assert "did you mean retryBatchSize?" in mistakes(retryBatchsize="5")["retryBatchsize"]
    for key, near in (("retryDelaySecond", "retryDelaySeconds"), ("logLvl", "logLevel")):
        assert mistakes(**{key: "5"})[key] == (
            f"notification-system:{key} = (hidden): unknown key; did you mean {near}? Example: "
            "(remove the key)"
        )
    assert "unknown key." in mistakes(zzz="5")["zzz"]
    assert "CLOUDFLARE_API_TOKEN" in mistakes(**{"cloudflare:apiToken": "t"})["cloudflare:apiToken"]
    assert mistakes(**{"github:baseUrl": "http://127.0.0.1:1/"}) == {}


LONG_HOST = ".".join([*["a" * 60] * 3, "b" * 58, "example.com"])
assert len(LONG_HOST) == 253


def pin(**changes: str) -> dict[str, str]:
    """A pin with changed fields."""
    return {"version": VERSION, "insteadOf": "a" * 64, **changes}


@pytest.mark.parametrize(
    ("key", "inside", "outside"),
    [
        ("rateLimitPerMinute", ("1", 100_000), (100_001,)),
        ("rateLimitAddressPerMinute", (1, 100_000), (0, 100_001)),
        ("maxRequestSize", (1_024, 104_857_600), (1_023, 104_857_601)),
        ("retryBatchSize", (1, 100), (0, 101)),
        ("retryMaxWaitMs", (0, 60_000), (60_001,)),
        ("retryMaxRetries", (0, 100), (101,)),
        ("failedDelaySeconds", (0, 43_200), (43_201,)),
        ("cacheTtlSeconds", (60, 86_400), (59, 86_401)),
        ("observabilitySampling", (0, "0.5", 1), ("1.000001", -1)),
        ("traffic", (100,), (0, 101)),
        ("channelRates", ({"a": {"per_second": 1_000}},), ({"a": {"per_minute": 1_001}},)),
        ("channelRates", ({"a": {"per_minute": 1, "burst": 1}},), ({"a": {"burst": 1}},)),
        ("retrySchedule", (["12h", "12h"], ["1s"] * 12), (["1s"] * 13, ["43201s"], ["0s"])),
        ("crons", ([f"{n} * * * *" for n in range(5)],), ([f"{n} * * * *" for n in range(6)],)),
        ("productionReviewers", ([f"user{n}" for n in range(6)],), ([f"u{n}" for n in range(7)],)),
        ("approvers", ([f"A {n}" for n in range(50)],), (["A", "a"], [f"A{n}" for n in range(51)])),
        ("ciTokenGenerations", ([1], [1, 2], [3, 9]), ([], [2, 1], [0], [1, 1], [1, 2, 3])),
        ("ciTokenGenerations", ([2],), ([0, 1], [-1, 1], [-2, -1])),
        ("backupBucket", ("a" * 63, "abc"), ("ab", "a" * 64, "-ab", "ab-", "Abc")),
        ("workersDevSubdomain", ("a", "a" * 63), ("a" * 64, "-a", "a-", "")),
        ("githubOwner", ("a", "a" * 39, "a-b"), ("a" * 40, "a--b", "-a")),
        ("consoleBasePath", ("/", "/a/b-c_1"), ("/a/", "a", "/A", "/" + "a" * 100)),
        ("takeOver", (["a.example", "*.a.example/*"],), (["a.example"] * 2, ["a", "b.c", "d.e"])),
        ("takeOver", (["a.example/" + "a" * 1014],), (["a.example/" + "a" * 1015],)),
        ("takeOver", (["a.example", "b.example"],), (["a.example", "b.example", "c.example"],)),
        ("routePattern", ("n.example.com/" + "a" * 1010,), ("n.example.com/" + "a" * 1011,)),
        ("customDomain", (LONG_HOST,), ("a" + LONG_HOST,)),
        ("consoleBasePath", ("/" + "a" * 99,), ("/" + "a" * 100,)),
        ("pulumiBackendUrl", ("s3://" + "a" * 495,), ("s3://" + "a" * 496, "ftp://a", "s3://a@b")),
        ("githubRepository", ("a" * 100, "a.b-C_1"), ("a" * 101, "a/b", "")),
        ("approvers", (["A" * 100],), (["A" * 101], ["A  B"], [" A"])),
        ("disabledChannels", (["a" * 32], ["a1"]), (["a" * 33], ["1a"], ["A"], ["a", "a"])),
        ("observabilitySampling", ("0.123456",), ("0.1234567", True, "1e-3")),
        ("failedBatchSize", (100,), ("1" * 16,)),
        ("retrySchedule", (["1s"], ["43200s"], ["720m"]), (["1000000s"], ["01s"], ["721m"])),
        ("retrySchedule", (["720m", "12h"],), (["720m", "12h", "1s"], ["719m", "12h", "61s"])),
        ("channelRates", ({"a": {"per_second": 1}},), ({"a": {"per_second": 0}},)),
        ("pin", (pin(reason="r" * 500), pin()), (pin(reason="r" * 501), pin(insteadOf="A" * 64))),
        ("pin", (pin(insteadOfAssets="a" * 64),), (pin(insteadOfAssets="a" * 63),)),
    ],
)
def test_a_value_at_the_edge_of_its_rule_is_taken_and_one_beyond_it_refused(
    key: str, inside: tuple[Any, ...], outside: tuple[Any, ...]
) -> None:
    base = {"customDomain": "n.example.com", "zoneName": "example.com"}
    if key == "traffic":
        base["trafficBase"] = VERSION
    for value in inside:
        assert mistakes(**{**base, key: value}) == {}, value
    for value in outside:
        assert set(mistakes(**{**base, key: value})) == {key}, value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("accountId", "0123456789ABCDEF0123456789ABCDEF"),
        ("accountId", 1),
        ("environment", "prod"),
        ("workersDevSubdomain", "my_team"),
        ("serviceUrl", "http://notification.example.com"),
        ("serviceUrl", "https://notification.example.com/"),
        ("serviceUrl", "https://user:pw@notification.example.com"),
        ("serviceUrl", "https://notification.exam\nple.com"),
        ("serviceUrl", "https://notification.exam ple.com"),
        ("serviceUrl", "https://notification.example.com:99999"),
        ("serviceUrl", "https://notification.example.com?"),
        ("serviceUrl", "https://notification.example.com#"),
        ("serviceUrl", "https://@notification.example.com"),
        ("serviceUrl", "https:\\\\notification.example.com"),
        ("serviceUrl", "https://"),
        ("allowedOrigins", "[" * 100_000),
        ("cloudflare:baseUrl", "http://10.0.0.1/client/v4"),
        ("d1Location", "mars"),
        ("d1Jurisdiction", "us"),
        ("protectStores", "yes"),
        ("rateLimitPerMinute", "0"),
        ("rateLimitPerMinute", "1.5"),
        ("crons", "*/5 * * * *"),
        ("crons", '["*/5 * * *"]'),
        ("crons", '["0 1 * * *", "0 1 * * *"]'),
        ("maxRequestSize", "12"),
        ("allowedOrigins", '["https://a.example/path"]'),
        ("allowedOrigins", '["http://a.example"]'),
        ("retryMaxWaitMs", "60001"),
        ("retryMaxRetries", "-1"),
        ("retryDelaySeconds", "43201"),
        ("failedBatchSize", True),
        ("customDomain", "https://n.example.com"),
        ("customDomain", "N.example.com"),
        ("routePattern", "n.example.com"),
        ("routePattern", "https://n.example.com/*"),
        ("zoneId", "example.com"),
        ("consoleBasePath", "console/"),
        ("observabilitySampling", "1.5"),
        ("cacheTtlSeconds", "59"),
        ("channelRates", '{"slack": {"per_hour": 2}}'),
        ("channelRates", '{"slack": {"per_second": 0}}'),
        ("channelRates", '{"slack": {"per_second": 1, "per_minute": 2}}'),
        ("channelRates", "fast"),
        ("retrySchedule", '["10"]'),
        ("retrySchedule", '["13h"]'),
        ("retrySchedule", '["12h", "12h", "1s"]'),
        ("retrySchedule", "10s"),
        ("featureRetryEnabled", "on"),
        ("adoptDatabaseId", "prod"),
        ("adoptWorkerId", "notification-system"),
        ("traffic", "0"),
        ("traffic", "0.5"),
        ("trafficBase", "v1"),
        ("pin", "{}"),
        ("pin", {"version": VERSION, "insteadOf": "abc"}),
        ("pin", {"version": VERSION, "insteadOf": "a" * 64, "because": "x"}),
        ("githubOwner", "a b"),
        ("productionReviewers", '["ada", "ada"]'),
        ("productionApprovers", [f"user{n}" for n in range(7)]),
        ("ciTokenExpiresOn", "tomorrow"),
        ("ciTokenAllowedIps", ["192.0.2.1/24"]),
        ("github:baseUrl", "http://api.github.com/"),
        ("github:baseUrl", "https://api.github.com"),
        ("github:baseUrl", "https://api.github.com/?a/"),
        ("apiSecretKeySetOn", "2026-13-01"),
    ],
)
def test_a_value_outside_its_rule_is_one_mistake_with_an_example(key: str, value: Any) -> None:
    found = mistakes(**{key: value})
    assert set(found) == {key}
    assert "Example: " in found[key]


@pytest.mark.requirement("S0-21")
def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(stack_file(tmp_path, accountId=None, encryptKey=None))
    assert [p.key for p in caught.value.problems] == ["accountId", "encryptKey"]
    assert "(missing)" in str(caught.value)


def test_the_services_url_needs_a_subdomain_or_an_url() -> None:
    assert set(mistakes(workersDevSubdomain=None)) == {"workersDevSubdomain"}
    assert mistakes(workersDevSubdomain=None, serviceUrl="https://n.example.com") == {}


def test_a_domain_gives_the_services_url_and_is_in_its_zone() -> None:
    domain = {"customDomain": "n.example.com", "zoneName": "example.com"}
    found = checked_config(workersDevSubdomain=None, **domain).settings()
    assert found.public_url("w") == "https://n.example.com"
    assert set(mistakes(customDomain="n.example.com")) == {"zoneName"}
    assert mistakes(customDomain="n.example.com", zoneId="a" * 32) == {}
    for zone in ("example.org", "a.example.com", "zexample.com", "e.com"):
        assert set(mistakes(**{**domain, "zoneName": zone})) == {"customDomain"}
    assert mistakes(**{**domain, "customDomain": "example.com"}) == {}
    assert set(mistakes(**{**domain, "customDomain": "nexample.com"})) == {"customDomain"}
    assert set(mistakes(routePattern="*.a.org/x*", zoneName="example.org")) == {"routePattern"}
    assert mistakes(routePattern="*.a.example.org/x*", zoneName="example.org") == {}


def test_without_workers_dev_the_service_needs_another_address() -> None:
    assert set(mistakes(workersDev="false")) == {"workersDev"}
    assert mistakes(workersDev="false", serviceUrl="https://n.example.com") == {}


def test_a_part_of_the_traffic_needs_a_version_for_the_rest() -> None:
    assert set(mistakes(traffic="10")) == {"trafficBase"}
    assert mistakes(traffic="10", trafficBase=VERSION) == {}


@pytest.mark.parametrize("environment", ["production", "staging", "development"])
@pytest.mark.parametrize("console", [None, "true", "false"])
def test_the_console_is_served_where_the_stack_says_so_and_else_outside_production(
    environment: str, console: str | None
) -> None:
    settings = checked_config("trial", environment=environment, console=console).settings()
    expected = environment != "production" if console is None else console == "true"
    assert settings.serves_console is expected


@pytest.mark.parametrize(
    ("changes", "url", "hosts"),
    [
        ({}, "https://w.my-team.workers.dev", ("w.my-team.workers.dev",)),
        (
            {"serviceUrl": "https://a.example:8443"},
            "https://a.example:8443",
            ("a.example:8443", "w.my-team.workers.dev"),
        ),
        (
            {"customDomain": "n.example.com", "zoneId": "5" * 32},
            "https://n.example.com",
            ("n.example.com", "w.my-team.workers.dev"),
        ),
        (
            {"routePattern": "n.example.com/a*", "zoneId": "5" * 32, "workersDevSubdomain": None},
            None,
            ("a.example", "n.example.com"),
        ),
        (
            {"routePattern": "*.example.com/a*", "zoneId": "5" * 32},
            "https://w.my-team.workers.dev",
            ("w.my-team.workers.dev",),
        ),
        (
            {
                "serviceUrl": "https://n.example.com",
                "customDomain": "n.example.com",
                "routePattern": "n.example.com/*",
                "zoneId": "5" * 32,
                "workersDevSubdomain": None,
            },
            "https://n.example.com",
            ("n.example.com",),
        ),
    ],
)
def test_the_service_knows_its_url_and_every_host_of_its_own(
    changes: dict[str, Any], url: str | None, hosts: tuple[str, ...]
) -> None:
    given = changes if url else {**changes, "serviceUrl": "https://a.example"}
    settings = checked_config(**given).settings()
    assert settings.public_url("w") == (url or "https://a.example")
    assert settings.service_hosts("w") == hosts


def test_nobody_changes_settings_and_secrets_once_they_are_read() -> None:
    config = checked_config(pin=pin())
    settings = config.settings()
    assert settings.pin is not None
    values = (settings, settings.pin, config.secrets(), config.workflow_secrets(), config.known())
    for each in values:
        for name in type(each).model_fields:
            with pytest.raises(ValidationError, match="frozen"):
                setattr(each, name, None)


def test_a_pin_holds_against_its_bundle_alone() -> None:
    text = f'{{"version": "{VERSION}", "insteadOf": "{"a" * 64}", "reason": "errors"}}'
    pin = checked_config(pin=text).settings().pin
    assert pin is not None
    assert (pin.version, pin.reason) == (VERSION, "errors")
    assert pin.holds_against(bundle_sha256="a" * 64, assets_sha256="c" * 64)
    for other in ("b" * 64, "0" * 64):
        assert not pin.holds_against(bundle_sha256=other, assets_sha256="c" * 64)
    console = pin.model_copy(update={"instead_of_assets": "c" * 64})
    for assets, holds in (("c" * 64, True), ("", True), ("b" * 64, False), ("d" * 64, False)):
        assert console.holds_against(bundle_sha256="a" * 64, assets_sha256=assets) is holds


def test_access_needs_its_repository_and_two_different_people() -> None:
    development = mistakes("development", environment="development", manageAccess="true")
    assert set(development) == {"githubOwner", "githubRepository"}
    same = mistakes(productionReviewers='["ada", "Grace"]', productionApprovers='["grace"]')
    assert set(same) == {"productionApprovers"}
    assert "grace" in same["productionApprovers"]
    assert mistakes(productionReviewers='["ada"]', productionApprovers='["grace"]') == {}


def test_plain_http_webhooks_are_refused_outside_development() -> None:
    assert set(mistakes(allowHttpWebhooks="true")) == {"allowHttpWebhooks"}
    assert mistakes("dev-2", environment="development", allowHttpWebhooks="true") == {}


def test_the_test_clock_is_refused_unless_the_api_is_on_this_machine() -> None:
    assert set(mistakes(testClock="true")) == {"testClock"}
    loopback = {"cloudflare:baseUrl": "http://127.0.0.1:8787/client/v4"}
    assert mistakes(testClock="true", **loopback) == {}


def test_loopback_endpoints_are_refused_outside_development() -> None:
    assert set(mistakes(allowLoopbackEndpoints="true")) == {"allowLoopbackEndpoints"}
    staging = mistakes("staging", environment="staging", allowLoopbackEndpoints="true")
    assert set(staging) == {"allowLoopbackEndpoints"}
    assert mistakes("local", environment="development", allowLoopbackEndpoints="true") == {}


def test_private_networks_are_refused_outside_development() -> None:
    assert set(mistakes(allowPrivateWebhooks="true")) == {"allowPrivateWebhooks"}
    staging = mistakes("staging", environment="staging", allowPrivateWebhooks="true")
    assert set(staging) == {"allowPrivateWebhooks"}
    assert mistakes("dev-2", environment="development", allowPrivateWebhooks="true") == {}


def test_bots_are_called_on_this_machine_in_development_only() -> None:
    local = "http://127.0.0.1:9000"
    assert set(mistakes(telegramApiUrl=local)) == {"telegramApiUrl"}
    assert mistakes("local", environment="development", telegramApiUrl=local) == {}
    assert mistakes(telegramApiUrl="https://bots.example.com") == {}


def test_location_and_jurisdiction_exclude_each_other() -> None:
    assert set(mistakes(d1Location="weur", d1Jurisdiction="eu")) == {"d1Location"}


def test_production_and_development_are_the_environments_of_their_stacks() -> None:
    assert set(mistakes(environment="staging")) == {"environment"}
    assert set(mistakes("development", environment="production")) == {"environment"}
    assert mistakes("eu", environment="production") == {}


@pytest.mark.parametrize("text", ["config: [", "config: 3", "- a", "config:\n  a: \x00"])
def test_a_file_that_is_no_stack_file_is_one_clear_mistake(tmp_path: Path, text: str) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"Pulumi\.x\.yaml has 1 mistake"):
        StackFile.read(path)


@pytest.mark.parametrize("line", [2, 3, 6])
def test_a_file_that_is_no_yaml_tells_the_line(tmp_path: Path, line: int) -> None:
    path = tmp_path / "Pulumi.x.yaml"
    path.write_text("config:\n" + "  a: 1\n" * (line - 2) + "  b: ]\n", encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        StackFile.read(path)
    assert str(caught.value) == (
        "Pulumi.x.yaml has 1 mistake:\n"
        f"  1. (file) = Pulumi.x.yaml: it isn't valid YAML in line {line}. Example: the tracked "
        "Pulumi.local.yaml\n"
        "Correct the 1 above in the stack file, or with `pulumi config set KEY VALUE`."
    )


def test_two_mistakes_are_numbered_and_counted() -> None:
    found = checked_config(logLevel="loud", d1Location="mars")
    with pytest.raises(SettingsError) as caught:
        found.settings()
    assert str(caught.value) == (
        "the test's configuration has 2 mistakes:\n"
        "  1. notification-system:d1Location = 'mars': one of wnam, enam, weur, eeur, apac, oc. "
        "Example: weur\n"
        "  2. notification-system:logLevel = 'loud': one of debug, info, warn, error. Example: "
        "info\n"
        "Correct the 2 above in the stack file, or with `pulumi config set KEY VALUE`."
    )


@pytest.mark.parametrize("length", [78, 79])
def test_a_long_value_is_shown_in_eighty_characters(length: int) -> None:
    value = "x" * length
    shown = repr(value) if length == 78 else f"'{value[:78]}…"
    assert len(shown) == 80
    assert f" = {shown}: one of debug" in mistakes(logLevel=value)["logLevel"]


def test_a_missing_stack_file_is_one_clear_mistake(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no such file"):
        read_settings(tmp_path / "Pulumi.nowhere.yaml")


def test_the_documentation_has_the_table_of_every_setting() -> None:
    text = (PROJECT / "docs" / "infrastructure.md").read_text(encoding="utf-8")
    tables = text.partition("settings table` -->\n")[2].partition("<!-- end: settings -->")[0]
    assert tables == settings_tables(), "stale: run `notifyctl settings table`"
    for model in (Settings, Secrets):
        for name, field in model.model_fields.items():
            assert f"| `{field.alias or name}` |" in tables


@pytest.mark.parametrize(
    ("cron", "told"),
    [
        ("0 3 * * 0", "weekday '0': 1 (Sunday) to 7 (Saturday)"),
        ("61 * * * *", "minute '61': 0 to 59"),
        ("*/0 * * * *", "minute '*/0': 0 to 59"),
        ("0 0 32 * *", "day of the month '32': 1 to 31"),
        ("0 0 * * MON#6", "weekday 'MON#6': 1 (Sunday) to 7 (Saturday)"),
    ],
)
def test_a_cron_that_cloudflare_refuses_is_a_mistake_that_names_its_field(
    cron: str, told: str
) -> None:
    found = mistakes(crons=f'["*/5 * * * *", "{cron}"]')
    assert list(found) == ["crons"]
    assert f'"{cron}"' in found["crons"]
    assert told in found["crons"]
    assert "It must be a list of at most 5 different cron expressions" in found["crons"]


@pytest.mark.parametrize("cron", ["0 3 * * SUN", "0 0 LW * *", "0 0 L-3 * *", "0 0 * * FRI#2"])
def test_a_cron_in_cloudflares_own_form_is_taken(cron: str) -> None:
    config = checked_config(crons=f'["{cron}"]')
    assert (config.mistakes(), config.warnings()) == ((), ())


def test_a_cron_that_no_day_fits_is_taken_with_a_warning() -> None:
    config = checked_config(crons='["*/5 * * * *", "0 0 31 2 *"]')
    assert config.mistakes() == ()
    (warning,) = config.warnings()
    assert warning.startswith("crons: '0 0 31 2 *' never fires, since no day in its months fits.")
    assert checked_config(crons="[1]").warnings() == ()


def test_an_account_id_without_quotes_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "Pulumi.production.yaml"
    path.write_text("config:\n  notification-system:accountId: 12345678901234567890123456789012\n")
    [told] = [
        str(problem)
        for problem in StackFile.read(path).checked.mistakes(template=True)
        if problem.key == "accountId"
    ]
    assert "put it in quotes. It must be 32 hexadecimal digits" in told
    assert "quotes" not in " ".join(
        str(problem) for problem in checked_config(accountId="nope").mistakes()
    )

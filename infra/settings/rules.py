"""Rules that join several settings, each checked on whatever settings are valid by themselves."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from cron.expression import CronExpression
from infra.settings.account import BASE_URL_KEY, CLOUDFLARE_API
from infra.settings.problems import MISSING, Problem
from infra.settings.values import is_loopback
from infra.settings.worker import TELEGRAM_API

Values = Mapping[str, object]
"""Valid settings by key, defaults filled in; what is invalid or missing lacks."""

_REAL = ("production", "staging")


def ordinary_rules(values: Values, stack: str) -> Iterator[Problem]:
    """Check the settings of `stack` against every rule of this module."""
    for rule in _RULES:
        yield from rule(values)
    environment = values.get("environment")
    if environment and stack in ("production", "development") and environment != stack:
        yield Problem(
            "environment", str(environment), f"the stack {stack} is that environment.", stack
        )


def crons_that_never_fire(crons: Iterable[str]) -> Iterator[str]:
    """Yield a warning for each valid cron expression that no day fits."""
    for cron in crons:
        if not CronExpression.parse(cron).ever_fires:
            yield (
                f"crons: {cron!r} never fires, since no day in its months fits. Correct the day or "
                "the month, or take it out."
            )


def _service_has_an_address(values: Values) -> Iterator[Problem]:
    if values.get("serviceUrl") or values.get("customDomain"):
        return
    if values.get("workersDev") is False:
        yield Problem(
            "workersDev",
            "false",
            "the service answers nowhere: set customDomain, or serviceUrl to what your route "
            "serves.",
            "true",
        )
    elif values.get("workersDevSubdomain", "") is None:
        yield Problem(
            "workersDevSubdomain",
            MISSING,
            "the service's URL needs it, unless customDomain or serviceUrl is set.",
            "my-team",
        )


def _domain_and_route_are_in_a_zone(values: Values) -> Iterator[Problem]:
    zone = values.get("zoneName")
    for key, host in (
        ("customDomain", str(values.get("customDomain") or "")),
        ("routePattern", _host(values.get("routePattern"))),
    ):
        if not host:
            continue
        if zone is None and values.get("zoneId", "") is None:
            yield Problem("zoneName", MISSING, f"{key} needs its zone, or zoneId.", "example.com")
        elif zone and host != zone and not host.endswith(f".{zone}"):
            yield Problem(
                key, str(values[key]), f"it is not in the zone {zone}.", f"notification.{zone}"
            )


def _host(pattern: object) -> str:
    return str(pattern or "").partition("/")[0].removeprefix("*").removeprefix(".")


def _place_is_one(values: Values) -> Iterator[Problem]:
    if values.get("d1Location") and values.get("d1Jurisdiction"):
        yield Problem(
            "d1Location",
            str(values["d1Location"]),
            "set it or d1Jurisdiction, not both: Cloudflare ignores it beside a jurisdiction.",
            "(remove one)",
        )


def _local_means_stay_local(values: Values) -> Iterator[Problem]:
    base_url = str(values.get(BASE_URL_KEY, CLOUDFLARE_API))
    if values.get("testClock") and not is_loopback(base_url):
        yield Problem(
            "testClock",
            "true",
            f"only where {BASE_URL_KEY} is a loopback address, and it is {base_url}.",
            "false",
        )
    environment = values.get("environment")
    telegram = str(values.get("telegramApiUrl", ""))
    if is_loopback(telegram) and environment in _REAL:
        yield Problem(
            "telegramApiUrl",
            telegram,
            f"no loopback address in the environment {environment}.",
            TELEGRAM_API,
        )
    for key in ("allowLoopbackEndpoints", "allowHttpWebhooks", "allowPrivateWebhooks"):
        if values.get(key) and environment in _REAL:
            yield Problem(key, "true", f"never in the environment {environment}.", "false")


def _shared_traffic_has_a_base(values: Values) -> Iterator[Problem]:
    traffic = values.get("traffic", 100)
    if traffic != 100 and values.get("trafficBase", "") is None:
        yield Problem(
            "trafficBase",
            MISSING,
            f"traffic is {traffic}, so another version has to serve the rest.",
            "18f97339-c287-4872-9bdd-e2135c07ec12",
        )


def _access_knows_its_repository(values: Values) -> Iterator[Problem]:
    if values.get("manageAccess"):
        for key, example in (("githubOwner", "my-team"), ("githubRepository", "notifications")):
            if values.get(key, "") is None:
                yield Problem(key, MISSING, "manageAccess needs it.", example)


def _two_gates_have_two_people(values: Values) -> Iterator[Problem]:
    if values.get("manageAccess") and values.get("environment") == "production":
        for key, example in (
            ("productionReviewers", '["ada"]'),
            ("productionApprovers", '["grace"]'),
        ):
            if values.get(key) == ():
                yield Problem(key, "()", "each gate before production needs somebody.", example)
    first, second = values.get("productionReviewers", ()), values.get("productionApprovers", ())
    if not (isinstance(first, tuple) and isinstance(second, tuple)):
        return
    both = sorted({name.lower() for name in first} & {name.lower() for name in second})
    if both:
        yield Problem(
            "productionApprovers",
            ", ".join(both),
            "nobody may stand in productionReviewers as well: two gates are for two people.",
            '["grace"]',
        )


_RULES: tuple[Callable[[Values], Iterator[Problem]], ...] = (
    _service_has_an_address,
    _domain_and_route_are_in_a_zone,
    _place_is_one,
    _local_means_stay_local,
    _shared_traffic_has_a_base,
    _access_knows_its_repository,
    _two_gates_have_two_people,
)

"""Settings that say at which addresses the service answers."""

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints

from infra.settings import values as v

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_HOST = rf"({_LABEL}\.)+[a-z]([a-z0-9-]{{0,61}}[a-z0-9])?"

Hostname = Annotated[
    str,
    StringConstraints(pattern=rf"^{_HOST}$", max_length=253),
    v.Rule("a host name in lower case, without scheme, port and path.", "notification.example.com"),
]
ZoneName = Annotated[
    str,
    StringConstraints(pattern=rf"^{_HOST}$", max_length=253),
    v.Rule("a zone's name in lower case.", "example.com"),
]
ZoneId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{32}$"),
    v.Rule("32 hexadecimal digits in lower case.", "023e105f4ecef8ad9ca31a8372d0c353"),
]
RoutePattern = Annotated[
    str,
    StringConstraints(pattern=rf"^(\*\.?)?{_HOST}/[^?#\s]*$", max_length=1024),
    v.Rule("a host name and a path, without scheme; '*' at their ends.", "api.example.com/notify*"),
]
BasePath = Annotated[
    str,
    StringConstraints(pattern=r"^/([a-z0-9_-]+(/[a-z0-9_-]+)*)?$", max_length=100),
    v.Rule("an absolute path of a-z, 0-9, '-' and '_' without a trailing slash.", "/console"),
]


def _address(value: str) -> str:
    if not re.fullmatch(rf"{_HOST}|(\*\.?)?{_HOST}/[^?#\s]*", value) or len(value) > 1024:
        raise ValueError("not such an address")
    return value


TakenOver = Annotated[
    tuple[Annotated[str, AfterValidator(_address)], ...],
    BeforeValidator(v.json_value),
    AfterValidator(v.distinct),
    Field(max_length=2),
    v.Rule(
        "a list of host names and route patterns, each as customDomain or routePattern has it.",
        '["notification.example.com"]',
    ),
]


class AddressSettings(BaseModel):
    """workers.dev, custom domain, route and console."""

    workers_dev_subdomain: v.Subdomain | None = Field(
        None, description="the account's workers.dev subdomain; gives the service's URL"
    )
    service_url: v.Url | None = Field(
        None, description="the service's URL where it is neither the custom domain nor workers.dev"
    )
    workers_dev: v.Switch = Field(True, description="answer at the Worker's workers.dev address")
    preview_urls: v.Switch = Field(True, description="give each version an address of its own")
    custom_domain: Hostname | None = Field(
        None, description="host name that the Worker answers at; Cloudflare makes its DNS record"
    )
    route_pattern: RoutePattern | None = Field(
        None, description="part of a zone whose requests go to the Worker; its DNS is yours"
    )
    zone_name: ZoneName | None = Field(
        None, description="zone of the custom domain and the route; its id is looked up"
    )
    zone_id: ZoneId | None = Field(
        None, description="that zone's id, where looking it up is not wanted"
    )
    take_over: TakenOver = Field(
        (), description="custom domain or route that is taken from another Worker of the account"
    )
    console: v.Switch | None = Field(
        None, description="serve the console with the version; unset means outside production only"
    )
    console_base_path: BasePath = Field(
        "/console", description="path under which the console is served"
    )

    def service_hosts(self, worker: str) -> tuple[str, ...]:
        """Return the hosts at which the service answers, which it must never call itself."""
        route = (self.route_pattern or "").partition("/")[0]
        hosts = (
            urlsplit(self.service_url or "").netloc,
            self.custom_domain,
            f"{worker}.{self.workers_dev_subdomain}.workers.dev"
            if self.workers_dev_subdomain
            else "",
            "" if "*" in route else route,
        )
        return tuple(dict.fromkeys(host for host in hosts if host))

    def public_url(self, worker: str) -> str:
        """Return the service's URL: the one that is set, else the domain's, else workers.dev's."""
        if self.service_url:
            return self.service_url
        if self.custom_domain:
            return f"https://{self.custom_domain}"
        return f"https://{worker}.{self.workers_dev_subdomain}.workers.dev"

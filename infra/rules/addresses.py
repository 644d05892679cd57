"""Rules for addresses."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from infra.rules.declaration import Breach, Stack
from infra.settings.values import is_loopback


def every_address_is_https(stack: Stack) -> Iterator[Breach]:
    """APIs, the service and what the Worker calls are reached by https, or on this machine."""
    settings = stack.settings
    addresses = {
        "cloudflare:baseUrl": settings.cloudflare_base_url,
        "github:baseUrl": settings.github_base_url,
        "telegramApiUrl": settings.telegram_api_url,
        "serviceUrl": settings.service_url or "",
    }
    for provider in stack.of_type("cloudflare", "github"):
        url = provider.properties.get("base_url")
        addresses[f"provider {provider.name}"] = url if isinstance(url, str) else ""
    for version in stack.of_type("WorkerVersion"):
        for binding in version.properties.get("bindings") or ():
            text = getattr(binding, "text", None)
            if isinstance(text, str) and binding.type == "plain_text":
                addresses |= {f"binding {binding.name}": part for part in text.split(",")}
    for where, url in addresses.items():
        if urlsplit(url).scheme == "http" and not is_loopback(url):
            yield Breach(where, f"{url} is sent in clear. Use https.")

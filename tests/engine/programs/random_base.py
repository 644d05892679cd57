"""What a random program is made of: resources of every kind, in components and outside."""

from typing import Any

import pulumi
from records_provider import RecordProvider

config = pulumi.Config()
account = config.require("accountId")
folder = config.require("folder")
key = config.require_secret("apiKey")
TYPES = {
    "D1Database": "cloudflare:index/d1Database:D1Database",
    "Namespace": "cloudflare:index/workersKvNamespace:WorkersKvNamespace",
    "Queue": "cloudflare:index/queue:Queue",
    "Worker": "cloudflare:index/worker:Worker",
}
provider = pulumi.ProviderResource(
    "cloudflare",
    "cf",
    {
        "apiToken": pulumi.Output.secret("t" * 40),
        "baseUrl": pulumi.Config("cloudflare").require("baseUrl"),
    },
    pulumi.ResourceOptions(version="6.23.1", additional_secret_outputs=["apiToken"]),
)
Options = pulumi.ResourceOptions


class Cloud(pulumi.CustomResource):
    """A resource of the Cloudflare provider."""

    def __init__(self, kind: str, name: str, props: dict[str, Any], opts: Options) -> None:
        opts = Options.merge(opts, Options(provider=provider, version="6.23.1"))
        super().__init__(TYPES[kind], name, {"accountId": account, **props}, opts)


class Record(pulumi.dynamic.Resource, module="probe", name="Record"):
    """A resource of a dynamic provider."""

    def __init__(self, name: str, props: dict[str, Any], opts: Options) -> None:
        super().__init__(RecordProvider(), name, {"folder": folder, **props, "length": None}, opts)


class Group(pulumi.ComponentResource):
    """A component, whose children are registered by the program."""

    def __init__(self, name: str, opts: Options) -> None:
        super().__init__("probe:index:Group", name, {}, opts)
        self.register_outputs({"name": name, "key": key})


# edit: begin

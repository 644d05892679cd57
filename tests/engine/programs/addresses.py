"""A Worker with assets, a custom domain, a route and a token: what is there beside stores."""

import base64
import json

import pulumi

from infra.lazy_package import LazyPackage

LazyPackage.install("pulumi_cloudflare")

import pulumi_cloudflare as cloudflare  # noqa: E402  as the project's own program does it

config = pulumi.Config()
account = config.require("accountId")
zone = cloudflare.get_zones(name="example.test", account={"id": account}).results[0].id
groups = cloudflare.get_account_api_token_permission_groups_list(
    account_id=account, name="Workers Scripts Write"
).results

worker = cloudflare.Worker(
    "w",
    account_id=account,
    name="notification-system",
    observability={"enabled": True},
    subdomain={"enabled": True, "previews_enabled": False},
)
version = cloudflare.WorkerVersion(
    "v",
    account_id=account,
    worker_id=worker.id,
    compatibility_date="2026-10-01",
    compatibility_flags=["python_workers"],
    main_module="entry.py",
    modules=[
        {
            "name": "entry.py",
            "content_type": "text/x-python",
            "content_base64": base64.b64encode(b"print(1)").decode(),
        }
    ],
    bindings=[{"name": "ASSETS", "type": "assets"}],
    assets={
        "directory": config.require("assets"),
        "config": {"html_handling": "auto-trailing-slash", "run_worker_first": ["/api/*"]},
    },
)
deployment = cloudflare.WorkersDeployment(
    "d",
    account_id=account,
    script_name=worker.name,
    strategy="percentage",
    versions=[{"version_id": version.id, "percentage": 100}],
)
after = pulumi.ResourceOptions(depends_on=[deployment])
cloudflare.WorkersCustomDomain(
    "domain",
    account_id=account,
    hostname="notify.example.test",
    service=worker.name,
    zone_id=zone,
    opts=after,
)
cloudflare.WorkersRoute(
    "route", zone_id=zone, pattern="example.test/*", script=worker.name, opts=after
)
token = cloudflare.AccountToken(
    "token",
    account_id=account,
    name="ci",
    policies=[
        {
            "effect": "allow",
            "permission_groups": [{"id": group.id} for group in groups],
            "resources": json.dumps(
                {f"com.cloudflare.api.account.{account}": "*"}, separators=(",", ":")
            ),
        }
    ],
    condition={"request_ip": {"ins": ["127.0.0.0/8"]}},
    expires_on="2099-01-01T00:00:00Z",
)
pulumi.export("token", token.value)

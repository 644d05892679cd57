"""The Pulumi program's entry: ``pulumi up`` runs this file. The program itself is in ``infra``."""

from infra.lazy_package import LazyPackage

LazyPackage.install("pulumi_cloudflare")
LazyPackage.install("pulumi_github")

from infra.program import run  # noqa: E402  it imports both

run()

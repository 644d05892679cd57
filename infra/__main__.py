"""The Pulumi program's entry: `pulumi up` runs this file."""

from infra.program import run

run()

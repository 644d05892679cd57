"""The Pulumi program's entry: ``pulumi up`` runs this file. The program itself is in ``infra``."""

from infra.program import run

run()

"""The gate as a deployment meets it: it stops one of production, and warns of any other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ops.deploy.preflight.code_checks import TESTS, TYPES
from ops.deploy.preflight.preflight import Preflight, PreflightOptions
from ops.stacks.console import Reporter
from ops.stacks.context import StackContext


def pass_gate(context: StackContext, options: PreflightOptions) -> Mapping[str, Any]:
    """Make the checks and return their report.

    Types and tests are left out where they decide nothing: outside production, and in a pipeline,
    whose own job has run all of them on this commit before.

    Raises:
        GateClosed: a check of a production stack failed.
    """
    origin = context.origin
    preflight = Preflight(context)
    if origin.is_pipeline or not preflight.is_production:
        options = replace(options, skip={*options.skip, TYPES, TESTS})
    if not preflight.is_production:
        preflight = Preflight(replace(context, reporter=Reporter(quiet=True)))
    preflight.run(replace(options, asked_at_gates=origin.is_pipeline))
    if preflight.is_production:
        if (closed := preflight.verdict()) is not None:
            raise closed
    else:
        for outcome in preflight.failed:
            text = f"warning: {outcome.check}: {outcome.found}. {outcome.advice}"
            context.reporter.line(text, style="yellow")
    return preflight.document()

"""The plan of the account: Workers Paid, or Workers Free where that is asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from localcloud.errors import StartFailed

PLAN_VARIABLE = "NOTIFICATION_LOCAL_PLAN"

# developers.cloudflare.com/workers/platform/limits, "Subrequests", and the changelog of 2026-02-11:
# the Free plan grants 50 requests to the Internet and 1,000 to services of Cloudflare, the Paid
# plan 10,000, which `limits.subrequests` of the configuration changes up to 10 million.
FREE_SUBREQUESTS = {"external": 50, "internal": 1000}
MAX_SUBREQUESTS = 10_000_000
FREE_CRONS = 5
PAID_CRONS = 250


def is_free_plan(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether the account is on the Free plan.

    Raises StartFailed where PLAN_VARIABLE is set to anything but `free` or `paid`.
    """
    text = environment.get(PLAN_VARIABLE, "")
    if text not in {"", "free", "paid"}:
        raise StartFailed(f"{PLAN_VARIABLE} is {text[:40]!r}: give 'free' or 'paid'.")
    return text == "free"


def subrequest_limits(document: Mapping[str, Any], *, free_plan: bool) -> dict[str, int] | None:
    """Return the limits of one invocation of a version, given by its document.

    None where nobody asked for any: 10,000 are many, and to count them costs each call time.
    """
    if free_plan:
        return FREE_SUBREQUESTS
    asked = (document.get("limits") or {}).get("subrequests")
    return None if asked is None else {"external": asked, "internal": asked}

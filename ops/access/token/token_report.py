"""What a check of a token has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class TokenReport:
    """The outcome of a check; permissions are in the words of the dashboard's form.

    Attributes:
        status: ``active``, ``expired``, ``disabled``, ``invalid`` (unknown to Cloudflare) or
            ``malformed`` (no token at all, by its form).
        source: how the permissions were found: ``policies`` tells all of them, ``calls`` (the token
            may not read itself, so that each permission was tried) only what was asked about.
        granted: needed permissions that the token has.
        missing: needed permissions that it lacks.
        surplus: permissions that a deployment doesn't need.
        expires_on: when it ends, RFC 3339, where that was told.
    """

    status: str
    source: str = ""
    granted: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    surplus: tuple[str, ...] = ()
    expires_on: str | None = None

    def document(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        return {
            "status": self.status,
            "expires_on": self.expires_on,
            "source": self.source or None,
            "granted": list(self.granted),
            "missing": list(self.missing),
            "surplus": list(self.surplus),
        }

    def verdict(self, *, allow_more: bool, is_pipeline: bool = True) -> str | None:
        """Why the check fails, in a sentence or two with what to do next; None where it doesn't.

        Args:
            allow_more: whether a permission that no deployment needs is no failure.
            is_pipeline: whether the token is CI's, which the access stack makes; else it is an
                operator's own.
        """
        advice = {
            "malformed": "It isn't a token: paste it whole, without quotes, spaces or line breaks.",
            "invalid": "Cloudflare doesn't know it. It was deleted, or belongs to another account.",
            "expired": (
                "Let an operator add a generation to ciTokenGenerations and run 'up'."
                if is_pipeline
                else "Make a new one in the dashboard under API Tokens, and put it in its place."
            ),
            "disabled": "Enable it in the dashboard under API Tokens, or use another one.",
        }
        if self.status != "active":
            return f"The token is {self.status}. {advice.get(self.status, 'Use another one.')}"
        if self.missing:
            return (
                f"The token lacks {'; '.join(self.missing)}. Add it in the dashboard under API "
                + (
                    "Tokens, or let an operator run 'up' with manageAccess."
                    if is_pipeline
                    else "Tokens."
                )
            )
        if self.surplus and not allow_more:
            return (
                f"The token may do more than a deployment needs: {'; '.join(self.surplus)}. "
                "Remove it, or pass --allow-more for an operator's own token."
            )
        return None

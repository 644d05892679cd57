"""Checking a stack against every rule."""

from collections.abc import Callable, Iterator

import pulumi

from infra.rules.declaration import Breach, Stack
from infra.rules.resources import (
    every_address_is_https,
    every_consumer_has_a_dead_letter_queue,
    real_stores_are_protected,
    stores_keep_their_options,
    unprotected_data,
)
from infra.rules.secrets_apart import nothing_secret_is_in_plain_text, secrets_are_marked
from infra.rules.tokens import (
    tokens_have_listed_permissions_alone,
    tokens_reach_this_account_alone,
)
from infra.settings.rules import crons_that_never_fire

Rule = Callable[[Stack], Iterator[Breach]]

RULES: tuple[Rule, ...] = (
    real_stores_are_protected,
    stores_keep_their_options,
    every_consumer_has_a_dead_letter_queue,
    nothing_secret_is_in_plain_text,
    secrets_are_marked,
    every_address_is_https,
    tokens_reach_this_account_alone,
    tokens_have_listed_permissions_alone,
)


def check_rules(stack: Stack) -> None:
    """Raise pulumi.RunError with every breach; Pulumi shows it without a stack trace.

    What is no breach and yet a risk is told as a warning.
    """
    found = [str(breach) for rule in RULES for breach in rule(stack)]
    if found:
        count = f"{len(found)} rule{'s are' if len(found) > 1 else ' is'} broken"
        lines = "\n".join(f"  {number}. {text}" for number, text in enumerate(found, 1))
        raise pulumi.RunError(f"{count}, and nothing was changed:\n{lines}")
    if (warning := unprotected_data(stack)) is not None:
        pulumi.log.warn(warning)
    for warning in crons_that_never_fire(stack.settings.crons):
        pulumi.log.warn(warning)

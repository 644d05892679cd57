"""Names follow from the stack's name alone, and never collide."""

import itertools

import pytest

from infra.names import Names, StackNameError


@pytest.mark.requirement("S0-12", "S0-13", "S0-14", "S0-107")
def test_the_named_environments_have_the_documented_names() -> None:
    assert Names.of_stack("production") == Names(
        worker="notification-system",
        database="notification-system",
        config_cache="CONFIG_CACHE",
        retry_queue="retry-queue",
        failed_queue="failed-queue",
    )
    assert Names.of_stack("development") == Names(
        worker="notification-system-dev",
        database="notification-system-dev",
        config_cache="CONFIG_CACHE-preview",
        retry_queue="retry-queue-dev",
        failed_queue="failed-queue-dev",
    )
    assert Names.of_stack("staging").worker == "notification-system-staging"
    for stack in ("pr-7", "a", "z", "developments"):
        assert Names.of_stack(stack).config_cache == f"CONFIG_CACHE-{stack}"


def test_no_two_stacks_of_an_account_share_a_name() -> None:
    stacks = ["production", "development", "local", "staging", "pr-1", "pr-11", "production2"]
    for one, other in itertools.combinations(stacks, 2):
        pairs = zip(_all(Names.of_stack(one)), _all(Names.of_stack(other)), strict=True)
        assert not [left for left, right in pairs if left == right]


def test_no_database_of_a_stack_is_called_like_anothers() -> None:
    stacks = ["production", "development", "pr", "pr-1", "shard-1", "production-shard-1"]
    names = [name for stack in stacks for name in Names.of_stack(stack).shards(8)]
    assert len(set(names)) == len(names)
    assert Names.of_stack("pr").shards(1) == (Names.of_stack("pr").database,)
    # D1's limit is 64 characters.
    assert max(map(len, Names.of_stack("x" * 34).shards(8))) <= 64


def test_rate_limit_numbers_are_stable_and_differ_by_stack_and_binding() -> None:
    names = Names.of_stack("production")
    numbers = {
        Names.of_stack(stack).rate_limit_namespace(binding)
        for stack in ("production", "development", "local")
        for binding in ("RATE_LIMIT_ADDRESS", "RATE_LIMIT_RECIPIENT")
    }
    assert len(numbers) == 6
    # Another number would let every counter begin anew.
    assert names.rate_limit_namespace("RATE_LIMIT_ADDRESS") == "1380924217"
    assert names.rate_limit_namespace("RATE_LIMIT_RECIPIENT") == "2645946101"


@pytest.mark.parametrize("stack", ["dev", "preview"])
def test_a_stack_that_would_take_developments_names_is_refused(stack: str) -> None:
    with pytest.raises(StackNameError, match="'development'"):
        Names.of_stack(stack)


@pytest.mark.parametrize("stack", ["", "PR-1", "a_b", "-a", "a-", "a" * 35, "a b"])
def test_a_stack_name_that_makes_no_lawful_host_name_is_refused(stack: str) -> None:
    with pytest.raises(StackNameError, match="such as 'pr-7'"):
        Names.of_stack(stack)


def test_the_longest_stack_name_makes_a_preview_host_label_of_63() -> None:
    assert len("12345678-" + Names.of_stack("a" * 34).worker) == 63


def _all(names: Names) -> tuple[str, ...]:
    return (
        names.worker,
        names.database,
        names.config_cache,
        names.retry_queue,
        names.failed_queue,
        names.rate_limit_namespace("RATE_LIMIT_ADDRESS"),
    )

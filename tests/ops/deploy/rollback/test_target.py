"""Which release a rollback chooses, from every situation that it may find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.settings.traffic import Pin
from ops.deploy.release.listing import ReleaseListing
from ops.deploy.release.records import ReleaseRecord
from ops.deploy.release.release_history import ReleaseHistory
from ops.deploy.release.target import MESSAGE, Target, choose_target
from ops.stacks.active_deployment import ActiveDeployment
from ops.stacks.driver import HistoryEntry
from ops.stacks.errors import GateClosed, StackFailed, UsageError

BAD = ReleaseRecord("rolled back")
FAILED = ReleaseRecord("failed")
GOOD = ReleaseRecord("verified")


def entry(number: int, serving: str | None = None) -> dict[str, Any]:
    version = f"{number:08d}-v"
    return {
        "version_id": version,
        "bundle_sha256": f"b{number}",
        "commit": f"c{number:08d}",
        "schema_level": 1,
        "at": f"2026-01-01T0{number}:00:30.500Z",
        "serving": [{"version_id": serving or version, "percentage": 100}],
    }


def v(number: int) -> str:
    return f"{number:08d}-v"


def update(number: int, result: str = "succeeded") -> HistoryEntry:
    started = 1_767_225_600 + number * 3600
    return HistoryEntry(number, "update", started, started + 60, result, "", {})


def history(
    *numbers: int,
    code: dict[int, int] | None = None,
    records: dict[int, ReleaseRecord] | None = None,
    serving: int | None = None,
    is_unfinished: bool = False,
) -> ReleaseHistory:
    newest = numbers[0]
    entries = [entry(number) for number in numbers]
    entries[0] = entry(newest, v(serving or newest))
    for one, number in zip(entries, numbers, strict=True):
        one["bundle_sha256"] = f"b{(code or {}).get(number, number)}"
    return ReleaseHistory(
        {
            "releases": entries,
            "version_id": v(newest),
            "serving_version_id": v(serving or newest),
        },
        [update(number) for number in numbers],
        {v(number): record for number, record in (records or {}).items()},
        is_unfinished=is_unfinished,
    )


def pinned(version: str, instead_of: str) -> Pin:
    return Pin.model_construct(
        version=version, instead_of=instead_of, instead_of_assets=None, reason=""
    )


def choose(
    known: ReleaseHistory,
    active: str | dict[str, float],
    *,
    message: str = "",
    named: str | None = None,
    pin: Pin | None = None,
    last: HistoryEntry | None = None,
) -> Target:
    shares = active if isinstance(active, dict) else {active: 100.0}
    deployment = ActiveDeployment(shares, message)
    return choose_target(known, deployment, named=named, pin=pin, last_update=last)


@pytest.mark.requirement("S4-07")
def test_the_last_verified_release_is_chosen_before_a_newer_one_that_nobody_verified() -> None:
    target = choose(history(4, 3, 2, 1, records={2: GOOD, 1: GOOD}), v(4))

    assert (target.release.version_id, target.way) == (v(2), "pin")


def test_releases_that_are_known_to_be_bad_are_passed_over() -> None:
    target = choose(history(4, 3, 2, 1, records={3: FAILED, 2: BAD}), v(4))

    assert target.release.version_id == v(1)
    with pytest.raises(GateClosed, match="no earlier release"):
        choose(history(2, 1, records={1: BAD}), v(2))
    with pytest.raises(GateClosed, match="is the first"):
        choose(history(1), v(1))


@pytest.mark.parametrize("name", ["00000001-v", "00000001", "c00000001", "1"])
def test_a_release_is_named_by_version_commit_or_update(name: str) -> None:
    assert choose(history(3, 2, 1), v(3), named=name).release.version_id == v(1)
    with pytest.raises(UsageError, match="no release"):
        choose(history(3, 2, 1), v(3), named="0000")


@pytest.mark.requirement("PD-01")
def test_a_version_deployed_by_hand_gives_way_to_what_the_stack_says() -> None:
    target = choose(history(3, 2, 1), "stranger")

    assert (target.release.version_id, target.way) == (v(3), "deploy again")


def test_a_bad_release_isnt_returned_to_from_a_version_deployed_by_hand() -> None:
    target = choose(history(3, 2, 1, records={3: BAD}), "stranger")

    assert (target.release.version_id, target.way) == (v(2), "pin")


def test_a_rollback_that_was_killed_after_its_first_step_goes_on_to_the_same_release() -> None:
    known = history(3, 2, 1, records={3: BAD})

    target = choose(known, v(2), message=f"{MESSAGE} to 00000002")

    assert (target.release.version_id, target.way) == (v(2), "pin")


def test_a_pinned_release_stays_the_target_until_another_is_named() -> None:
    known = history(3, 2, 1, records={3: BAD}, serving=2)
    pin = pinned(v(2), "b3")

    assert choose(known, v(2), pin=pin).way == "nothing"
    assert choose(known, v(3), pin=pin).release.version_id == v(2)
    assert choose(known, v(2), pin=pin, named=v(1)).way == "pin"


def test_a_pin_against_an_older_bundle_decides_nothing() -> None:
    assert choose(history(3, 2, 1), v(3), pin=pinned(v(1), "b2")).release.version_id == v(2)


@pytest.mark.parametrize(
    ("pinned_assets", "deployed", "holds"),
    [("ef" * 32, "ef" * 32, True), ("ef" * 32, "01" * 32, False), (None, "01" * 32, True)],
)
def test_a_pin_holds_against_the_console_that_it_names(
    pinned_assets: str | None, deployed: str, holds: bool
) -> None:
    entries = [{**entry(4, v(3)), "assets_sha256": deployed}, entry(3), entry(2), entry(1)]
    outputs = {"releases": entries, "version_id": v(4), "serving_version_id": v(3)}
    pin = pinned(v(1), "b4").model_copy(update={"instead_of_assets": pinned_assets})
    target = choose(ReleaseHistory(outputs, [], {}), v(3), pin=pin)
    assert (target.release.version_id == v(1)) is holds


def test_a_canary_goes_back_by_an_update_so_that_the_state_says_the_same() -> None:
    entries = [entry(2), entry(1)]
    shares = [{"version_id": v(2), "percentage": 10}, {"version_id": v(1), "percentage": 90}]
    entries[0]["serving"] = shares
    outputs = {"releases": entries, "version_id": v(2), "serving_version_id": v(1)}
    known = ReleaseHistory(outputs, [], {})

    assert choose(known, {v(2): 10.0, v(1): 90.0}, named=v(1)).way == "pin"


@pytest.mark.parametrize("share", [10, 50, 90])
def test_a_canary_that_was_left_goes_back_to_the_version_beside_it(share: int) -> None:
    entries = [entry(3), entry(2), entry(1)]
    shares = {v(3): float(share), v(2): float(100 - share)}
    entries[0]["serving"] = [{"version_id": v, "percentage": part} for v, part in shares.items()]
    serving = max(shares, key=lambda version: shares[version])
    outputs = {"releases": entries, "version_id": v(3), "serving_version_id": serving}

    target = choose(ReleaseHistory(outputs, [], {}), shares)

    assert (target.release.version_id, target.way) == (v(2), "pin")
    assert "a canary was left" in target.reason


def test_a_rollback_that_was_killed_once_its_new_version_served_goes_no_further() -> None:
    last = replace(update(4), message=f"{MESSAGE} to 00000002 with today's secrets")

    assert choose(history(4, 3, 2), v(4), last=last).way == "nothing"
    assert choose(history(4, 3, 2), v(4), last=update(4)).release.version_id == v(3)


def test_a_name_that_two_releases_have_is_refused_with_the_list() -> None:
    same = [entry(3), {**entry(2), "at": entry(3)["at"]}, entry(1)]
    outputs = {"releases": same, "version_id": v(3)}
    known = ReleaseHistory(outputs, [update(3), update(1)], {})
    with pytest.raises(UsageError) as refused:
        known.find("3")
    assert v(3) in str(refused.value)
    assert v(2) in str(refused.value)
    assert "names 2 releases" in str(refused.value)
    assert known.find("1") is known.of_version(v(1))
    with pytest.raises(UsageError, match="names 3 releases"):
        known.find("0000000")


def test_of_several_releases_of_one_commit_the_newest_is_named() -> None:
    entries = [{**entry(number), "commit": "c" * 40} for number in (3, 2, 1)]
    known = ReleaseHistory({"releases": entries, "version_id": v(3)}, [], {})
    assert known.find("ccccccc") is known.of_version(v(3))


def listed(
    known: ReleaseHistory, active: dict[str, float], target: Target | None
) -> ReleaseListing:
    deployment = ActiveDeployment(active, "")
    return ReleaseListing(known, deployment, target, "Nothing changed." * (target is None), "dev")


def test_the_list_tells_what_a_rollback_would_decide() -> None:
    known = history(3, 2, 1)
    target = choose(known, v(3))
    found = listed(known, {v(3): 100.0}, target)
    assert [row["rollback_target"] for row in found.rows(9)] == [False, True, False]
    told = "A rollback would go back to 00000002 (deployed): the last that was deployed,"
    assert found.notes() == [f"{told} and not known to be bad."]
    refused = listed(known, {v(3): 100.0}, None)
    assert [row["rollback_target"] for row in refused.rows(9)] == [False, False, False]
    assert refused.notes() == ["A rollback would be refused. Nothing changed."]
    pin = pinned(v(2), "b3")
    held = history(3, 2, 1, serving=2)
    idle = listed(held, {v(2): 100.0}, choose(held, v(2), pin=pin))
    assert idle.notes()[0].startswith("A rollback would change nothing: 00000002 serves already")


def test_a_left_canary_is_told_with_the_ways_on_and_back() -> None:
    known = history(2, 1)
    shares = {v(2): 10.0, v(1): 90.0}
    [canary, back] = listed(known, shares, choose(known, shares)).notes()
    assert "00000002 answers 10 % and 00000001 answers 90 %" in canary
    for command in ("deploy --stack dev --canary", "up --stack dev", "rollback --stack dev"):
        assert f"'notifyctl {command}'" in canary
    assert "go back to 00000001" in back


def test_after_an_update_that_changed_nothing_there_is_nothing_to_go_back_from() -> None:
    with pytest.raises(GateClosed, match="changed nothing of what serves"):
        choose(history(2, 1), v(2), last=update(3, "failed"))


@pytest.mark.requirement("T-1")
def test_updates_and_releases_are_joined_by_their_times() -> None:
    known = history(3, 2, 1)

    found = [release.update.version for release in known.releases if release.update]
    assert found == [3, 2, 1]
    alone = ReleaseHistory({"releases": [entry(9)], "version_id": v(9)}, [update(1)], {})
    assert alone.releases[0].update is None


def test_a_version_is_told_by_the_update_that_deployed_it_first() -> None:
    nameless = {**entry(2), "commit": "", "at": "2026-01-01T03:00:30.000Z"}
    outputs = {"releases": [nameless, entry(1), entry(2)], "version_id": v(2)}

    known = ReleaseHistory(outputs, [update(3), update(2), update(1)], {})

    assert [k.release.version_id for k in known.releases] == [v(2), v(1)]
    assert known.newest.commit == "c00000002"
    assert known.releases[0].update == update(2)


def test_a_stack_without_a_list_of_releases_is_told_what_to_do() -> None:
    with pytest.raises(StackFailed, match="notifyctl up"):
        ReleaseHistory({}, [], {})


def test_an_update_that_failed_after_its_release_served_is_gone_back_from() -> None:
    known = history(2, 1, records={1: GOOD})
    assert choose(known, v(2), last=update(2, "failed")).release.version_id == v(1)
    with pytest.raises(GateClosed, match="changed nothing of what serves"):
        choose(known, v(2), last=update(3, "failed"))


def test_a_rollback_that_was_cut_off_after_its_ledger_is_updated_again_not_called_done() -> None:
    pin = pinned(v(1), "b2")
    done = choose(history(2, 1, serving=1), v(1), pin=pin)
    cut_off = choose(history(2, 1, serving=1, is_unfinished=True), v(1), pin=pin)

    assert (done.release.version_id, done.way) == (v(1), "nothing")
    assert (cut_off.release.version_id, cut_off.way) == (v(1), "pin")


@pytest.mark.parametrize(
    ("is_unfinished", "message", "pin"),
    [
        (True, "", None),
        (False, f"{MESSAGE} to 00000001 with today's secrets", None),
        # The pin is written before the update that sets it.
        (False, f"{MESSAGE} to 00000001 with today's secrets", pinned(v(3), "b2")),
    ],
)
def test_a_rollback_to_code_under_new_secrets_that_was_cut_off_sets_its_pin(
    is_unfinished: bool, message: str, pin: Pin | None
) -> None:
    known = history(3, 2, 1, code={3: 1}, records={2: GOOD, 1: GOOD}, is_unfinished=is_unfinished)
    target = choose(known, v(3), pin=pin, last=replace(update(3), message=message))

    # Not to release 2, which was verified and is what one went back from.
    assert (target.release.version_id, target.way) == (v(3), "pin")
    assert target.instead_of is not None
    assert target.instead_of.version_id == v(2)


def test_old_code_that_was_deployed_as_any_other_is_no_rollback() -> None:
    known = history(3, 2, 1, code={3: 1}, records={2: GOOD, 1: GOOD})
    target = choose(known, v(3), last=update(3))

    assert (target.release.version_id, target.instead_of) == (v(2), None)
    again = history(3, 2, 1, code={3: 2}, records={2: GOOD}, is_unfinished=True)
    assert choose(again, v(3)).instead_of is None

"""Which release a rollback goes to, and by which way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from infra.settings.traffic import Pin
from ops.deploy.release.release import Release
from ops.deploy.release.release_history import KnownRelease, ReleaseHistory
from ops.stacks.active_deployment import ActiveDeployment, short_version
from ops.stacks.driver import HistoryEntry
from ops.stacks.errors import GateClosed, UsageError

MESSAGE = "notifyctl rollback"
"""Beginning of the message of a deployment that a rollback made by the API."""

Way = Literal["pin", "deploy again", "new version", "nothing"]


@dataclass(frozen=True)
class Target:
    """What is gone back to.

    Attributes:
        release: the release that will serve.
        way: ``pin``: its version is pinned in the stack's settings; ``deploy again``: the state
            says already that it serves, and somebody deployed another version by hand; ``new
            version``: secrets have rotated, so that its code gets a version of its own;
            ``nothing``: it serves already.
        reason: why this release, as a sentence.
        instead_of: the release that is gone back from, where it isn't the newest.
    """

    release: Release
    way: Way
    reason: str
    instead_of: Release | None = None


def newest_update(updates: Sequence[HistoryEntry]) -> HistoryEntry | None:
    """Return the last update of a history that is newest first, refreshes and previews apart."""
    return next((update for update in updates if update.kind == "update"), None)


def choose_target(
    history: ReleaseHistory,
    active: ActiveDeployment,
    *,
    named: str | None,
    pin: Pin | None,
    last_update: HistoryEntry | None,
) -> Target:
    """Choose the release that is named, else the last good one.

    To run the same command again goes no further back: what was rolled back to stays the target
    until another is named.

    Raises:
        UsageError: there is no release of that name.
        GateClosed: there is nothing to go back to.
    """
    if named is not None:
        found = history.find(named)
        if found is None:
            raise UsageError(f"There is no release '{named}'. 'notifyctl releases' lists them.")
        return Target(found.release, _way(found, history, active), "it was named")
    by_rollback = last_update is not None and last_update.message.startswith(MESSAGE)
    begun = _begun(history, active, pin, by_rollback=by_rollback)
    if begun is not None:
        return begun
    beside = [known for known in history.releases if known.release.version_id in active.shares]
    if len(active.shares) > 1 and beside:
        # The older of the two: the canary is the newer one, however much of the requests it has.
        reason = "a canary was left, and this is the version beside it"
        return Target(beside[-1].release, _way(beside[-1], history, active), reason)
    current = history.of_version(active.main_version)
    if current is not None and active.message.startswith(MESSAGE):
        reason = "a rollback chose it already; name an older one to go further back"
        return Target(current.release, _way(current, history, active), reason)
    serving = history.of_version(history.serving)
    by_hand = active.main_version != history.serving
    is_bad = serving is not None and serving.record is not None and serving.record.is_bad
    if serving is not None and not is_bad and by_hand:
        told = f"version {short_version(active.main_version)} was deployed outside Pulumi"
        way = _way(serving, history, active)
        return Target(serving.release, way, f"{told}; this is what the stack says serves")
    if by_rollback and serving is not None and not is_bad and not by_hand:
        reason = "a rollback chose it already; name an older one to go further back"
        return Target(serving.release, _way(serving, history, active), reason)
    failed = last_update if last_update and last_update.result == "failed" else None
    if failed is not None and not by_hand and not history.is_newest_of(failed):
        raise GateClosed(
            f"The last update failed and changed nothing of what serves: version "
            f"{short_version(history.serving)} serves as before it. Correct the cause and deploy "
            "again, or name a release with --to."
        )
    good = history.last_good(history.serving)
    if good is None:
        raise GateClosed(
            f"There is no earlier release that isn't known to be bad: version "
            f"{short_version(history.serving)} is the first, or all others have failed. "
            "Name one with --to."
        )
    known = "verified" if good.result == "verified" else "deployed, and not known to be bad"
    return Target(good.release, _way(good, history, active), f"the last that was {known}")


def _begun(
    history: ReleaseHistory, active: ActiveDeployment, pin: Pin | None, *, by_rollback: bool
) -> Target | None:
    """Return what an earlier rollback went back to, wherever that one was cut off."""
    held = history.of_version(pin.version) if pin is not None else None
    if pin is not None and held is not None and _holds_against(pin, history.newest):
        reason = "an earlier rollback pinned it; name an older one to go further back"
        return Target(held.release, _way(held, history, active), reason)
    serves = history.serving == history.newest.version_id
    if history.taken_back is not None and serves and (by_rollback or history.is_unfinished):
        reason = "a rollback to its code was cut off before the pin was set"
        return Target(history.newest, "pin", reason, history.taken_back)
    return None


def _holds_against(pin: Pin, release: Release) -> bool:
    return pin.holds_against(
        bundle_sha256=release.bundle_sha256, assets_sha256=release.assets_sha256
    )


def _way(known: KnownRelease, history: ReleaseHistory, active: ActiveDeployment) -> Way:
    alone = {known.release.version_id: 100.0}
    # What comes after the entry may not be done: only an update does it, and sets the outputs.
    if history.shares != alone or history.is_unfinished:
        return "pin"
    return "nothing" if active.shares == alone else "deploy again"

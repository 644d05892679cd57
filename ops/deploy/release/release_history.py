"""Pulumi's history and the stack's own list of releases, read together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ops.deploy.release.records import ReleaseRecord
from ops.deploy.release.release import Release
from ops.stacks.driver import HistoryEntry
from ops.stacks.errors import StackFailed, UsageError

_MIN_BEGINNING = 7
"""Characters of a version id or a commit that name one, as git abbreviates them."""
CLOCK_TOLERANCE = 300.0
"""Seconds by which the clocks of the state backend and of who deployed may differ."""


@dataclass(frozen=True)
class KnownRelease:
    """A release with the update that deployed it and what was found out about it.

    Attributes:
        release: its first entry in the stack's list.
        update: the entry of Pulumi's history; ``None`` where the history is shorter than the list.
        record: ``None`` where nothing is known.
        is_listed: whether the stack lists it; else the account alone keeps its version, and it is
            gone back to only where it is named.
    """

    release: Release
    update: HistoryEntry | None
    record: ReleaseRecord | None
    is_listed: bool = True

    @property
    def result(self) -> str:
        """``verified``, ``failed``, ``rolled back``, or ``deployed`` where nobody verified it."""
        return self.record.result if self.record else "deployed"


class ReleaseHistory:
    """The releases of one stack, the newest first, each version once.

    Args:
        outputs: the stack's outputs.
        updates: Pulumi's history, in any order.
        records: what is known of the versions.
        older: versions of the account that are older than the list, the newest first.
        is_unfinished: whether the newest entry's update ended before all that comes after it.
    """

    def __init__(
        self,
        outputs: Mapping[str, Any],
        updates: Sequence[HistoryEntry],
        records: Mapping[str, ReleaseRecord],
        older: Sequence[Release] = (),
        *,
        is_unfinished: bool = False,
    ) -> None:
        entries = outputs.get("releases")
        if not isinstance(entries, list) or not entries:
            raise StackFailed(
                "The stack lists no releases: it isn't deployed, or was last deployed by a program "
                "that kept no list. Run 'notifyctl up' once; from then on it lists them."
            )
        self.entries = [Release.of_entry(entry) for entry in entries]
        self._updates = updates
        self.is_unfinished = is_unfinished
        self.serving = str(outputs.get("serving_version_id") or outputs["version_id"])
        self.shares = dict(self.entries[0].serving)
        # A version keeps the place of its newest entry, and is told by its first one: that is the
        # update that deployed it, and a later one may have been run without naming a commit.
        first: dict[str, Release] = {}
        for release in self.entries:
            first[release.version_id] = release
        self.releases = [
            KnownRelease(release, _update_of(release, updates), records.get(release.version_id))
            for release in first.values()
        ]
        self.releases += [
            KnownRelease(release, None, records.get(release.version_id), is_listed=False)
            for release in older
        ]

    @property
    def newest(self) -> Release:
        """What was deployed last, whether or not it serves."""
        return self.releases[0].release

    @property
    def taken_back(self) -> Release | None:
        """The release before the newest one, where the newest has the code of an older one.

        A rollback that gives old code a version of its own leaves it so until its pin is set.
        """
        newest, *older = (known.release for known in self.releases if known.is_listed)
        if not older or _code(older[0]) == _code(newest):
            return None
        return older[0] if any(_code(one) == _code(newest) for one in older[1:]) else None

    def is_newest_of(self, update: HistoryEntry) -> bool:
        """Whether the newest entry was made by that update, which then moved the traffic."""
        found = _update_of(self.entries[0], self._updates)
        return found is not None and found.version == update.version

    def find(self, name: str) -> KnownRelease | None:
        """Return the release of that version id, its beginning, that commit, or update number.

        Of several releases of one commit it is the newest.

        Raises:
            UsageError: two releases have that number, or versions that begin so.
        """
        numbered = [
            one
            for one in self.releases
            if one.update is not None and str(one.update.version) == name
        ]
        if numbered or len(name) < _MIN_BEGINNING:
            return _only(numbered, name)
        by_id = [one for one in self.releases if one.release.version_id.startswith(name)]
        by_commit = [one for one in self.releases if one.release.commit.startswith(name)]
        commits = {one.release.commit for one in by_commit}
        return _only(by_id or by_commit[: max(len(commits), 1)], name)

    def of_version(self, version_id: str) -> KnownRelease | None:
        """Return the release of exactly that version."""
        return next((k for k in self.releases if k.release.version_id == version_id), None)

    def before(self, version_id: str) -> list[KnownRelease]:
        """Return the releases that are older than that version's, the newest first.

        All of them where the version is no release: somebody deployed it by hand.
        """
        ids = [known.release.version_id for known in self.releases]
        return self.releases[ids.index(version_id) + 1 :] if version_id in ids else self.releases

    def last_good(self, than: str) -> KnownRelease | None:
        """Return the newest verified release before ``than``.

        Where none was verified it is the newest of which nothing bad is known.
        """
        usable = [
            k for k in self.before(than) if k.is_listed and not (k.record and k.record.is_bad)
        ]
        verified = [k for k in usable if k.record is not None and k.record.result == "verified"]
        return next(iter([*verified, *usable]), None)


def _code(release: Release) -> tuple[str, str]:
    return release.bundle_sha256, release.assets_sha256


def _only(found: Sequence[KnownRelease], name: str) -> KnownRelease | None:
    if len(found) > 1:
        listed = ", ".join(f"{one.release.version_id} ({one.release.at[:19]})" for one in found)
        raise UsageError(
            f"'{name}' names {len(found)} releases: {listed}. Name one by its version id."
        )
    return next(iter(found), None)


def _update_of(release: Release, updates: Sequence[HistoryEntry]) -> HistoryEntry | None:
    """Return the update in whose time the release was listed, else the nearest one.

    The history's times are whole seconds, and Pulumi Cloud's are by its own clock.
    """
    try:
        moment = datetime.fromisoformat(release.at).timestamp()
    except ValueError:
        return None

    def distance(update: HistoryEntry) -> float:
        return max(update.started - moment, moment - (update.ended + 1), 0.0)

    candidates = [update for update in updates if update.kind == "update"]
    nearest = min(candidates, key=distance, default=None)
    return nearest if nearest is not None and distance(nearest) <= CLOCK_TOLERANCE else None

"""One release, as a stack's list of releases has it."""

from __future__ import annotations

from ops.deploy.release.release import Release

BARE = {"version_id": "v", "bundle_sha256": "b", "schema_level": 3}
ENTRY = {
    **BARE,
    "version_id": "18f97339-c287-4872-9bdd-e2135c07ec12",
    "secret_fingerprints": {"a": "2", "b": "2", "c": "2", "d": "2"},
    "serving": [{"version_id": "v", "percentage": 12}],
    "settings": {"logLevel": "info"},
}


def test_secrets_that_are_others_or_came_or_went_are_named_in_order() -> None:
    release = Release.of_entry(ENTRY)
    assert release.rotated_since({"a": "1", "b": "2", "c": "3", "e": "2"}) == ["a", "c", "d", "e"]
    assert release.rotated_since(release.fingerprints) == []


def test_a_release_is_called_by_the_beginning_of_its_version() -> None:
    release = Release.of_entry(ENTRY)
    assert release.short == "18f97339"
    assert release.serving == {"v": 12.0}
    assert release.settings == {"logLevel": "info"}


def test_an_entry_of_an_earlier_program_tells_less() -> None:
    release = Release.of_entry(BARE)
    assert (release.code_level, release.schema_level) == (3, 3)
    assert Release.of_entry({**BARE, "code_level": 2}).code_level == 2
    assert (release.at, release.commit, release.assets_sha256) == ("", "", "")
    assert (release.fingerprints, release.serving, release.settings) == ({}, {}, None)

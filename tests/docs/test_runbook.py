"""The runbook has a section for each disturbance, and each section has all of its parts."""

from __future__ import annotations

import pytest

from tests.docs.document import ROOT, Document

RUNBOOK = Document(ROOT / "docs" / "runbook.md")
PARTS = (*("You notice", "First command", "Decide", "Commands", "It is over when", "Afterwards"),)
INCIDENTS = (
    *("Unreachable", "Errors", "Slow", "Data is wrong", "Bad deployment", "Failed migration"),
    *("Lost binding", "Wrong secret", "Drift", "Leaked key", "Restore", "Stuck queue"),
    *("One user", "One channel", "Cron stopped", "Database refuses"),
)


def section(heading: str) -> str:
    """Return a section's prose."""
    lines = RUNBOOK.prose
    start = lines.index(f"## {heading}") + 1
    after = [at for at in range(start, len(lines)) if lines[at].startswith("## ")]
    return "\n".join(lines[start : after[0] if after else None])


@pytest.mark.requirement("S0-110", "S0-111")
@pytest.mark.parametrize("incident", INCIDENTS)
def test_a_disturbance_has_its_section_from_notice_to_what_comes_afterwards(incident: str) -> None:
    text = section(incident)
    places = [text.find(f"**{part}") for part in PARTS]
    assert -1 not in places, f"lacks {[p for p, at in zip(PARTS, places, strict=True) if at < 0]}"
    assert places == sorted(places)


def test_the_first_table_leads_to_every_section() -> None:
    listed = {link.removeprefix("#") for link in RUNBOOK.links() if link.startswith("#")}
    assert {incident.lower().replace(" ", "-") for incident in INCIDENTS} <= listed


@pytest.mark.requirement("S0-81", "S0-117", "S4-01")
def test_both_speeds_of_going_back_are_told_with_their_commands() -> None:
    told = section("Two speeds of going back")
    commands = "".join(fence.text for fence in RUNBOOK.fences)
    for command in (
        *("notifyctl rollback --stack production", "git revert HEAD", "git push origin main"),
        "git push --force-with-lease origin main",
    ):
        assert command in commands
    assert "git revert COMMIT" in told


@pytest.mark.requirement("S0-30")
def test_keys_are_backed_up_in_a_password_manager_and_nowhere_else() -> None:
    text = section("Leaked key")
    assert "password manager" in text
    for name in ("encryptKey", "PULUMI_CONFIG_PASSPHRASE", "NOTIFYCTL_BACKUP_PASSPHRASE"):
        assert name in text


@pytest.mark.requirement("S0-113", "S0-48")
def test_a_deployment_by_hand_is_called_the_exception() -> None:
    text = "\n".join(Document(ROOT / "docs" / "pipelines.md").prose)
    assert "Changes normally reach production through the workflows" in text
    assert "Only for when GitHub is down." in text

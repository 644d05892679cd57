"""The documents show the console as it is."""

from pathlib import Path

import pytest

from tests.docs.console_pictures import MAKE_AGAIN, RECORD, sources_sha256


def test_the_pictures_were_made_from_todays_sources() -> None:
    assert RECORD.read_text(encoding="ascii").strip() == sources_sha256(), MAKE_AGAIN


@pytest.mark.parametrize("name", ["src/app.tsx", "src/console.css", "public/icon.svg"])
def test_a_change_of_what_is_seen_makes_them_old(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.write_text("a")
    (tmp_path / "vite.config.mjs").write_text("a")
    before = sources_sha256(tmp_path)
    (tmp_path / "vite.config.mjs").write_text("b")
    assert sources_sha256(tmp_path) == before
    file.write_text("b")
    assert sources_sha256(tmp_path) != before

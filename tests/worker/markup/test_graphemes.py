"""Where a text may be cut, at the edges of every class of characters (UAX 29)."""

from __future__ import annotations

import unicodedata

import pytest

from notification.markup.graphemes import boundary

HANGUL = (
    *(0x10FF, 0x1100, 0x115F, 0x1160, 0x11A7, 0x11A8, 0x11FF, 0x1200),
    *(0xABFF, 0xAC00, 0xAC01, 0xAC1B, 0xAC1C, 0xAC1D, 0xD7A3, 0xD7A4),
)
JOINER = "\u200d"


def cuts(before: str, after: str) -> bool:
    """Say whether a text may be cut between two pieces."""
    return boundary(f"x{before}{after}x", 1 + len(before)) == 1 + len(before)


def extends(character: str) -> bool:
    """Say whether a mark stays with whatever stands before it."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me")


def hangul_class(code: int) -> str:
    """L, V, T, LV or LVT, by the character's name; empty for every other one."""
    name = unicodedata.name(chr(code), "")
    for prefix, kind in (("CHOSEONG", "L"), ("JUNGSEONG", "V"), ("JONGSEONG", "T")):
        if name.startswith(f"HANGUL {prefix}"):
            return kind
    if not name.startswith("HANGUL SYLLABLE"):
        return ""
    return "LV" if len(unicodedata.normalize("NFD", chr(code))) == 2 else "LVT"


@pytest.mark.requirement("C-0.33")
@pytest.mark.parametrize("before", HANGUL, ids=hex)
def test_hangul_is_cut_between_syllables_alone(before: int) -> None:
    kept = {
        "L": {"L", "V", "LV", "LVT"},
        "V": {"V", "T"},
        "LV": {"V", "T"},
        "T": {"T"},
        "LVT": {"T"},
        "": set(),
    }
    for after in HANGUL:
        one_syllable = hangul_class(after) in kept[hangul_class(before)]
        stay = one_syllable or extends(chr(after))
        assert cuts(chr(before), chr(after)) is not stay, hex(after)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (0x200C, 0x200D),
        (0xFE00, 0xFE0F),
        (0x1F3FB, 0x1F3FF),
        (0xE0020, 0xE007F),
    ],
    ids=hex,
)
def test_what_extends_a_character_stays_with_it(first: int, last: int) -> None:
    for code in (first, last):
        assert not cuts("a", chr(code))
    for code in (first - 1, last + 1):
        assert cuts("a", chr(code)) is not extends(chr(code))


@pytest.mark.parametrize(
    ("first", "last"), [(0x1F000, 0x1FAFF), (0x2190, 0x2BFF), (0x3030, 0x3299)], ids=hex
)
def test_a_joiner_joins_pictographs_alone(first: int, last: int) -> None:
    for code in (first, last):
        assert not cuts(f"👩{JOINER}", chr(code))
    for code in (first - 1, last + 1):
        assert cuts(f"👩{JOINER}", chr(code)) is not extends(chr(code))
    assert cuts(f"👩{JOINER}", "a")


def test_two_letters_of_a_flag_stay_together() -> None:
    first, last = "\U0001f1e6", "\U0001f1ff"
    assert not cuts(first, last)
    assert cuts(first + last, first)
    assert cuts("\U0001f1e5", first)
    assert cuts(first, "\U0001f200")
    assert cuts("a", first)


def test_a_line_end_of_two_characters_is_one() -> None:
    assert not cuts("\r", "\n")
    for before, after in (("\n", "\r"), ("\r", "a"), ("a", "\n"), ("ü", "\n"), ("\r", "ü")):
        assert cuts(before, after)


@pytest.mark.parametrize(("place", "found"), [(-1, 0), (0, 0), (2, 2), (3, 3), (4, 3)])
def test_the_ends_of_a_text_are_boundaries(place: int, found: int) -> None:
    assert boundary("aüb", place) == found


def test_a_cluster_longer_than_64_is_cut_like_any_text_but_not_from_its_start() -> None:
    marks = "\u0301" * 200
    assert boundary(f"a{marks}", 63) == 0
    assert boundary(f"a{marks}", 64) == 0
    assert boundary(f"a{marks}", 65) == 65
    assert boundary(f"ab{marks}", 64) == 1
    assert boundary(f"ab{marks}", 65) == 65

"""Where a text may be cut: between the characters that a person sees (grapheme clusters).

Source: Unicode Standard Annex 29, "Grapheme Cluster Boundaries". The rules are complete for what
chats carry: combining marks, emoji with their modifiers, flags and joined sequences, and Hangul.
Prepended marks and Indic conjuncts are judged by their marks alone.
"""

_FURTHEST = 64
"""Code points that are looked back over; a longer cluster is cut like any text."""
_JOINER = 0x200D


def boundary(text: str, place: int) -> int:
    """Return the last place at or before `place` that cuts no grapheme cluster."""
    if not 0 < place < len(text):
        return min(max(place, 0), len(text))
    if text[place - 1 : place + 1].isascii() and text[place - 1 : place + 1] != "\r\n":
        return place
    earliest = max(place - _FURTHEST, 0)
    for candidate in range(place, earliest, -1):
        if _may_cut(text, candidate):
            return candidate
    return place if earliest else 0


def _may_cut(text: str, place: int) -> bool:
    before, after = ord(text[place - 1]), ord(text[place])
    if before == 0x0D and after == 0x0A:
        return False
    if after < 0x80:
        return True
    if _extends(text[place]):
        return False
    if before == _JOINER:
        return not _is_pictograph(after)
    if _is_flag_letter(before) and _is_flag_letter(after):
        letters = 0
        while letters < _FURTHEST and place > letters:
            if not _is_flag_letter(ord(text[place - letters - 1])):
                break
            letters += 1
        return letters % 2 == 0
    return not _is_hangul_pair(before, after)


def _extends(character: str) -> bool:
    code = ord(character)
    if code == _JOINER or 0xFE00 <= code <= 0xFE0F or 0x1F3FB <= code <= 0x1F3FF:
        return True
    if 0xE0020 <= code <= 0xE007F or code == 0x200C:
        return True
    # Few texts are cut beside such a character, and the module is slow to load.
    from unicodedata import category

    return category(character) in ("Mn", "Me", "Mc")


def _is_flag_letter(code: int) -> bool:
    return 0x1F1E6 <= code <= 0x1F1FF


def _is_pictograph(code: int) -> bool:
    return 0x1F000 <= code <= 0x1FAFF or 0x2190 <= code <= 0x2BFF or 0x3030 <= code <= 0x3299


def _is_hangul_pair(before: int, after: int) -> bool:
    leading = 0x1100 <= before <= 0x115F
    vowel_before = 0x1160 <= before <= 0x11A7
    trailing_before = 0x11A8 <= before <= 0x11FF
    syllable_before = 0xAC00 <= before <= 0xD7A3
    if 0x1160 <= after <= 0x11A7:
        open_syllable = syllable_before and (before - 0xAC00) % 28 == 0
        return leading or vowel_before or open_syllable
    if 0x11A8 <= after <= 0x11FF:
        return vowel_before or trailing_before or syllable_before
    if 0x1100 <= after <= 0x115F or 0xAC00 <= after <= 0xD7A3:
        return leading
    return False

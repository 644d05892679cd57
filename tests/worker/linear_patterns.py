"""Proves of a regular expression that its work grows in step with the length of the text.

A backtracking matcher takes more than linear time for three reasons, and each has a rule here that
is stricter than need be:

1. A repetition can end in several places, and another one behind or around it can, too. So what may
   follow an unbounded repetition must begin with a character that the repetition can't begin with,
   unless the repetition is possessive, or nothing unbounded comes behind it.
2. The branches of an alternation inside an unbounded repetition, or what such a repetition repeats
   or leaves out, begin with the same character.
3. A search begins anew at each place. So a match that has entered an unbounded repetition must not
   be able to fail afterwards, unless no search could begin inside of what the repetition reads.

The parse tree is the standard library's own (`re._parser`).
"""

from __future__ import annotations

import re
import re._constants as op  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Iterator
from typing import Any

MAX_BOUND = 4_096
"""A repetition of at most so many characters is bounded."""
_SAMPLES = "".join(map(chr, range(128))) + "\xa0\xe9\u2028\u4e2d\ud800\ufeff\U0001f600"
_END = ""
"""Stands for the end of the text among first characters."""


class Superlinear(Exception):
    """The pattern can't be proven linear; the message tells why."""


def prove_linear(pattern: str, flags: int = 0, *, searches: bool) -> None:
    """Prove that a match, or with `searches` a search, is linear.

    Raises:
        Superlinear: there is no proof.
    """
    tree = parser.parse(pattern, flags)
    samples = frozenset(_SAMPLES) | _literals(tree)
    proof = _Proof(tree.state.flags, samples)
    items = list(tree)
    whole = {"looped": False, "can_fail": False, "unbounded": False}
    branches = items[0][1][1] if len(items) == 1 and items[0][0] is op.BRANCH else [items]
    # A branch reads again what it has read only where it begins anew.
    for branch in branches:
        starts = proof.starts(list(branch)) if searches else frozenset()
        proof.sequence(branch, frozenset({_END}), starts, **whole)


def _literals(tree: Any) -> frozenset[str]:
    """Return every character that a tree names, and its neighbours."""
    found: set[str] = set()
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, int) and 0 <= node < 0x110000:
            found |= {chr(c) for c in (node - 1, node, node + 1) if 0 <= c < 0x110000}
        elif isinstance(node, tuple | list | parser.SubPattern):
            todo += list(node)
    return frozenset(found)


_REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


class _Proof:
    def __init__(self, flags: int, samples: frozenset[str]) -> None:
        self._flags = flags
        self._samples = samples

    def _set(self, kind: Any, argument: Any) -> frozenset[str]:
        """Return the sample characters that a node of one character matches."""
        single = parser.SubPattern(parser.State())
        single.state.flags = self._flags
        single.append((kind, argument))
        from re import _compiler  # type: ignore[attr-defined]

        compiled = _compiler.compile(single, self._flags & ~parser.SRE_FLAG_VERBOSE)
        return frozenset(c for c in self._samples if compiled.match(c))

    def first(self, items: Any, after: frozenset[str]) -> frozenset[str]:
        """Return the characters with which a sequence, and then `after`, can begin."""
        result: frozenset[str] = frozenset()
        for kind, argument in items:
            begins, nullable = self._begins(kind, argument)
            result |= begins
            if not nullable:
                return result
        return result | after

    def starts(self, items: Any) -> frozenset[str]:
        """Return the characters at which a search for a sequence begins anew."""
        while items and items[0][0] is op.SUBPATTERN:
            self._flags |= items[0][1][1]
            items = list(items[0][1][3]) + items[1:]
        if items and items[0] == (op.AT, op.AT_BEGINNING_STRING):
            return frozenset()
        if items and items[0] == (op.AT, op.AT_BEGINNING):
            return frozenset("\n" if self._flags & parser.SRE_FLAG_MULTILINE else "")
        return self.first(items, frozenset())

    def _begins(self, kind: Any, argument: Any) -> tuple[frozenset[str], bool]:
        if kind in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY, op.CATEGORY):
            return self._set(kind, argument), False
        if kind in (op.AT, op.ASSERT, op.ASSERT_NOT):
            return frozenset(), True
        if kind is op.BRANCH:
            parts = [self._begins_all(branch) for branch in argument[1]]
            return frozenset().union(*(p for p, _ in parts)), any(n for _, n in parts)
        if kind is op.SUBPATTERN:
            return self._begins_all(argument[3])
        if kind is op.ATOMIC_GROUP:
            return self._begins_all(argument)
        if kind in _REPEATS:
            begins, nullable = self._begins_all(argument[2])
            return begins, nullable or argument[0] == 0
        raise Superlinear(f"{kind} is not understood")

    def _begins_all(self, items: Any) -> tuple[frozenset[str], bool]:
        begins = self.first(items, frozenset({_END}))
        return begins - {_END}, _END in begins

    def sequence(
        self,
        items: Any,
        after: frozenset[str],
        starts: frozenset[str],
        *,
        looped: bool,
        can_fail: bool,
        unbounded: bool,
    ) -> None:
        """Check a sequence.

        Args:
            items: its nodes.
            after: the characters that may follow it.
            starts: those at which a search begins anew; empty for a match.
            looped: whether it stands in an unbounded repetition.
            can_fail: whether something behind it may not match.
            unbounded: whether an unbounded repetition stands behind it.
        """
        items = list(items)
        for place, (kind, argument) in enumerate(items):
            rest = items[place + 1 :]
            follows = self.first(rest, after)
            fails = can_fail or any(not self._begins(*node)[1] for node in rest)
            fails = fails or any(k in (op.AT, op.ASSERT, op.ASSERT_NOT) for k, _ in rest)
            later = unbounded or any(self._is_unbounded(*node) for node in rest)
            self._node(kind, argument, follows, starts, looped, fails, later)

    def _is_unbounded(self, kind: Any, argument: Any) -> bool:
        if kind in _REPEATS:
            bound = argument[1]
            return bound is op.MAXREPEAT or bound > MAX_BOUND or self._any(argument[2])
        if kind is op.SUBPATTERN:
            return self._any(argument[3])
        if kind is op.ATOMIC_GROUP:
            return self._any(argument)
        if kind is op.BRANCH:
            return any(self._any(branch) for branch in argument[1])
        return False

    def _any(self, items: Any) -> bool:
        return any(self._is_unbounded(*node) for node in items)

    def _node(
        self,
        kind: Any,
        argument: Any,
        follows: frozenset[str],
        starts: frozenset[str],
        looped: bool,
        can_fail: bool,
        unbounded: bool,
    ) -> None:
        inside = {"looped": looped, "can_fail": can_fail, "unbounded": unbounded}
        if kind is op.SUBPATTERN:
            self.sequence(argument[3], follows, starts, **inside)
        elif kind is op.ATOMIC_GROUP:
            self.sequence(argument, follows, starts, **inside)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            if self._any(argument[1]):
                raise Superlinear("an unbounded look-around")
        elif kind is op.BRANCH:
            if looped:
                self._refuse_alike(argument[1], follows)
            for branch in argument[1]:
                self.sequence(branch, follows, starts, **inside)
        elif kind in _REPEATS:
            self._repeat(kind, argument, follows, starts, **inside)

    def _refuse_alike(self, branches: Any, follows: frozenset[str]) -> None:
        seen: frozenset[str] = frozenset()
        for branch in branches:
            begins = self.first(branch, follows)
            if begins & seen:
                raise Superlinear(f"looped branches begin alike: {sorted(begins & seen)[:3]}")
            seen |= begins

    def _repeat(
        self,
        kind: Any,
        argument: Any,
        follows: frozenset[str],
        starts: frozenset[str],
        *,
        looped: bool,
        can_fail: bool,
        unbounded: bool,
    ) -> None:
        least, bound, body = argument
        begins, _ = self._begins_all(body)
        if looped and least != bound and kind is not op.POSSESSIVE_REPEAT and begins & follows:
            shared = sorted(begins & follows)[:3]
            raise Superlinear(f"a looped repetition can end in several places: {shared}")
        if bound is not op.MAXREPEAT and bound == 1:
            self.sequence(
                body, follows, starts, looped=looped, can_fail=can_fail, unbounded=unbounded
            )
            return
        if bound is not op.MAXREPEAT and bound <= MAX_BOUND and not self._any(body):
            self.sequence(
                body,
                begins | follows,
                frozenset(),
                looped=looped,
                can_fail=can_fail,
                unbounded=unbounded,
            )
            return
        possessive = kind is op.POSSESSIVE_REPEAT
        if not possessive and begins & follows and unbounded:
            shared = sorted(begins & follows)[:3]
            raise Superlinear(f"a repetition can end in several places: {shared}")
        if starts and can_fail and self._reads(body) & starts:
            shared = sorted(self._reads(body) & starts)[:3]
            raise Superlinear(f"a search may begin inside a repetition that fails: {shared}")
        self.sequence(
            body,
            begins | follows,
            starts,
            looped=True,
            can_fail=can_fail,
            unbounded=True,
        )

    def _reads(self, items: Any) -> frozenset[str]:
        """Return every character that a sequence can match somewhere."""
        result: frozenset[str] = frozenset()
        for kind, argument in items:
            if kind in (op.LITERAL, op.NOT_LITERAL, op.IN, op.ANY, op.CATEGORY):
                result |= self._set(kind, argument)
            elif kind is op.SUBPATTERN:
                result |= self._reads(argument[3])
            elif kind is op.ATOMIC_GROUP:
                result |= self._reads(argument)
            elif kind is op.BRANCH:
                for branch in argument[1]:
                    result |= self._reads(branch)
            elif kind in _REPEATS:
                result |= self._reads(argument[2])
        return result


class Reach:
    """Tells how far a match that fails has read: as far as some beginning of the pattern matches.

    The end of a repetition of groups that breaks off in the middle isn't seen.
    """

    def __init__(self, pattern: re.Pattern[str]) -> None:
        tree = parser.parse(pattern.pattern, pattern.flags)
        self._beginnings = [_compiled(items, tree) for items in _beginnings(list(tree))]

    def of(self, text: str, at: int) -> int:
        """Return the place up to which a match that began at `at` has read."""
        found = [beginning.match(text, at) for beginning in self._beginnings]
        return max((match.end() for match in found if match is not None), default=at)


def _beginnings(items: Any) -> Iterator[list[Any]]:
    before: list[Any] = []
    for kind, argument in items:
        inside: list[Any] = []
        if kind is op.SUBPATTERN:
            inside = [argument[3]]
        elif kind is op.ATOMIC_GROUP:
            inside = [argument]
        elif kind is op.BRANCH:
            inside = argument[1]
        for one in inside:
            for beginning in _beginnings(list(one)):
                yield before + beginning
        before = [*before, (kind, argument)]
        yield before


def _compiled(items: list[Any], tree: Any) -> re.Pattern[str]:
    from re import _compiler  # type: ignore[attr-defined]

    part = parser.SubPattern(tree.state, items)
    compiled: re.Pattern[str] = _compiler.compile(part, tree.state.flags & ~parser.SRE_FLAG_VERBOSE)
    return compiled

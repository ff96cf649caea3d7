"""Which states of a point are abnormal, by its own words. Pure.

Contacts are wired both ways and vendors name states as they like: a state text that says
"normal" makes the other one the abnormal state, whichever is active.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from points.model import Kind, Point

NORMAL_WORDS = frozenset({"normal", "ok", "okay", "healthy", "no alarm", "no fault", "clear", "good", "none"})
ALARM_WORDS = frozenset({"alarm", "fault", "trip", "tripped", "trouble", "fail", "failed", "failure", "low", "high"})
_SEPARATORS = re.compile(r"[^a-z0-9]+")


def words(text: str) -> str:
    """Lower case, one space between words: "Not-In_Auto" becomes "not in auto"."""
    cut = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return _SEPARATORS.sub(" ", cut.lower()).strip()


def states_named(point: Point, state_words: Iterable[str]) -> frozenset[int]:
    """The states whose text is one of the words."""
    wanted = set(state_words)
    first = 0 if point.kind is Kind.BINARY else 1
    return frozenset(number for number, text in enumerate(point.states, first) if words(text) in wanted)


def active_if_named(point: Point, name_words: Iterable[str]) -> frozenset[int]:
    """The active state of a binary point whose name or description has one of the words in it."""
    if point.kind is not Kind.BINARY:
        return frozenset()
    return frozenset({1}) if is_named(point, name_words) else frozenset()


def is_named(point: Point, name_words: Iterable[str]) -> bool:
    """Whether the point's name or description has one of the words in it."""
    name = f" {words(point.name)} {words(point.description)} "
    return any(f" {word} " in name for word in name_words)


def says_alarm(point: Point) -> bool:
    """Whether the states are a normal one and an alarm, whatever the point was taken for."""
    return bool(states_named(point, NORMAL_WORDS) and states_named(point, ALARM_WORDS))


def alarm_states(point: Point) -> frozenset[int]:
    """The states of an alarm point that are not normal: all but those that say so; without words, the active one."""
    first = 0 if point.kind is Kind.BINARY else 1
    normal = states_named(point, NORMAL_WORDS)
    if normal:
        return frozenset(range(first, first + len(point.states))) - normal
    if point.kind is Kind.BINARY:
        return frozenset({1})
    return frozenset()  # a multi-state alarm without a normal state: nobody can say which ones are

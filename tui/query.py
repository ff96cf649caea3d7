"""What is typed after `/`: words that are AND, and filter words.

`or-3 temp` both · `-vav` without · `"exact"` anywhere · `q:old|bad|unknown|ok` · `by:mchen` ·
`slot:8` · `dev:1202` · `class:dp` · `space:or-3` · `group:icu` · `flag:a|f|o|x` · `val>24` · `age>5m`
A word matches at the start of a word: `or-2` finds or-2 and or-21, never refrigerator-2. What cannot
be understood is a word: typing is never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from facility.wire import PointInfo, ValueInfo
from tui import text

HELP = (
    ("or-3 temp", "both words"),
    ("-vav", "without"),
    ('"exact"', "anywhere, as typed"),
    ("q:old q:bad", "quality; also q:unknown q:out"),
    ("by:mchen", "who holds it"),
    ("slot:8", "slot of our claim"),
    ("dev:1202", "device"),
    ("class:dp", "kind of point"),
    ("space:or-3", "room; also group:"),
    ("flag:o", "a f o x: status flags"),
    ("val>24", "value; also <"),
    ("age>5m", "age; s m h d"),
)
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_COMPARED = re.compile(r"(val|age)([<>])(-?\d+(?:\.\d+)?)([smhd]?)")
_SEPARATORS = re.compile(r"[\W_]+")
_TYPED = re.compile(r'(?:[^\s"]|"[^"]*"?)+')  # an open quote is still being typed
_FIELD = re.compile(r"(q|by|slot|dev|class|space|group|flag):(.+)")


@dataclass(frozen=True, slots=True)
class Row:
    """A point as the filter sees it: in lower case, prepared once per catalog."""

    info: PointInfo
    hay: str  # as it is written
    tokens: str  # a blank before and after every token


@dataclass(frozen=True, slots=True)
class Moment:
    """What changes: readings, time, and which spaces belong to which group."""

    values: dict[str, ValueInfo]
    now: datetime
    groups: dict[str, str]
    live: bool


Test = Callable[[Row, Moment], bool]


@dataclass(frozen=True, slots=True)
class Query:
    """What was typed, understood."""

    typed: str
    words: tuple[str, ...]  # as they stand in `Row.tokens`
    exact: tuple[str, ...]
    tests: tuple[Test, ...]

    def sift(self, rows: list[Row], moment: Moment) -> list[Row]:
        """The rows it finds, in their order. Words alone are looked up first: they are cheap."""
        for word in self.words:
            rows = [row for row in rows if word in row.tokens]
        for word in self.exact:
            rows = [row for row in rows if word in row.hay]
        return [row for row in rows if all(test(row, moment) for test in self.tests)] if self.tests else rows

    def narrows(self, wider: Query) -> bool:
        """Whether everything this finds is among what `wider` found."""
        return not self.tests and not wider.tests and self.typed.startswith(wider.typed)


def row(info: PointInfo) -> Row:
    parts = (info.id, info.name, info.description, info.space_name, info.equipment, info.device, info.point_class)
    hay = "\n".join(parts).lower()
    return Row(info, hay, "\n".join(f" {_SEPARATORS.sub(' ', part).strip(' ')} " for part in hay.split("\n")))


def slug(name: str) -> str:
    """A name as one filter word: `Operating & procedure` -> `operating-procedure`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def parse(typed: str) -> Query:
    words: list[str] = []
    exact: list[str] = []
    tests: list[Test] = []
    for token in _TYPED.findall(typed.lower()):
        without = len(token) > 1 and token.startswith("-")
        token = token.removeprefix("-") if without else token  # noqa: PLW2901
        literal, said = token.startswith('"'), token.replace('"', "")
        if not literal and (test := _test(said)) is not None:
            tests.append(_negated(test) if without else test)
        elif word := said if literal else word_start(said):
            if without:
                tests.append(_lacks(word, literal=literal))
            else:
                (exact if literal else words).append(word)
    return Query(typed, tuple(words), tuple(exact), tuple(tests))


def word_start(word: str) -> str:
    """A word as it stands in `Row.tokens` where it begins there; empty where it has neither letter nor digit."""
    start = _SEPARATORS.sub(" ", word).lstrip(" ")
    return f" {start}" if start else ""


def at_word_starts(words: Iterable[str]) -> Callable[[str], bool]:
    """Whether every word begins where a word of a name does. For few words and names that were not prepared."""
    patterns = [re.compile(rf"(?:^|[\W_]){re.escape(word)}") for word in words]
    return lambda name: all(pattern.search(name) for pattern in patterns)


def _lacks(word: str, *, literal: bool) -> Test:
    if literal:
        return lambda row, _: word not in row.hay
    return lambda row, _: word not in row.tokens


def _negated(test: Test) -> Test:
    return lambda row, moment: not test(row, moment)


def _test(token: str) -> Test | None:
    if compared := _COMPARED.fullmatch(token):
        return _comparison(compared[1], float(compared[3]) * SECONDS.get(compared[4], 1), above=compared[2] == ">")
    if named := _FIELD.fullmatch(token):
        return _field(named[1], named[2])
    return None


def _comparison(what: str, limit: float, *, above: bool) -> Test:
    def test(row: Row, moment: Moment) -> bool:
        reading = moment.values.get(row.info.id)
        if reading is None:
            return False
        if what == "age":
            measured = (moment.now - reading.time).total_seconds()
        elif isinstance(reading.value, str) or not text.known(reading):
            return False
        else:
            measured = float(reading.value or 0)
        return measured > limit if above else measured < limit

    return test


def _field(name: str, wanted: str) -> Test:
    match name:
        case "q":
            choices = wanted.split("|")
            return lambda row, moment: any(_quality(c, moment.values.get(row.info.id), moment) for c in choices)
        case "by":
            return lambda row, moment: wanted in _held(row, moment).partition(" ")[2].lower()
        case "slot":
            return lambda row, moment: _held(row, moment).partition(" ")[0] == wanted
        case "dev":
            return lambda row, _: wanted in row.info.device.lower()
        case "class":
            return lambda row, _: wanted in row.info.point_class.lower()
        case "space":
            return lambda row, _: wanted in (row.info.space.lower(), row.info.space_name.lower())
        case "group":
            return lambda row, moment: wanted in moment.groups.get(row.info.space, "")
        case _:
            bits = _flag_bits(wanted)
            return lambda row, moment: bool(bits & getattr(moment.values.get(row.info.id), "flags", 0))


def _held(row: Row, moment: Moment) -> str:
    reading = moment.values.get(row.info.id)
    return reading.held if reading else ""


def _flag_bits(letters: str) -> int:
    return sum(1 << i for i, letter in enumerate(text.FLAG_LETTERS.lower()) if letter in letters)


def _quality(word: str, reading: ValueInfo | None, moment: Moment) -> bool:
    tag = text.sign(reading, live=moment.live)
    match word:
        case "old" | "stale":
            return reading is not None and reading.quality == "stale"
        case "bad":
            return reading is not None and reading.quality == "bad"
        case "unknown" | "?":
            return tag == "?"
        case "out" | "!":
            return tag in ("!", "!!")
        case "ok" | "good":
            return reading is not None and reading.quality == "good" and moment.live
        case _:
            return False


def groups(spaces: Collection[tuple[str, str]]) -> dict[str, str]:
    """Space id -> the slug of its group."""
    return {space: slug(group) for space, group in spaces}

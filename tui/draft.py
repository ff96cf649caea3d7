"""Edits of programmes that are not saved yet, and the changes to the configuration that they mean. Pure.

A draft becomes lines of TOML that a rehearsal lays over the configuration file. Lists of plain values replace what was
there, so a weekday is written whole, and so are the exceptions of a programme of which one is edited.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from facility.wire import ScheduleInfo, WrittenException, WrittenProgramme

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
AS_USUAL = "as-usual"
FIRST_OF_ALL = 1
"""The precedence that no other can be before."""
DAY_MINUTES = 24 * 60

_CHANGE = re.compile(r"(?P<at>([01]\d|2[0-3]):[0-5]\d|sun(rise|set)([+-]\d\d:[0-5]\d)?) (?P<state>[a-z0-9-]+)")
_CLOCK = re.compile(r"\d\d:\d\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A day of a programme, every week or on one date, with other changes."""

    programme: str
    day: date
    weekly: bool
    changes: tuple[str, ...]
    name: str = ""  # of the exception

    @property
    def when(self) -> str:
        named = f"{self.day:%a} {self.day.day} {self.day:%b}"
        return f"every {self.day:%A}" if self.weekly else named

    @property
    def what(self) -> str:
        """`office, every Tuesday: 06:30 occupied`."""
        return f"{self.programme}, {self.when}: {', '.join(self.changes) or 'its default all day'}"


def parsed(typed: str, written: WrittenProgramme, *, weekly: bool) -> tuple[str, ...]:
    """The changes as they are typed, with commas between. ValueError says what is wrong, for a person."""
    changes = [" ".join(part.split()) for part in typed.split(",") if part.strip()]
    seen: set[str] = set()
    for change in changes:
        found = _CHANGE.fullmatch(change)
        if found is None:
            raise ValueError(f"“{change}” is no change: write a time and a state, 06:30 occupied or sunset-00:30 lit")
        if found["at"] in seen:
            raise ValueError(f"{found['at']} stands there twice")
        seen.add(found["at"])
        allowed = [*written.states, *(() if weekly else (AS_USUAL,))]
        if found["state"] not in allowed:
            raise ValueError(f"“{found['state']}” is no state of it; there are {', '.join(allowed)}")
    return tuple(sorted(changes))  # the clock in order, then the sun


def present(schedule: ScheduleInfo, day: date, *, weekly: bool) -> tuple[str, ...]:
    """What is in force: of the week as it is written, of a date what it comes to."""
    if schedule.written is None:
        return ()
    if weekly:
        return tuple(schedule.written.week[day.weekday()])
    own = next((each for each in schedule.written.exceptions if _is_of(each, day)), None)
    if own is not None:
        return tuple(own.changes)
    known = next((each for each in schedule.days if each.date == day.isoformat()), None)
    if known is None:
        return tuple(schedule.written.week[day.weekday()])
    blocks = [block for block in known.blocks if block.state]
    if blocks and not blocks[0].start and blocks[0].state == schedule.written.default:
        blocks = blocks[1:]
    return tuple(f"{block.start // 60:02d}:{block.start % 60:02d} {block.state}" for block in blocks)


def stretches(changes: Iterable[str], default: str) -> list[tuple[int, int, str]] | None:
    """From minute to minute, which state; None where the sun has a say."""
    begun = [(0, default)]
    for change in changes:
        at, _, state = change.partition(" ")
        if _CLOCK.fullmatch(at) is None or state == AS_USUAL:
            return None
        begun.append((int(at[:2]) * 60 + int(at[3:]), state))
    ends = [minute for minute, _ in begun[1:]] + [DAY_MINUTES]
    return [(start, end, state) for (start, state), end in zip(begun, ends, strict=True) if end > start]


class Draft:
    """All edits of one person, in the order in which they were made. `revision` grows with each."""

    def __init__(self) -> None:
        self.edits: list[Edit] = []
        self.revision = 0

    def add(self, edit: Edit) -> None:
        """A later edit of the same day takes the place of the earlier."""
        same = [each for each in self.edits if _is_same(each, edit)]
        self.edits = [each for each in self.edits if each not in same] + [edit]
        self.revision += 1

    def undo(self) -> Edit | None:
        """Takes the last one back."""
        if not self.edits:
            return None
        self.revision += 1
        return self.edits.pop()

    def clear(self) -> None:
        self.edits = []
        self.revision += 1

    def of(self, programme: str, day: date) -> Edit | None:
        """The edit that has this day; one of the date is before one of the week."""
        mine = [edit for edit in self.edits if edit.programme == programme]
        dated = [edit for edit in mine if not edit.weekly and edit.day == day]
        weekly = [edit for edit in mine if edit.weekly and edit.day.weekday() == day.weekday()]
        return next(iter([*dated, *weekly]), None)

    def lines(self, schedules: Sequence[ScheduleInfo]) -> list[str]:
        """As TOML, to be laid over the configuration."""
        lines: list[str] = []
        for schedule in schedules:
            edits = [edit for edit in self.edits if edit.programme == schedule.name]
            if edits and schedule.written is not None:
                lines += ["[[programmes]]", f"name = {_text(schedule.name)}", *_keys(edits, schedule.written)]
        return lines


def _is_same(one: Edit, other: Edit) -> bool:
    if (one.programme, one.weekly) != (other.programme, other.weekly):
        return False
    return one.day.weekday() == other.day.weekday() if one.weekly else one.day == other.day


def _keys(edits: Sequence[Edit], written: WrittenProgramme) -> Iterator[str]:
    for edit in edits:
        if edit.weekly:
            # an empty weekday would be ruled by `weekdays`
            changes = edit.changes or (f"00:00 {written.default}",)
            yield f"{WEEKDAYS[edit.day.weekday()]} = {_list(map(_text, changes))}"
    dated = [edit for edit in edits if not edit.weekly]
    if dated:
        kept = [each for each in written.exceptions if not any(_is_of(each, edit.day) for edit in dated)]
        first = min([written.holiday_precedence, *(each.precedence for each in kept)])
        new = [
            WrittenException(
                name=edit.name,
                first=edit.day.isoformat(),
                changes=list(edit.changes),
                precedence=max(FIRST_OF_ALL, first),
            )
            for edit in dated
        ]
        yield f"exceptions = {_list(map(_exception, [*new, *kept]))}"


def _is_of(exception: WrittenException, day: date) -> bool:
    """Whether it is the exception of that date alone."""
    return exception.first == day.isoformat() and exception.last in (None, exception.first)


def _exception(exception: WrittenException) -> str:
    pairs = [f"name = {_text(exception.name)}"]
    pairs += [f"{key} = {value}" for key in ("first", "last") if (value := getattr(exception, key)) is not None]
    pairs += [
        f"{key} = {_text(value)}" for key in ("days", "calendar") if (value := getattr(exception, key)) is not None
    ]
    pairs += [f"changes = {_list(map(_text, exception.changes))}", f"precedence = {exception.precedence}"]
    return f"{{{', '.join(pairs)}}}"


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(items)}]"


def _text(text: str) -> str:
    """A TOML string: JSON's, but for one character that TOML wants escaped, too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")

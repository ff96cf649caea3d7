"""Pure: a compliance report space by space, the worst first, and how its minutes are written.

Nothing is rounded away: the share in range is rounded down, the others up. Only what was in range throughout reads
100 %, and only what never was out reads 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil, floor

from facility.wire import ComplianceDay, ComplianceReport

OUT, UNKNOWN, INSIDE, NOT_YET = "!", "?", "·", " "
LEAST = 0.5
"""Minutes below which a number would be rounded to none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceMinutes:
    """One space over some days."""

    about: ComplianceDay  # its first day, for what it is
    days: Mapping[date, ComplianceDay]
    in_range: float
    out: float
    unknown: float

    @property
    def sign(self) -> str:
        """Of the whole time; empty if it was in range throughout."""
        return OUT if self.out else UNKNOWN if self.unknown else ""

    def strip(self, first: date, days: int) -> str:
        """A character a day: the worst of it."""
        return "".join(_day(self.days.get(first + timedelta(days=number))) for number in range(days))

    @property
    def is_known(self) -> bool:
        """Whether anything is."""
        return bool(self.in_range or self.out)

    @property
    def share_in(self) -> str:
        """Of its time; "?" where nothing is known of it."""
        return f"{floor(self._hundredths(self.in_range)) / 100:.2f} %" if self.is_known else "?"

    @property
    def shares(self) -> str:
        """In range, out and unknown, of its time."""
        out, unknown = (ceil(self._hundredths(part)) / 100 for part in (self.out, self.unknown))
        return f"in range {self.share_in} · out {out:.2f} % · unknown {unknown:.2f} %"

    def most(self, kind: str, count: int) -> list[tuple[date, float]]:
        """The days with most minutes `out` or `unknown`, and how many."""
        days: list[tuple[date, float]] = [(day, getattr(told, kind)) for day, told in self.days.items()]
        return sorted((each for each in days if each[1]), key=lambda each: (-each[1], each[0]))[:count]

    def _hundredths(self, part: float) -> float:
        """Of a per cent."""
        return 10_000 * part / (self.in_range + self.out + self.unknown)


def worst_first(report: ComplianceReport, first: date) -> list[SpaceMinutes]:
    """Every space from a day on: most minutes out first, then most unknown."""
    of_space: dict[str, dict[date, ComplianceDay]] = defaultdict(dict)
    for told in report.days:
        day = date.fromisoformat(told.day)
        if day >= first:
            of_space[told.space][day] = told
    spaces = [
        SpaceMinutes(
            about=next(iter(days.values())),
            days=days,
            in_range=sum(day.in_range for day in days.values()),
            out=sum(day.out for day in days.values()),
            unknown=sum(day.unknown for day in days.values()),
        )
        for days in of_space.values()
    ]
    return sorted(spaces, key=lambda space: (-space.out, -space.unknown, space.about.space))


def minutes(number: float) -> str:
    """Whole minutes; `<1` for what is less than half of one, but not nothing."""
    return "<1" if 0 < number < LEAST else f"{number:,.0f}"


def _day(told: ComplianceDay | None) -> str:
    if told is None or not told.in_range + told.out + told.unknown:
        return NOT_YET
    return OUT if told.out else UNKNOWN if told.unknown else INSIDE

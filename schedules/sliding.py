"""The sliding window of a demand limit: what it will come to, and how much less it has to be (domain row 9). Pure.

A utility bills the highest mean of 15 minutes. Looked at is the window that ends in `ahead`: its first minutes are
known, and for the others the present power is taken to go on. What is then above the limit has to be saved within
`ahead` alone: 5 min at 480 kW and now 540 come to 520; with a limit of 500, the last 10 min need 30 kW less.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
Sample = tuple[datetime, float]
"""A minute, and the power in it, in kW."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How long is averaged over, and how far is looked ahead, in minutes."""

    minutes: int = 15
    ahead: int = 10

    def projected(self, samples: Iterable[Sample], minute: datetime, now: float) -> float:
        """The mean of the window that ends in `ahead`. A minute of which nothing is known counts as the present one."""
        known = dict(samples)
        past = (known.get(minute - n * MINUTE, now) for n in range(1, self.minutes - self.ahead + 1))
        return (sum(past) + now * self.ahead) / self.minutes

    def needed(self, projected: float, limit: float) -> float:
        """How much less power the minutes ahead need for the window to keep the limit."""
        return max((projected - limit) * self.minutes / self.ahead, 0.0)

    def kept(self, samples: Iterable[Sample], minute: datetime) -> tuple[Sample, ...]:
        """Those that the window may still need."""
        return tuple(each for each in samples if minute - self.minutes * MINUTE <= each[0] < minute)


def minute_of(now: datetime) -> datetime:
    return now.replace(second=0, microsecond=0)

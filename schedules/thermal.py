"""How fast zones have warmed, cooled and drifted, and how long they will need. Pure.

Guarantees:
- What is learned is the mean of the latest few times, so one odd day is forgotten after as many.
- A lead is never longer than its cap, and never so short that it is not worth its while.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import log

Slopes = tuple[float, ...]
"""The latest slopes in K/h, the oldest first."""

LATEST = 3  # of so many days the mean is taken (LBNL `OptimalStart`, nDay)
QUICKEST = timedelta(minutes=2)  # a zone that was there sooner has told nothing about more than that
_SECONDS_AN_HOUR = 3600.0


def with_latest(slopes: Slopes, slope: float) -> Slopes:
    """With this one as the latest."""
    return (*slopes, slope)[-LATEST:]


def mean_slope(slopes: Sequence[float]) -> float | None:
    """In K/h; None before there is any."""
    return sum(slopes) / len(slopes) if slopes else None


def slope(kelvin: float, took: timedelta) -> float:
    """So much in so long, in K/h."""
    return kelvin / (max(took, QUICKEST).total_seconds() / _SECONDS_AN_HOUR)


def time_for(kelvin: float, slopes: Sequence[float], *, cap: timedelta, unlearned: timedelta) -> timedelta:
    """How long so many kelvin take; `unlearned` before anything is known, and the cap where it does not move."""
    mean = mean_slope(slopes)
    if mean is None:
        return min(unlearned, cap)
    if mean * (cap.total_seconds() / _SECONDS_AN_HOUR) <= kelvin:
        return cap
    return timedelta(seconds=kelvin / mean * _SECONDS_AN_HOUR)


def dew_point(celsius: float, percent: float) -> float:
    """At which temperature this air begins to wet what it touches, in °C (Magnus formula, WMO coefficients)."""
    share = log(max(percent, 1.0) / 100) + 17.62 * celsius / (243.12 + celsius)
    return 243.12 * share / (17.62 - share)

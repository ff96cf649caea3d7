"""What a baseline is made of, and when it may be trusted. Pure; the least squares are in `facility.energy.fitting`.

Two kinds of model, both of hourly means. Time of week and temperature (TOWT): a constant for each hour of the week and
a piecewise linear dependence on the outdoor temperature (Mathieu et al. 2011, LBNL). Change points: a constant for each
hour of working and of free days, and a slope below a heating and above a cooling temperature (the change-point degree
model of ASHRAE Guideline 14). TOWT needs four weeks; the other, one. The better one is taken, by CV(RMSE) of days that
it had not seen.

Acceptance is that of Guideline 14 for hourly data: CV(RMSE) at most 30 %, NMBE within 10 %, here both of unseen days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

CV_RMSE_MOST = 0.30
NMBE_MOST = 0.10
DAY_H = 24
LEAST_H = 7 * DAY_H  # of the change-point model
TOWT_H = 25 * DAY_H  # four weeks, some hours of which may be unknown
SATURDAY, SUNDAY = 5, 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """One hour, as far as the models look at it."""

    start: int  # milliseconds since 1970
    weekday: int  # local; a holiday is a Sunday
    hour: int
    day: int  # number of the local day: days are left out as a whole when a model is tried
    outdoor: float
    kw: float | None  # None: what was used is not known
    shares: Mapping[str, float] = field(default_factory=dict)  # policy -> share of the hour in which it was in force

    @property
    def week_hour(self) -> int:
        return self.weekday * DAY_H + self.hour

    @property
    def day_hour(self) -> int:
        """The hour of a working day (0-23) or of a free one (24-47)."""
        return self.hour + DAY_H * (self.weekday >= SATURDAY)

    @property
    def untouched(self) -> bool:
        """No policy was in force."""
        return not any(self.shares.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How well a model tells days that it has not seen."""

    model: str
    hours: int
    parameters: int
    cv_rmse: float
    nmbe: float
    r_squared: float
    rho: float  # of one hour's error with the next one's

    @property
    def acceptable(self) -> bool:
        return self.cv_rmse <= CV_RMSE_MOST and abs(self.nmbe) <= NMBE_MOST

    @property
    def says(self) -> str:
        """`CV(RMSE) 8.1 %, NMBE 0.2 %: accepted (ASHRAE Guideline 14: at most 30 % and 10 %)`."""
        verdict = "accepted" if self.acceptable else "NOT accepted"
        return (
            f"CV(RMSE) {100 * self.cv_rmse:.1f} %, NMBE {100 * self.nmbe:.1f} %: {verdict} "
            f"(ASHRAE Guideline 14, hourly: at most {100 * CV_RMSE_MOST:.0f} % and {100 * NMBE_MOST:.0f} %)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """Energy that was not used, with the half width of its 90 % interval; `kwh` None: `why` says why there is none."""

    kwh: float | None
    error: float | None = None
    hours: float = 0.0  # that it speaks of
    why: str = ""

    @property
    def shown(self) -> bool:
        """Whether it is surely not zero."""
        return self.kwh is not None and self.error is not None and abs(self.kwh) > self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySaving:
    """Of one policy, or of several that cannot be told apart."""

    policies: tuple[str, ...]
    saving: Saving


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the models say of one meter."""

    quality: Quality | None
    saving: Saving
    actual: float | None = None  # kWh of the hours that `saving` speaks of
    expected: float | None = None
    policies: tuple[PolicySaving, ...] = ()


def place_in_week(start: int, zone: ZoneInfo, is_holiday: Callable[[date], bool]) -> tuple[int, int, int]:
    """Weekday, hour and number of the day, by the local clock."""
    local = datetime.fromtimestamp(start / 1000, UTC).astimezone(zone)
    today = local.date()
    return (SUNDAY if is_holiday(today) else today.weekday()), local.hour, today.toordinal()

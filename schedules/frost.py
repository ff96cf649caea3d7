"""How near a coil is to freezing, by its supply air (ASHRAE Guideline 36, freeze protection stages). Pure.

The agent tells, and never acts: stages 2 and 3 stop ventilation, which in a hospital is for the hard-wired freezestat
and for people. All that follows from a stage here is that nobody asks for more outdoor air.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from schedules.policy import earliest

SHORT, LONG, CLOSED = timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1)
COLD, COLDER, COLDEST, WARM = 4.4, 3.3, 1.0, 7.0  # °C of the supply air
STAGES = {
    0: "",
    1: "alarm level 3: supply air near frost (stage 1); no more outdoor air is asked for",
    2: "alarm level 3: supply air near frost (stage 2); Guideline 36 would close the outdoor air: look at the coil",
    3: "alarm level 2: the coil may freeze (stage 3); Guideline 36 would stop the fans: go there",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frost:
    """The stage, since when the supply air has been beyond each limit, and since when it is in stage 2."""

    stage: int = 0
    cold: datetime | None = None
    colder: datetime | None = None
    coldest: datetime | None = None
    warm: datetime | None = None
    closed: datetime | None = None


def after(before: Frost, celsius: float | None, now: datetime) -> Frost:
    """The state of now. Not known, it is as it was, and no time counts. A stage ends when the air is warm again."""
    if celsius is None:
        return Frost(stage=before.stage, closed=before.closed)
    cold = _since(before.cold, now, holds=celsius < COLD)
    colder = _since(before.colder, now, holds=celsius < COLDER)
    coldest = _since(before.coldest, now, holds=celsius < COLDEST)
    warm = _since(before.warm, now, holds=celsius > WARM)
    stage = before.stage
    if _lasts(warm, now, SHORT) and (before.closed is None or now - before.closed >= CLOSED):
        stage = 0
    if _lasts(cold, now, SHORT):
        stage = max(stage, 1)
    if _lasts(colder, now, SHORT):
        stage = max(stage, 2)
    if _lasts(colder, now, LONG) or _lasts(coldest, now, SHORT):
        stage = 3
    closed = None if stage < 2 else min(before.closed or now, now)
    return Frost(stage=stage, cold=cold, colder=colder, coldest=coldest, warm=warm, closed=closed)


def changes(frost: Frost, now: datetime) -> datetime | None:
    """When the stage may be another by the clock alone."""
    instants = (
        *(since + SHORT for since in (frost.cold, frost.colder, frost.coldest, frost.warm) if since is not None),
        *(since + LONG for since in (frost.colder,) if since is not None),
        *(since + CLOSED for since in (frost.closed,) if since is not None),
    )
    return earliest(instant for instant in instants if instant > now)


def _since(before: datetime | None, now: datetime, *, holds: bool) -> datetime | None:
    """A time that is yet to come was told by another clock."""
    if not holds:
        return None
    return now if before is None or before > now else before


def _lasts(since: datetime | None, now: datetime, least: timedelta) -> bool:
    return since is not None and now - since >= least

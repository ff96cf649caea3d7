"""Demand, use, savings, and how long rooms were as they must be. What is not known is None, never 0."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from facility.wire.base import Wire


class MeterNow(Wire):
    """One meter as it reads now."""

    id: str
    name: str
    carrier: Literal["electricity", "heat", "gas"]
    kw: float | None
    point: str = ""  # its power, for a trend
    note: str = ""  # why nothing is known


class DemandInfo(Wire):
    """The demand interval that is under way."""

    at: datetime
    meter: str = ""  # name of the main one
    point: str = ""  # its power, for a trend
    kw: float | None = None
    window_start: datetime
    mean_kw: float | None = None  # of the window so far
    projected_kw: float | None = None  # at its end, if the power stays
    unknown_s: float = 0.0  # of the window so far
    limit_kw: float | None = None
    limit_from: str = ""  # where the limit is said: "energy.limit_kw", "policy demand"
    room_kw: float | None = None  # that may be added until its end; negative: what must be shed
    level: int | None = None  # None: no policy limits demand
    policy: str = ""
    next_in_line: list[str] = []  # what would be shed next, the first first
    meters: list[MeterNow] = []
    note: str = ""  # why there is no demand


class MeterUse(Wire):
    """What one meter measured over the time of the report."""

    id: str
    name: str
    carrier: Literal["electricity", "heat", "gas"]
    kwh: float | None
    known: float  # share of the time it speaks of
    at_least: bool = False
    peak_kw: float | None = None  # highest quarter of an hour
    peak_at: datetime | None = None
    notes: list[str] = []


class DemandInterval(Wire):
    """A quarter of an hour of the main meter."""

    start: datetime
    kw: float | None


class SavingInfo(Wire):
    """Energy that was not used, give or take `error` (90 %). Without a number, `why` says why there is none."""

    kwh: float | None
    error: float | None = None
    hours: float = 0.0  # that it speaks of
    why: str = ""


class PolicySavingInfo(Wire):
    """Of one policy, or of several that cannot be told apart."""

    policies: list[str]
    saving: SavingInfo


class BaselineInfo(Wire):
    model: str
    since: datetime
    until: datetime
    hours: int
    cv_rmse: float
    nmbe: float
    r_squared: float
    acceptable: bool
    says: str


class AccountInfo(Wire):
    """What would have been used, by one meter of the whole."""

    meter: str
    name: str
    carrier: Literal["electricity", "heat", "gas"]
    baseline: BaselineInfo | None
    saving: SavingInfo
    actual_kwh: float | None = None  # of the hours that `saving` speaks of
    expected_kwh: float | None = None
    policies: list[PolicySavingInfo] = []


class ShedInfo(Wire):
    """What was given up to keep the demand down. `until` None: it still is; `refused`: it was not, and why."""

    since: datetime
    until: datetime | None
    policy: str
    what: str
    points: int
    refused: str = ""


class EnergyReport(Wire):
    """Use and savings of some days; the last one ends with the latest quarter of an hour that is rolled up."""

    since: datetime
    until: datetime
    zone: str
    outdoor: str  # the point whose temperature the baselines use; "" if there is none
    meters: list[MeterUse]
    demand: list[DemandInterval]
    accounts: list[AccountInfo]
    sheds: list[ShedInfo]
    notes: list[str] = []


class ComplianceDay(Wire):
    """One space on one day, by the local calendar, in minutes. They add up to the length of what has passed of it."""

    day: str  # 2026-11-24
    space: str
    name: str
    type: str
    group: str
    critical: bool
    in_range: float
    out: float
    unknown: float


class ComplianceReport(Wire):
    since: datetime
    until: datetime
    zone: str
    days: list[ComplianceDay]
    notes: list[str] = []

"""The energy of the fake facility: 1.5 MW by night, a shed yesterday, savings that are known, doubtful and unknown.

And its rooms: out, out for a moment, unknown at times, never known, in range throughout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from facility.wire import (
    AccountInfo,
    BaselineInfo,
    Bucket,
    ComplianceDay,
    ComplianceReport,
    DemandInfo,
    EnergyReport,
    MeterNow,
    MeterUse,
    PolicySavingInfo,
    SavingInfo,
    ShedInfo,
    Trend,
)

MAIN = "meter-1/kw"
ZONE = ZoneInfo("America/Chicago")
DAY_MIN = 1440.0
POWERS = (MAIN, "sub-1/chillers-kw", "sub-1/lighting-kw")


def meter(key: str, name: str, kw: float | None, carrier: str = "electricity", note: str = "") -> MeterNow:
    return MeterNow(id=key, name=name, carrier=carrier, kw=kw, point=key if key in POWERS else "", note=note)


def demand(now: datetime) -> DemandInfo:
    return DemandInfo(
        at=now, meter="Main incomer", point=MAIN, kw=1512.0, window_start=now.replace(minute=0, second=0),
        mean_kw=1498.0, projected_kw=1505.0, unknown_s=40.0, limit_kw=2300.0, limit_from="policy demand", room_kw=795.0,
        level=0, policy="demand", next_in_line=["Offices 3-5: least comfort cost", "Lobby"],
        meters=[
            meter(MAIN, "Main incomer", 1512.0), meter("sub-1/chillers-kw", "Chillers", 412.0),
            meter("sub-1/lighting-kw", "Lighting", None, note="offline"), meter("hm-1/kw", "Boilers", 230.0, "heat"),
        ],
    )  # fmt: skip


def report(now: datetime, days: int) -> EnergyReport:
    since = now - timedelta(days=days)
    yesterday = now - timedelta(hours=13)
    unknown = SavingInfo(kwh=None, hours=60, why="It was in force at the same hours of the week: no hours to compare.")
    return EnergyReport(
        since=since, until=now, zone="America/Chicago", outdoor="weather/oat", demand=[],
        meters=[
            MeterUse(id="meter-1/kwh", name="Main incomer", carrier="electricity", kwh=1_084_000.0, known=0.998,
                     peak_kw=2262.0, peak_at=now - timedelta(days=9)),
        ],
        accounts=[
            AccountInfo(
                meter="meter-1/kwh", name="Main incomer", carrier="electricity",
                baseline=BaselineInfo(
                    model="time of week and temperature", since=since, until=now, hours=2000, cv_rmse=0.08, nmbe=0.001,
                    r_squared=0.97, acceptable=True, says="CV(RMSE) 8.0 %, NMBE 0.1 %: accepted",
                ),
                saving=SavingInfo(kwh=25_200.0, error=3_100.0, hours=700), actual_kwh=1_058_800, expected_kwh=1_084_000,
                policies=[
                    PolicySavingInfo(policies=["or-setback"], saving=SavingInfo(kwh=9_800.0, error=1_400.0, hours=300)),
                    PolicySavingInfo(policies=["lighting-sweep"], saving=SavingInfo(kwh=390.0, error=600.0, hours=90)),
                    PolicySavingInfo(policies=["night-heat"], saving=unknown),
                ],
            ),
            AccountInfo(
                meter="hm-1/kwh", name="Boilers", carrier="heat", baseline=None,
                saving=SavingInfo(kwh=None, why="There are 3.0 days of reference; a baseline needs at least 7."),
            ),
        ],
        sheds=[
            ShedInfo(since=yesterday, until=yesterday + timedelta(hours=2), policy="demand", points=61,
                     what="Office 3 and 12 more: demand limit, level 1"),
            ShedInfo(since=yesterday, until=yesterday, policy="demand", points=1, what="Pharmacy corridor",
                     refused="refused (critical-space): feeds a pressure-controlled room"),
        ],
    )  # fmt: skip


def compliance(now: datetime, days: int) -> ComplianceReport:
    """Until two o'clock today. `or-3` was out on two days; nobody ever heard of `pharm-797`."""
    until = now.astimezone(ZONE).replace(hour=2, minute=0, second=0, microsecond=0)
    today = until.replace(hour=0)
    told: list[ComplianceDay] = []
    stories: tuple[tuple[str, str, str, bool, Mapping[int, tuple[float, float]]], ...] = (
        ("aii-407", "AII-407", "aii", True, {0: (0.0, 15.0), 12: (0.0, 40.0)}),
        ("office-5", "Office 5", "office", False, {}),
        ("or-3", "OR-3", "operating_room", True, {9: (240.0, 0.0), 20: (70.5, 30.0)}),
        ("pharm-797", "Pharm 797", "pharmacy", True, dict.fromkeys(range(days), (0.0, DAY_MIN))),
        ("rm-114", "RM-114", "patient_room", False, {3: (0.25, 0.0)}),
    )
    for back in reversed(range(days)):
        passed = (until - today).total_seconds() / 60 if back == 0 else DAY_MIN
        for space, name, kind, critical, story in stories:
            out, unknown = story.get(back, (0.0, 0.0))
            unknown = min(unknown, passed)
            told.append(
                ComplianceDay(
                    day=(today - timedelta(days=back)).date().isoformat(), space=space, name=name, type=kind,
                    group=kind, critical=critical, in_range=passed - out - unknown, out=out, unknown=unknown,
                )
            )  # fmt: skip
    notes = ["Limits are those of today's profiles, also for days on which others held."]
    since = today - timedelta(days=days - 1)
    return ComplianceReport(since=since, until=until, zone="America/Chicago", days=told, notes=notes)


def trend(point: str, since: datetime, until: datetime, buckets: int) -> Trend:
    """A night's curve, with a gap of half an hour."""
    step = (until - since) / buckets
    made = []
    for number in range(buckets):
        gap = buckets * 6 // 10 <= number < buckets * 64 // 100
        kw = 1700 + 400 * math.cos(number / buckets * 4) + 20 * math.sin(number)
        known = None if gap else kw
        made.append(
            Bucket(start=since + number * step, low=known, high=known, mean=known, last=known,
                   missing=step.total_seconds() if gap else 0.0)
        )  # fmt: skip
    return Trend(point=point, since=since, until=until, buckets=made)

"""The energy report: what every meter measured, what was avoided, and what was shed.

The history and the audit are read in pieces, the models are fitted in a thread: nothing else waits for a report.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from facility.energy.baseline import Account, Hour, Quality, Saving, place_in_week
from facility.energy.gathering import Sources, ms, outdoor_hours, unit_of
from facility.energy.inforce import Held, shares
from facility.energy.intervals import HOUR_MS, Interval, counted, counted_demands, demands, hourly, summed
from facility.energy.meters import Meter, Meters, meters_of, outdoor_of
from facility.energy.sheds import given_up
from facility.wire import (
    AccountInfo,
    BaselineInfo,
    DemandInterval,
    EnergyReport,
    MeterUse,
    PolicySavingInfo,
    SavingInfo,
)
from points.catalog import Catalog
from points.history import Quarter
from points.history.rows import from_ms
from points.model import PointId

YEAR = timedelta(days=365)
DAY = timedelta(days=1)
IN_FORCE = (
    "Policies were in force in {:,} other hours: name days from before them with energy.baseline_from and "
    "baseline_until."
)

Of = Mapping[PointId, Sequence[Quarter]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """Everything that the models look at."""

    quarters: Of  # from `reference` on
    outdoor: Mapping[int, float]
    holds: Sequence[Held]
    zone: ZoneInfo
    is_holiday: Callable[[date], bool]
    reference: tuple[datetime, datetime]
    named: bool  # the site said which days are the reference
    since: datetime
    until: datetime


async def energy_report(sources: Sources, catalog: Catalog, days: int) -> EnergyReport:
    """Of the last `days`, today included. Raises `FacilityError`."""
    since, until = sources.span(days)
    energy = sources.config.energy
    meters = meters_of(catalog, main=energy.main, chosen=energy.meters)
    outdoor = outdoor_of(catalog, energy.outdoor)
    reference, named = _reference(sources, until)
    accounted = _whole(meters)
    first = min(reference[0], since)
    quarters = await sources.quarters([point for meter in accounted for point in meter.points], first - DAY, until)
    others = [point for meter in meters.all for point in meter.points if point not in quarters]
    quarters |= await sources.quarters(others, since - DAY, until)
    weather = await sources.quarters([outdoor] if outdoor else [], first, until)
    lines, holds = await sources.holds(first, until)
    material = Material(
        quarters=quarters,
        outdoor=outdoor_hours(weather.get(outdoor, []), unit_of(catalog, outdoor)) if outdoor else {},
        holds=holds,
        zone=sources.config.site.tz,
        is_holiday=sources.is_holiday(),
        reference=reference,
        named=named,
        since=since,
        until=until,
    )
    return await asyncio.to_thread(
        lambda: EnergyReport(
            since=since,
            until=until,
            zone=sources.config.site.zone,
            outdoor=outdoor or "",
            meters=[meter_use(meter, quarters, since, until) for meter in meters.all],
            demand=[
                DemandInterval(start=from_ms(start), kw=kw)
                for start, kw in (_intervals(meters.main, quarters, since, until) if meters.main else [])
            ],
            accounts=[_account(meter, material) for meter in accounted],
            sheds=given_up(catalog, [line for line in lines if line.time >= since], holds, since),
            notes=[note for note in (meters.note, "" if outdoor else _no_outdoor(energy.outdoor)) if note],
        )
    )


def _no_outdoor(named: str | None) -> str:
    if named is not None:
        return f"energy.outdoor names {named!r}, which is not in the catalog."
    return "No outdoor temperature is known, so there is no baseline; name its point with energy.outdoor."


def _reference(sources: Sources, until: datetime) -> tuple[tuple[datetime, datetime], bool]:
    energy, zone = sources.config.energy, sources.config.site.tz
    if energy.baseline_from is None or energy.baseline_until is None:
        return (until - YEAR, until), False
    first, last = energy.baseline_from, energy.baseline_until + DAY
    begin = datetime(first.year, first.month, first.day, tzinfo=zone)
    end = datetime(last.year, last.month, last.day, tzinfo=zone)
    return (from_ms(ms(begin)), min(from_ms(ms(end)), until)), True


def _whole(meters: Meters) -> list[Meter]:
    """The meters of which savings are told: all electricity, and every heat and gas meter."""
    others = [meter for meter in meters.others if meter.carrier != "electricity"]
    return [*([meters.main] if meters.main else []), *others]


def _intervals(meter: Meter, quarters: Of, since: datetime, until: datetime) -> list[Interval]:
    """Of its power, or where it has none (or nothing is known of it) of its counter."""
    power = quarters.get(meter.power, ()) if meter.power else ()
    if power or meter.energy is None:
        return demands(power, meter.kw, ms(since), ms(until))
    return counted_demands(quarters.get(meter.energy, ()), meter.kwh, ms(since), ms(until))


def meter_use(meter: Meter, quarters: Of, since: datetime, until: datetime) -> MeterUse:
    """By its counter, which knows of gaps too; where that says nothing, by its power."""
    start, end = ms(since), ms(until)
    used = counted(quarters.get(meter.energy, ()), meter.kwh, start, end) if meter.energy and end > start else None
    if (used is None or used.kwh is None) and meter.power and end > start:
        used = summed(quarters.get(meter.power, ()), meter.kw, start, end)
    known = [each for each in _intervals(meter, quarters, since, until) if each.kw is not None]
    peak = max(known, key=lambda each: each.kw or 0.0, default=None)
    return MeterUse(
        id=meter.id,
        name=meter.name,
        carrier=meter.carrier,
        kwh=used.kwh if used else None,
        known=used.known if used else 0.0,
        at_least=used.at_least if used else False,
        peak_kw=peak.kw if peak else None,
        peak_at=from_ms(peak.start) if peak else None,
        notes=list(used.notes) if used else [],
    )


def _account(meter: Meter, material: Material) -> AccountInfo:
    from facility.energy import fitting  # noqa: PLC0415 (numpy is 30 MB that only a report needs)

    first = min(material.reference[0], material.since)
    hours = _hours(meter, material, first)
    start, end = (ms(edge) for edge in material.reference)
    reference = [hour for hour in hours if hour.kw is not None and start <= hour.start < end]
    if not material.named:
        reference = [hour for hour in reference if hour.untouched]
    report = [hour for hour in hours if hour.start >= ms(material.since)]
    policies = sorted({policy for hour in report for policy in hour.shares})
    account = fitting.account(reference, report, policies)
    held = sum(not hour.untouched for hour in hours)
    if account.quality is None and not material.named and held > len(reference):
        why = f"{account.saving.why} {IN_FORCE.format(held)}"
        account = replace(account, saving=replace(account.saving, why=why))
    return _told(meter, account, reference)


def _hours(meter: Meter, material: Material, first: datetime) -> list[Hour]:
    """Every hour whose weather is known."""
    used = hourly(_intervals(meter, material.quarters, _on_the_hour(first), material.until))
    in_force = shares(material.holds, ms(first), ms(material.until))
    per_hour: dict[int, dict[str, float]] = defaultdict(dict)
    for policy, by_hour in in_force.items():
        for start, share in by_hour.items():
            per_hour[start][policy] = share
    hours = []
    for start in range(ms(_on_the_hour(first)), ms(material.until) - HOUR_MS + 1, HOUR_MS):
        if start in material.outdoor:
            weekday, hour, day = place_in_week(start, material.zone, material.is_holiday)
            hours.append(
                Hour(
                    start=start,
                    weekday=weekday,
                    hour=hour,
                    day=day,
                    outdoor=material.outdoor[start],
                    kw=used.get(start),
                    shares=per_hour.get(start, {}),
                )
            )
    return hours


def _on_the_hour(time: datetime) -> datetime:
    return from_ms(ms(time) - ms(time) % HOUR_MS)


def _told(meter: Meter, account: Account, reference: Sequence[Hour]) -> AccountInfo:
    return AccountInfo(
        meter=meter.id,
        name=meter.name,
        carrier=meter.carrier,
        baseline=_baseline(account.quality, reference) if account.quality else None,
        saving=_saving(account.saving),
        actual_kwh=account.actual,
        expected_kwh=account.expected,
        policies=[
            PolicySavingInfo(policies=list(one.policies), saving=_saving(one.saving)) for one in account.policies
        ],
    )


def _baseline(quality: Quality, reference: Sequence[Hour]) -> BaselineInfo:
    return BaselineInfo(
        model=quality.model,
        since=from_ms(reference[0].start),
        until=from_ms(reference[-1].start + HOUR_MS),
        hours=quality.hours,
        cv_rmse=quality.cv_rmse,
        nmbe=quality.nmbe,
        r_squared=quality.r_squared,
        acceptable=quality.acceptable,
        says=quality.says,
    )


def _saving(saving: Saving) -> SavingInfo:
    return SavingInfo(kwh=saving.kwh, error=saving.error, hours=saving.hours, why=saving.why)

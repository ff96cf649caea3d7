"""Reports from a real history: what was put into it comes out of them, and what was not seen is unknown."""

from __future__ import annotations

import asyncio
import csv
import io
import math
import random
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from facility.audit.holds import Line
from facility.cli.energy import _print_energy
from facility.config.model import Config
from facility.config.programmes import HolidayEntry
from facility.energy.gathering import Sources
from facility.energy.live import Shedding
from facility.energy.reports import Reports
from facility.energy.tables import COMPLIANCE_COLUMNS, ENERGY_COLUMNS, compliance_csv, energy_csv
from facility.port import FacilityError
from facility.profiles import Profiles
from points.catalog import Catalog, CatalogBook
from points.history import History, Keep
from points.history.rows import QUALITY_CODES, to_ms
from points.history.writer import SCRIPTS
from points.model import (
    Device,
    DeviceId,
    DeviceRef,
    Kind,
    Point,
    PointId,
    Quality,
    Reading,
    Ref,
    Source,
    Space,
    SpaceId,
)
from points.sqlite import SqliteFile
from points.store import PointStore

ZONE = ZoneInfo("America/Chicago")
NOON = datetime(2026, 11, 24, 18, 7, tzinfo=UTC)  # 12:07 in Chicago
REF = DeviceRef(network=1, address="1", instance=1)
GOOD, STALE = QUALITY_CODES[Quality.GOOD], QUALITY_CODES[Quality.STALE]
MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
MAIN, COUNTER, OUTDOOR = "m/kw", "m/kwh", "wx/oat"


class Clock:
    """Stands still; sleeps for ever."""

    def now(self):
        return NOON

    async def sleep(self, seconds):
        await asyncio.Event().wait()


def point(key, cls, unit, *, name="", space=None, equipment=""):
    return Point(
        id=PointId(key), device=DeviceId(key.partition("/")[0]), name=name or key, kind=Kind.ANALOG, unit=unit,
        ref=Ref(device=REF, object_type="analog-input", instance=1), point_class=cls, equipment_type=equipment,
        space=SpaceId(space) if space else None,
    )  # fmt: skip


METERS = (
    point(MAIN, "power-meter", "kilowatts", name="Main kW"),
    point(COUNTER, "energy-meter", "kilowatt-hours", name="Main kWh"),
    point(OUTDOOR, "outside-air-temperature", "degrees-celsius", equipment="weather"),
)
ROOMS = (
    point("r/t", "zone-temperature", "degrees-celsius", space="301"),
    point("r/h", "humidity", "percent-relative-humidity", space="301"),
    point("r/sp", "cooling-setpoint", "degrees-celsius", space="301"),
    point("o/t", "zone-temperature", "degrees-celsius", space="or-1"),
)
SPACES = (
    Space(id=SpaceId("301"), name="Patient room 301", type="patient_room"),
    Space(id=SpaceId("or-1"), name="=OR-1", type="operating_room"),
)


@asynccontextmanager
async def building(folder, rows, *, gaps=(), lines=(), keep=None, shed=None, **energy):
    """`rows`: point, time, value (None: stale). The history as the agent would have left it, rolled up by itself."""
    path = folder / "history.db"
    fill(path, rows, gaps)
    store, clock = PointStore(), Clock()
    history = History(path, store, clock, keep)
    book = CatalogBook()
    book.replace(Catalog.of([Device(id=DeviceId("m"), ref=REF, name="m")], [*METERS, *ROOMS], SPACES))

    async def between(since, until):
        return [line for line in lines if since <= line.time < until]

    reports = Reports(
        sources=Sources(
            config=Config(site={"zone": ZONE.key}, energy=energy), clock=clock, history=history,
            claims=SimpleNamespace(standing=list), past=SimpleNamespace(between=between),
        ),
        book=book, store=store, profiles=Profiles.load(), shedding=lambda: shed,
    )  # fmt: skip
    running = asyncio.create_task(history.run())
    try:
        async with asyncio.timeout(30):
            while history.link().state != "ok" or not history._rolled_until or history.settled < NOON - QUARTER:
                await asyncio.sleep(0.01)
        yield reports
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        history.close()


def fill(path, rows, gaps):
    file = SqliteFile(path, synchronous="NORMAL")
    file.upgrade(SCRIPTS)
    numbers = {key: number for number, key in enumerate(sorted({row[0] for row in rows}), 1)}
    samples = [
        (numbers[key], to_ms(at), value, None, STALE if value is None else GOOD) for key, at, value in rows
    ]  # fmt: skip

    def work(connection):
        connection.exec_driver_sql("INSERT INTO series (id, point) VALUES (?, ?)", [(n, p) for p, n in numbers.items()])
        connection.exec_driver_sql(
            "INSERT INTO sample (series, ts, value, text, quality) VALUES (?, ?, ?, ?, ?)", samples
        )
        for start, end in gaps:
            connection.exec_driver_sql("INSERT INTO gap (start, until) VALUES (?, ?)", (to_ms(start), to_ms(end)))

    file.run_now(work)
    file.close()


def local(hour, minute=0, day=24):
    return datetime(2026, 11, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


def night(*, at=NOON):
    """What every room had at midnight, and a sign of life at noon so that the writer had no gap of its own."""
    rows = [("r/t", local(0), 22.0), ("r/h", local(0), 45.0), ("o/t", local(0), 22.0)]
    return [*rows, *((key, at - MINUTE / 60, value) for key, _, value in rows)]


# --- rooms ------------------------------------------------------------------------------------------------------------


async def test_a_gap_of_40_minutes_is_40_minutes_unknown_and_never_in_range(tmp_path):
    rows = [*night(), ("r/t", local(3, 7), None), ("r/t", local(3, 47), 22.0)]
    async with building(tmp_path, rows) as reports:
        [room] = [day for day in (await reports.compliance(1)).days if day.space == "301"]
    assert (room.day, room.out, room.unknown) == ("2026-11-24", 0.0, 40.0)
    assert room.in_range == 12 * 60 - 40


async def test_out_goes_before_unknown_and_gaps_of_two_points_are_not_added_where_they_overlap(tmp_path):
    rows = [
        *night(),
        ("r/t", local(3, 7), None), ("r/t", local(3, 47), 22.0),  # unknown 40
        ("r/h", local(3, 30), None), ("r/h", local(4, 0), 45.0),  # 13 more, 17 of them the same
        ("r/t", local(6, 2), 24.5), ("r/t", local(6, 12), 22.0),  # out 10
        ("r/h", local(6, 10), None), ("r/h", local(6, 20), 45.0),  # of which 2 would be unknown, and 8 more are
    ]  # fmt: skip
    async with building(tmp_path, rows) as reports:
        [room] = [day for day in (await reports.compliance(1)).days if day.space == "301"]
    assert (room.out, room.unknown) == (10.0, 53.0 + 8.0)
    assert room.in_range + room.out + room.unknown == 12 * 60


async def test_the_time_in_which_the_agent_was_down_is_unknown(tmp_path):
    async with building(tmp_path, [*night(), ("r/t", local(5, 31), 22.0), ("r/h", local(5, 31), 45.0)],
                        gaps=[(local(5), local(5, 31))]) as reports:  # fmt: skip
        [room] = [day for day in (await reports.compliance(1)).days if day.space == "301"]
    assert (room.unknown, room.out) == (31.0, 0.0)


async def test_a_room_without_what_must_be_measured_is_unknown_unless_it_is_out(tmp_path):
    rows = [*night(), ("o/t", local(2), 25.0), ("o/t", local(3), 22.0)]
    async with building(tmp_path, rows) as reports:
        [room] = [day for day in (await reports.compliance(1)).days if day.space == "or-1"]
    assert (room.in_range, room.out, room.unknown) == (0.0, 60.0, 11 * 60)


async def test_where_the_readings_are_gone_what_may_have_been_out_is_out(tmp_path):
    old = local(2, 5, day=20)
    rows = [*night(), *((key, local(0, day=20), value) for key, _, value in night()[:3]),
            ("r/t", old, 25.0), ("r/t", old + 2 * MINUTE, 22.0)]  # fmt: skip
    keep = Keep(raw=timedelta(days=2), refresh=timedelta(hours=6), backfill=timedelta(days=1))
    async with building(tmp_path, rows, keep=keep) as reports:
        [room] = [d for d in (await reports.compliance(5)).days if (d.space, d.day) == ("301", "2026-11-20")]
    assert (room.out, room.unknown) == (15.0, 0.0)
    assert room.in_range == 24 * 60 - 15


def bed_setback(time, action, level=14, by="policy:free-beds"):
    result = f"held 26.0 in slot {level}" if action == "hold" else f"released slot {level}"
    return Line(1, time, by, action, "r/sp", level, "26.0", "every bed is free", result)


async def test_while_a_patient_room_was_set_back_it_is_judged_as_an_empty_one(tmp_path):
    """25 °C from 2:00 to 5:00, of which its beds were free from 2:10 to 4:40: out for 10 minutes, and for 20."""
    rows = [*night(), ("r/t", local(2), 25.0), ("r/t", local(5), 22.0)]
    lines = [bed_setback(local(2, 10), "hold"), bed_setback(local(4, 40), "release")]
    async with building(tmp_path, rows, lines=lines) as reports:
        report = await reports.compliance(1)
    [room] = [day for day in report.days if day.space == "301"]
    assert (room.out, room.unknown, room.in_range) == (30.0, 0.0, 12 * 60 - 30)
    assert len(report.notes) == 2


async def test_beyond_what_an_empty_room_may_have_it_is_out_and_what_is_not_known_stays_unknown(tmp_path):
    rows = [*night(), ("r/t", local(2), 28.5), ("r/t", local(3), None), ("r/t", local(4), 22.0)]
    async with building(
        tmp_path, rows, lines=[bed_setback(local(1), "hold"), bed_setback(local(6), "release")]
    ) as made:
        [room] = [day for day in (await made.compliance(1)).days if day.space == "301"]
    assert (room.out, room.unknown) == (60.0, 60.0)


@pytest.mark.parametrize("lines", [[], [bed_setback(local(1), "hold", level=15), bed_setback(local(6), "release", 15)]])
async def test_what_was_not_held_for_its_beds_is_judged_as_ever(tmp_path, lines):
    rows = [*night(), ("r/t", local(2), 25.0), ("r/t", local(5), 22.0)]
    async with building(tmp_path, rows, lines=lines) as reports:
        report = await reports.compliance(1)
    [room] = [day for day in report.days if day.space == "301"]
    assert (room.out, len(report.notes)) == (180.0, 1)


async def test_a_day_of_a_clock_change_has_25_hours(tmp_path):
    async with building(tmp_path, night()) as reports:
        report = await reports.compliance(30)
    [day] = [day for day in report.days if (day.space, day.day) == ("301", "2026-11-01")]
    assert day.unknown == 25 * 60  # nothing was recorded: unknown, every minute of it
    first = datetime(2026, 10, 26, tzinfo=ZONE).date()
    assert {day.day for day in report.days} == {str(first + timedelta(days=number)) for number in range(30)}


async def test_the_table_of_compliance_is_rfc_4180_with_days_and_months_in_both_times(tmp_path):
    async with building(tmp_path, night()) as reports:
        text = compliance_csv(await reports.compliance(30))
    assert text.startswith(",".join(COMPLIANCE_COLUMNS) + "\r\n")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    [change] = [
        row for row in rows if (row["period"], row["space"], row["start_local"][:10]) == ("day", "301", "2026-11-01")
    ]
    assert (change["start_utc"], change["end_utc"]) == ("2026-11-01T05:00:00Z", "2026-11-02T06:00:00Z")
    assert (change["start_local"], change["end_local"]) == ("2026-11-01T00:00:00-05:00", "2026-11-02T00:00:00-06:00")
    [month] = [
        row for row in rows if (row["period"], row["space"], row["start_local"][:7]) == ("month", "301", "2026-11")
    ]
    days = [row for row in rows if row["period"] == "day" and row["space"] == "301" and row["start_local"] >= "2026-11"]
    for column in ("in_range_min", "out_min", "unknown_min"):
        assert float(month[column]) == pytest.approx(sum(float(row[column]) for row in days))
    assert {row["name"] for row in rows if row["space"] == "or-1"} == {"'=OR-1"}  # no formula in a spreadsheet


# --- energy -----------------------------------------------------------------------------------------------------------

DAYS = 45
FIRST = datetime(2026, 11, 24, tzinfo=ZONE) - timedelta(days=DAYS - 1)
SAVED = 30.0


def in_force(day, hour):
    """From the 36th day on, in two nights of three."""
    return day >= 35 and day % 3 != 0 and hour < 6


def year():
    """Power, counter and weather, a reading every quarter of an hour; what `setback` saves is known."""
    draw, counter, rows = random.Random(7), 5_000.0, []
    at = FIRST.astimezone(UTC)
    while at < NOON:
        there = at.astimezone(ZONE)
        day, hour = (there.date() - FIRST.date()).days, there.hour
        outdoor = 8 + 5 * math.sin(day / 7) + 3 * math.sin((hour - 9) / 24 * 2 * math.pi)
        kw = 200 + (60 if there.weekday() < 5 and 7 <= hour < 18 else 0) + 3 * max(0, 14 - outdoor) + draw.gauss(0, 4)
        kw -= SAVED if in_force(day, hour) else 0
        counter += kw / 4
        rows += [(MAIN, at, kw), (OUTDOOR, at, outdoor), (COUNTER, at + QUARTER - MINUTE, counter)]
        at += QUARTER
    return [row for row in rows if row[1] < NOON]


def nights():
    """What the audit says of the same: held at midnight, released at six."""
    lines = []
    for day in range(DAYS):
        if in_force(day, 0):
            start = (FIRST + timedelta(days=day)).astimezone(UTC)
            end = (FIRST + timedelta(days=day, hours=6)).astimezone(UTC)
            said = ("policy:setback", "r/sp", 15, "18.0", "night")
            by, about, level, value, why = said
            lines += [Line(0, start, by, "hold", about, level, value, why, "held 18.0 in slot 15"),
                      Line(0, end, by, "release", about, level, value, why, "released slot 15")]  # fmt: skip
    return lines


@pytest.fixture(scope="module")
def recorded():
    return year()


async def test_what_was_used_is_what_the_meter_counted_and_what_was_avoided_has_its_error(tmp_path, recorded):
    async with building(tmp_path, recorded, lines=nights()) as reports:
        report = await reports.energy(10)
        assert await reports.energy(10) is report  # nothing new: not made again
    [used] = report.meters
    since = report.since
    counted = {at: value for key, at, value in recorded if key == COUNTER}
    last = max(at for at in counted if at < report.until)
    before = max(at for at in counted if at < since)
    assert used.kwh == pytest.approx(counted[last] - counted[before])
    assert (used.known, used.at_least) == (pytest.approx(1.0), False)
    [account] = report.accounts
    assert account.baseline.acceptable, account.baseline.says
    truth = SAVED * 6 * sum(in_force(day, 0) for day in range(DAYS - 10, DAYS))
    [policy] = account.policies
    assert policy.policies == ["setback"]
    assert policy.saving.hours == pytest.approx(truth / SAVED)
    assert policy.saving.kwh == pytest.approx(truth, abs=2 * policy.saving.error)
    assert account.saving.kwh == pytest.approx(truth, abs=2 * account.saving.error)
    assert 0 < policy.saving.error < truth


async def test_without_weather_there_is_no_baseline_and_no_number(tmp_path, recorded):
    rows = [row for row in recorded if row[0] != OUTDOOR and row[1] > NOON - timedelta(days=8)]
    async with building(tmp_path, rows, lines=nights()) as reports:
        report = await reports.energy(3)
    [account] = report.accounts
    assert (account.baseline, account.saving.kwh, account.policies) == (None, None, [])
    assert "0.0 days of reference" in account.saving.why


async def test_where_policies_were_always_in_force_it_says_how_to_have_a_reference(tmp_path, recorded):
    always = [Line(0, FIRST.astimezone(UTC), "policy:all", "hold", "r/sp", 15, "18.0", "", "held 18.0 in slot 15"),
              Line(0, NOON - QUARTER, "policy:all", "release", "r/sp", 15, "", "", "released slot 15")]  # fmt: skip
    async with building(tmp_path, recorded, lines=always) as reports:
        [account] = (await reports.energy(5)).accounts
    assert account.saving.kwh is None
    assert "energy.baseline_from" in account.saving.why


async def test_the_reference_that_the_site_names_is_the_one_that_is_used(tmp_path, recorded):
    named = {"baseline_from": FIRST.date(), "baseline_until": FIRST.date() + timedelta(days=13)}
    async with building(tmp_path, recorded, lines=nights(), **named) as reports:
        [account] = (await reports.energy(5)).accounts
    assert account.baseline.hours == pytest.approx(14 * 24, abs=1)
    assert account.baseline.since == FIRST.astimezone(UTC)
    assert account.baseline.model.startswith("change points")  # two weeks are too few for an hour of the week


async def test_the_table_of_energy_is_rfc_4180_and_has_no_number_where_nothing_is_known(tmp_path, recorded):
    rows = [row for row in recorded if row[1] > NOON - timedelta(days=3) and not
            (row[0] == MAIN and local(3) <= row[1] < local(4))]  # fmt: skip
    rows.append((MAIN, local(3), None))
    async with building(tmp_path, rows) as reports:
        text = energy_csv(await reports.energy(1))
    assert text.startswith(",".join(ENERGY_COLUMNS) + "\r\n")
    told = list(csv.DictReader(io.StringIO(text, newline="")))
    demand = {row["start_local"][11:16]: row["kw"] for row in told if row["kind"] == "demand"}
    assert len(demand) == 48
    assert [demand[f"03:{minute:02d}"] for minute in (0, 15, 30, 45)] == ["", "", "", ""]
    assert float(demand["04:00"]) > 100
    [avoided] = [row for row in told if row["kind"] == "avoided"]
    assert (avoided["kwh"], avoided["error_kwh_90"]) == ("", "")
    assert "needs at least 7" in avoided["note"]


async def test_the_demand_now_and_what_may_be_added(tmp_path):
    rows = [(MAIN, local(12), 480.0), (MAIN, local(12, 5), 540.0), (MAIN, NOON, 540.0)]
    shed = Shedding(policy="demand", limit_kw=500.0, level=1, next_in_line=("Lobby",))
    async with building(tmp_path, rows, shed=shed) as reports:
        reports.store.put(
            Reading(point=PointId(MAIN), value=540.0, time=NOON, at=NOON, quality=Quality.GOOD, source=Source.COV)
        )
        now = await reports.demand()
        assert (now.kw, now.level, now.limit_kw, now.limit_from) == (540.0, 1, 500.0, "policy demand")
        assert now.mean_kw == pytest.approx((480 * 5 + 540 * 2) / 7)
        assert now.projected_kw == pytest.approx(520.0)
        assert now.room_kw == pytest.approx(-20 * 15 / 8)
        stale = Reading(point=PointId(MAIN), value=540.0, time=NOON, at=NOON, quality=Quality.STALE,
                        source=Source.POLL, reason="offline")  # fmt: skip
        reports.store.put(stale)
        now = await reports.demand()
        assert (now.kw, now.projected_kw, now.room_kw) == (None, None, None)
        assert [(meter.kw, meter.note) for meter in now.meters] == [(None, "offline")]


async def test_a_report_is_of_a_day_to_a_year(tmp_path):
    async with building(tmp_path, night()) as reports:
        for days in (0, 400):
            with pytest.raises(FacilityError, match="1 to 366 days"):
                await reports.energy(days)


@pytest.mark.parametrize(
    ("zone", "now", "days", "since"),
    [
        ("America/Havana", "2026-11-01T05:30", 1, "2026-11-01T04:00"),  # the clock went back to 00:00: 25 hours
        ("America/Havana", "2026-11-02T12:00", 2, "2026-11-01T04:00"),
        ("Africa/Cairo", "2026-04-24T12:00", 1, "2026-04-23T22:00"),  # there is no 00:00: the first instant after it
        ("Australia/Lord_Howe", "2026-04-06T12:00", 2, "2026-04-04T13:00"),  # 24 hours and a half
        ("Africa/Casablanca", "2026-02-16T12:00", 2, "2026-02-14T23:00"),
        ("America/Chicago", "2026-03-09T12:00", 2, "2026-03-08T06:00"),  # 92 quarters of an hour
    ],
)
def test_a_report_begins_with_the_first_instant_of_its_first_civil_day(monkeypatch, zone, now, days, since):
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    monkeypatch.setattr(Clock, "now", lambda _self: at)
    sources = Sources(
        config=Config(site={"zone": zone}), clock=Clock(), history=SimpleNamespace(settled=at), claims=None, past=None
    )
    assert sources.span(days) == (datetime.fromisoformat(since).replace(tzinfo=UTC), at)


def test_the_holidays_are_those_that_are_in_force_now():
    sources = Sources(config=Config(), clock=Clock(), history=None, claims=None, past=None)
    now = replace(sources, holidays=lambda: [HolidayEntry(day=date(2026, 7, 1), name="Founder's day")])
    assert [each.is_holiday()(date(2026, 7, 1)) for each in (sources, now)] == [False, True]


async def test_without_a_history_there_is_no_report_and_it_says_why():
    sources = Sources(config=Config(), clock=Clock(), history=None, claims=None, past=None)
    reports = Reports(sources=sources, book=CatalogBook(), store=PointStore(), profiles=Profiles.load(),
                      shedding=lambda: None)  # fmt: skip
    with pytest.raises(FacilityError, match=r"history\.enabled"):
        await reports.energy(7)
    assert (await reports.demand()).kw is None


@pytest.mark.parametrize("now", [NOON, local(0, 5), datetime(2026, 11, 1, 6, 30, tzinfo=UTC)], ids=str)
async def test_an_empty_history_gives_reports_in_which_nothing_is_known(tmp_path, monkeypatch, capsys, now):
    monkeypatch.setattr(Clock, "now", lambda _self: now)
    history, book = History(tmp_path / "history.db", PointStore(), Clock()), CatalogBook()
    book.replace(Catalog.of([Device(id=DeviceId("m"), ref=REF, name="m")], [*METERS, *ROOMS], SPACES))

    async def between(_since, _until):
        return []

    reports = Reports(
        sources=Sources(
            config=Config(site={"zone": ZONE.key}), clock=Clock(), history=history,
            claims=SimpleNamespace(standing=list), past=SimpleNamespace(between=between),
        ),
        book=book, store=PointStore(), profiles=Profiles.load(), shedding=lambda: None,
    )  # fmt: skip
    running = asyncio.create_task(history.run())
    try:
        async with asyncio.timeout(30):
            while history.link().state != "ok":
                await asyncio.sleep(0.01)
        for days in (1, 30):
            used, rooms = await reports.energy(days), await reports.compliance(days)
            assert {(meter.kwh, meter.known, meter.peak_kw) for meter in used.meters} == {(None, 0.0, None)}
            assert {interval.kw for interval in used.demand} <= {None}
            assert [account.saving.kwh for account in used.accounts] == [None]
            assert all((day.in_range, day.out) == (0.0, 0.0) for day in rooms.days)
            _print_energy(await reports.demand(), used)
            assert energy_csv(used)
            assert compliance_csv(rooms)
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        history.close()
    assert "0.0 days of reference" in capsys.readouterr().out

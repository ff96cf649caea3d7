"""Which days are not as every week, who follows, and how programmes are written."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from facility.config.model import Config
from facility.months import Months
from facility.port import FacilityError
from facility.strategy import Strategy
from points.catalog import Catalog

WEEKDAYS = ["06:00 occupied", "19:00 unoccupied"]
NOVEMBER = datetime(2026, 11, 24, 12, tzinfo=UTC)


def months(*programmes, **site):
    config = Config(
        site={"zone": "America/Chicago", **site},
        holidays=[{"day": "2026-11-26", "name": "Thanksgiving"}],
        programmes=list(programmes),
    )
    clock = SimpleNamespace(now=lambda: NOVEMBER)
    book = SimpleNamespace(current=Catalog.of([], [], []))
    return Months(clock=clock, book=book, strategy=Strategy(config, NOVEMBER.date()))


OFFICE = {
    "name": "office", "weekdays": WEEKDAYS, "holidays": [],
    "exceptions": [{"name": "skeleton staff", "first": "2026-11-27", "changes": ["08:00 occupied", "15:00 unoccupied"],
                    "precedence": 5}],
}  # fmt: skip
CLINIC = {**OFFICE, "name": "clinic"}
THEATRES = {"name": "theatres", "weekdays": ["00:00 occupied"]}


async def test_only_days_that_differ_have_rules_the_most_important_first():
    told = await months(OFFICE, CLINIC, THEATRES).calendar(date(2026, 11, 25), 3)
    ordinary, thanksgiving, friday = told.days
    assert (ordinary.date, ordinary.rules, ordinary.holiday) == ("2026-11-25", [], "")
    assert thanksgiving.holiday == "Thanksgiving"
    assert [(r.kind, r.name, r.precedence, r.hours, r.follows) for r in thanksgiving.rules] == [
        ("holiday", "Thanksgiving", 8, "unoccupied all day", ["office", "clinic"]),
        ("weekly", "weekly", None, "occupied all day", ["theatres"]),
    ]
    assert (friday.rules[0].kind, friday.rules[0].precedence) == ("exception", 5)
    assert friday.rules[0].hours == "08:00 occupied, 15:00 unoccupied"


async def test_it_says_what_to_watch_out_for():
    ending = {**THEATRES, "name": "lab", "ends": "2026-12-31"}
    told = await months(OFFICE, CLINIC, THEATRES, ending).calendar(date(2026, 11, 24), 60)
    assert "Sun 14 Mar 2027: the clock goes forward by 60 min." in told.watch
    assert "Thu 26 Nov Thanksgiving and 1 more: theatres and 1 more do not follow. Intended?" in told.watch
    assert "Thu 31 Dec is the last day of lab: after it, it says nothing." in told.watch
    past = await months(OFFICE, THEATRES).calendar(date(2026, 11, 1), 20)
    assert past.watch == ["Sun 14 Mar 2027: the clock goes forward by 60 min."]  # what is over needs no watching
    [change] = (await months(OFFICE).calendar(date(2027, 3, 14), 1)).days
    assert change.clock == "the clock goes forward by 60 min"


async def test_where_the_sun_does_not_rise_somebody_is_told():
    lights = {"name": "lights", "default": "dark", "monday": ["sunset lit", "sunrise dark"]}
    north = months(lights, latitude=69.65, longitude=18.96, zone="Europe/Oslo")
    told = await north.calendar(date(2026, 11, 20), 30)
    assert any("sun" in line and "does not come, for which lights waits" in line for line in told.watch)
    south = months(lights, latitude=41.9, longitude=-87.6)
    assert not any("does not come" in line for line in (await south.calendar(date(2026, 11, 20), 30)).watch)


@pytest.mark.parametrize(
    ("first", "days"), [(date(2026, 1, 1), 0), (date(2026, 1, 1), 401), (date.max, 30), (date.min, 3)]
)
async def test_a_calendar_of_no_days_or_of_no_year_is_refused(first, days):
    with pytest.raises(FacilityError, match="calendar"):
        await months(OFFICE).calendar(first, days)


async def test_without_programmes_there_is_nothing_to_watch_but_the_clock():
    told = await months().calendar(date(2026, 11, 24), 30)
    assert (told.programmes, told.watch) == ([], ["Sun 14 Mar 2027: the clock goes forward by 60 min."])
    assert not any(day.rules for day in told.days)


def test_weeks_come_with_what_is_written():
    [office] = months(OFFICE).weeks()
    assert office.written.week[0] == WEEKDAYS
    assert office.written.week[6] == []
    assert (office.written.default, office.written.states) == ("unoccupied", ["occupied", "unoccupied"])
    [exception] = office.written.exceptions
    assert (exception.name, exception.first, exception.precedence) == ("skeleton staff", "2026-11-27", 5)

"""Programmes in the configuration: calendars, days that come again, the sun, effective periods; and what is wrong."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from facility.config.errors import ConfigError
from facility.config.loading import load
from facility.strategy import programmes_of
from schedules.calendar import SILENT, DayException, Entry, day_blocks, state_at, why
from schedules.dates import Calendar, DatePattern, DateRange, WeekNDay
from schedules.sun import Place, SunEvent, SunTime

TODAY = date(2026, 3, 1)
FILE = """
[site]
zone = "America/Chicago"
country = "US"
latitude = 41.88
longitude = -87.63

[[calendars]]
name = "closures"
days = ["2026-12-24..2027-01-01", "last monday of may", "*-*-last friday"]

[[programmes]]
name = "office"
weekdays = ["06:30 occupied", "18:00 unoccupied"]
holidays = []
holiday_precedence = 4
begins = 2026-02-01
ends = 2027-06-30

[[programmes.exceptions]]
name = "closed"
calendar = "closures"
precedence = 3

[[programmes.exceptions]]
name = "inventory"
days = "first saturday of odd"
changes = ["08:00 occupied", "12:00 as-usual"]

[[programmes]]
name = "lot"
default = "lit"
weekdays = ["22:30 low", "sunset-00:30 lit", "sunrise+00:15 dark"]
"""


def configured(folder, text):
    path = folder / "facility.toml"
    path.write_text(text, encoding="utf-8")
    return load(path)


def test_a_file_says_it_all(tmp_path):
    config = configured(tmp_path, FILE)
    made = programmes_of(config, TODAY)
    office, lot = made["office"], made["lot"]
    assert config.programmes[0].states == {"occupied", "unoccupied"}
    closures = Calendar(
        name="closures",
        entries=(
            DateRange(first=date(2026, 12, 24), last=date(2027, 1, 1)),
            WeekNDay(month=5, week=6, weekday=1),
            DatePattern(day=32, weekday=5),
        ),
    )
    assert office.exceptions == (
        DayException(name="closed", when=closures, entries=(), precedence=3),
        DayException(
            name="inventory",
            when=WeekNDay(month=13, week=1, weekday=6),
            entries=(Entry(time(8), "occupied"), Entry(time(12), None)),
        ),
    )
    assert (office.effective, office.holiday_precedence) == (
        DateRange(first=date(2026, 2, 1), last=date(2027, 6, 30)),
        4,
    )
    assert lot.place == Place(41.88, -87.63)
    assert lot.week[0] == (
        Entry(time(22, 30), "low"),
        Entry(SunTime(SunEvent.SUNSET, -30), "lit"),
        Entry(SunTime(SunEvent.SUNRISE, 15), "dark"),
    )


def test_it_means_what_it_says(tmp_path):
    made, zone = programmes_of(configured(tmp_path, FILE), TODAY), ZoneInfo("America/Chicago")
    office = made["office"]
    assert [why(office, day) for day in (date(2026, 12, 25), date(2026, 7, 3), date(2026, 7, 31))] == [
        "closed",
        "Independence Day (observed)",
        "closed",
    ]
    assert [block.state for block in day_blocks(office, date(2026, 3, 7), zone)] == [
        "unoccupied",
        "occupied",
        "unoccupied",
    ]
    assert state_at(office, datetime(2026, 1, 30, 18, tzinfo=UTC), zone) == SILENT
    day = [(block.start // 60, block.state) for block in day_blocks(made["lot"], date(2026, 6, 22), zone)]
    assert day == [(0, "lit"), (5, "dark"), (19, "lit"), (22, "low")]


PROGRAMME = '[[programmes]]\nname = "a"\n'
EXCEPTION = PROGRAMME + '[[programmes.exceptions]]\nname = "x"\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            PROGRAMME + 'monday = ["sunset-00:30 lit"]',
            "programme 'a' says 'sunset-00:30', but where the site is is not",
        ),
        (PROGRAMME + 'monday = ["sunset lit"]', "give latitude and longitude in [site]"),
        (EXCEPTION + 'first = 2026-01-01\nchanges = ["sunrise dark"]', "programme 'a' says 'sunrise'"),
        (PROGRAMME + 'monday = ["sundown lit"]', "write sunrise, sunset+00:15 or sunset-01:00"),
        (PROGRAMME + 'monday = ["sunset-13:00 lit"]', "more than 12 hours"),
        (PROGRAMME + 'monday = ["noon lit"]', "or 'sunset-00:30 lit'"),
        ("[site]\nlatitude = 50.0\n", "a place needs both latitude and longitude"),
        ("[site]\nlatitude = 91\nlongitude = 0\n", "site.latitude"),
        ("[site]\nlatitude = nan\nlongitude = 0\n", "site.latitude"),
        (
            EXCEPTION + 'calendar = "closures"',
            "exception 'x' of programme 'a' refers to calendar 'closures'; known: none",
        ),
        (EXCEPTION, "exception 'x' needs one of first, days, calendar; it has 0"),
        (EXCEPTION + 'first = 2026-01-01\ndays = "2026-01-01"', "it has 2"),
        (EXCEPTION + 'last = 2026-01-01\ndays = "2026-01-01"', "has a last day but no first one"),
        (EXCEPTION + 'days = "monday"', "'monday' are no days; write a day such as 2026-12-24"),
        (EXCEPTION + 'days = "2026-01-01"\nprecedence = 17', "programmes.0.exceptions.0.precedence"),
        ('[[calendars]]\nname = "c"\ndays = ["2026-02-30"]', "calendars.0.days.0: '2026-02-30' are no days"),
        ('[[calendars]]\nname = "c"\ndays = []', "calendars.0.days"),
        ('[[calendars]]\nname = "c"\ndays = ["*-*-1"]\n' * 2, "two of a name: calendar 'c'"),
        (PROGRAMME + 'default = ""', "programmes.0.default"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, text, says):
    with pytest.raises(ConfigError) as error:
        configured(tmp_path, text)
    assert says in str(error.value)


def test_a_period_that_ends_before_it_begins_is_told(tmp_path):
    with pytest.raises(ConfigError, match="programme 'a': ends on 2026-01-01, before it begins on 2026-02-01"):
        configured(tmp_path, PROGRAMME + "begins = 2026-02-01\nends = 2026-01-01\n")

"""Sunrise and sunset in civil minutes: almanac values, polar days, and what holds everywhere on earth."""

from datetime import date, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schedules.sun import Place, SunEvent, SunTime, minute_of_sun, sun_time_of

CHICAGO = (Place(41.8781, -87.6298), "America/Chicago")
SYDNEY = (Place(-33.8688, 151.2093), "Australia/Sydney")
REYKJAVIK = (Place(64.1466, -21.9426), "Atlantic/Reykjavik")
LONDON = (Place(51.5074, -0.1278), "Europe/London")
TROMSO = (Place(69.6492, 18.9553), "Europe/Oslo")
KIRITIMATI = (Place(1.87, -157.4), "Pacific/Kiritimati")  # 14 hours ahead of UTC, 157 degrees west
LAST = 24 * 60 - 1


def on(text, day, where):
    place, zone = where
    return minute_of_sun(sun_time_of(text), date.fromisoformat(day), place, ZoneInfo(zone))


def clock(text):
    return int(text[:2]) * 60 + int(text[3:])


@pytest.mark.parametrize(
    ("where", "day", "rises", "sets"),
    [
        (CHICAGO, "2026-06-21", "05:16", "20:29"),
        (CHICAGO, "2026-12-21", "07:15", "16:23"),
        (CHICAGO, "2026-03-08", "07:14", "18:49"),  # the clock went forward that night
        (CHICAGO, "2026-11-01", "06:23", "16:44"),  # and back
        (SYDNEY, "2026-12-21", "05:41", "20:05"),
        (SYDNEY, "2026-06-21", "07:00", "16:54"),
        (KIRITIMATI, "2026-06-21", "06:25", "18:38"),
        (LONDON, "2026-06-21", "04:43", "21:22"),
        (LONDON, "2026-12-21", "08:04", "15:53"),
    ],
)
def test_almanac_values(where, day, rises, sets):
    assert on("sunrise", day, where) == pytest.approx(clock(rises), abs=1)
    assert on("sunset", day, where) == pytest.approx(clock(sets), abs=1)


def test_an_offset_is_counted_on_the_clock():
    sunset = on("sunset", "2026-06-21", CHICAGO)
    assert on("sunset-00:30", "2026-06-21", CHICAGO) == sunset - 30
    assert on("sunset+01:05", "2026-06-21", CHICAGO) == sunset + 65


def test_what_falls_behind_midnight_is_the_last_minute_of_the_day():
    assert on("sunset", "2026-06-21", REYKJAVIK) == LAST  # at 00:03 of the day after
    assert on("sunset-00:30", "2026-06-21", REYKJAVIK) == pytest.approx(clock("23:33"), abs=1)
    assert on("sunset+06:00", "2026-06-21", CHICAGO) == LAST
    assert on("sunrise-06:00", "2026-06-21", CHICAGO) == 0


@pytest.mark.parametrize("offset", ["", "-01:00", "+01:00"])
def test_where_the_sun_does_not_set_it_has_risen_at_midnight_and_there_is_no_sunset(offset):
    assert on(f"sunrise{offset}", "2026-06-21", TROMSO) == 0
    assert on(f"sunset{offset}", "2026-06-21", TROMSO) is None


@pytest.mark.parametrize("offset", ["", "-01:00", "+01:00"])
def test_where_the_sun_does_not_rise_it_has_set_at_midnight_and_there_is_no_sunrise(offset):
    assert on(f"sunset{offset}", "2026-12-21", TROMSO) == 0
    assert on(f"sunrise{offset}", "2026-12-21", TROMSO) is None


def test_the_last_sunrise_before_the_midnight_sun_has_no_sunset():
    assert on("sunrise", "2026-05-18", TROMSO) == pytest.approx(clock("00:59"), abs=5)
    assert on("sunset", "2026-05-18", TROMSO) is None


ANYWHERE = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))
ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
OFFSETS = st.integers(-12 * 60, 12 * 60)


@given(ANYWHERE, DAYS, ZONES, OFFSETS)
@settings(max_examples=300, deadline=None)
def test_everywhere_and_in_any_zone_it_is_a_minute_of_that_day_or_does_not_come(place, day, zone, offset):
    at = {event: minute_of_sun(SunTime(event), day, place, zone) for event in SunEvent}
    rise, set_ = at[SunEvent.SUNRISE], at[SunEvent.SUNSET]
    assert rise is not None or set_ is not None
    assert all(minute is None or 0 <= minute <= LAST for minute in at.values())
    if rise is not None and set_ is not None:
        assert rise <= set_
    for event in SunEvent:
        moved = minute_of_sun(SunTime(event, offset), day, place, zone)
        assert (moved is None) == (at[event] is None)
        assert moved is None or 0 <= moved <= LAST


@example(latitude=-5.0, hours=6, day=date(2020, 9, 1))  # risen just before midnight of UTC
@given(st.floats(-60, 60), st.integers(-11, 11), DAYS)
@settings(max_examples=200, deadline=None)
def test_in_a_fitting_zone_of_the_habitable_world_the_sun_moves_little_from_day_to_day(latitude, hours, day):
    place, zone = Place(latitude, hours * 15.0), ZoneInfo(f"Etc/GMT{-hours:+d}" if hours else "UTC")
    for event in SunEvent:
        one, other = (minute_of_sun(SunTime(event), each, place, zone) for each in (day, day + timedelta(days=1)))
        assert one is not None
        assert other is not None
        assert abs(one - other) <= 5


@pytest.mark.parametrize(
    ("place", "zone"),
    [(Place(23.8, 90.4), "Asia/Dhaka"), (Place(22.57, 88.36), "Asia/Kolkata"), (Place(43.8, 87.6), "Asia/Shanghai")],
)
def test_no_sunrise_of_a_year_is_missing_where_it_is_about_midnight_of_utc(place, zone):
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(366)]
    minutes = [minute_of_sun(SunTime(SunEvent.SUNRISE), day, place, ZoneInfo(zone)) for day in days]
    assert all(abs(minute - before) <= 2 for before, minute in pairwise(minutes))


@given(st.sampled_from(SunEvent), OFFSETS)
def test_what_is_written_is_read_as_the_same(event, offset):
    assert sun_time_of(str(SunTime(event, offset))) == SunTime(event, offset)


@pytest.mark.parametrize("text", ["noon", "sunset-0:30", "sunset 00:30", "sunrise+00:60", "", "sunset-"])
def test_what_is_no_time_of_the_sun_is_told(text):
    with pytest.raises(ValueError, match=r"write sunrise, sunset\+00:15"):
        sun_time_of(text)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sun_time_of("sunset+12:01"), "more than 12 hours"),
        (lambda: Place(91, 0), "is no place"),
        (lambda: Place(0, -181), "is no place"),
        (lambda: Place(float("nan"), 0), "is no place"),
    ],
)
def test_bounds_are_kept(make, says):
    with pytest.raises(ValueError, match=says):
        make()

"""A timetable: what is kept of the answers is never out of date, and what never changes costs little."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st
from test_calendar_days import stories

from schedules import calendar
from schedules.calendar import SILENT, DayException, Entry, Programme, SpecialEvent, next_transition, state_at, why_at
from schedules.civil import instant_of
from schedules.dates import DateRange
from schedules.sun import Place, SunEvent, SunTime
from schedules.timetable import Timetable

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 24, 11, tzinfo=UTC)
ALWAYS_OFF = Programme(name="off", default="off", week=((),) * 7)
HOURS = replace(ALWAYS_OFF, week=((Entry(time(6), "on"), Entry(time(19), "off")),) * 7)


def test_a_change_more_than_a_year_away_is_found_when_it_comes_near():
    far = DayException(
        name="x", when=DateRange(first=date(2029, 1, 1), last=date(2029, 1, 1)), entries=(Entry(time(9), "on"),)
    )
    table = Timetable(replace(ALWAYS_OFF, exceptions=(far,)), BERLIN)
    now, asked = NOON, 0
    while table.state(now) == "off":
        again = table.change(now)
        assert again > now
        now, asked = again, asked + 1
    assert now == datetime(2029, 1, 1, 8, tzinfo=UTC)
    assert asked <= 3
    assert table.at(NOON).end is None  # not within a year


def test_what_never_changes_never_has_to_be_looked_at_again():
    assert Timetable(ALWAYS_OFF, BERLIN).change(NOON) is None
    assert Timetable(HOURS, BERLIN).change(NOON) == datetime(2026, 11, 24, 18, tzinfo=UTC)


def test_the_rule_is_the_same_until_a_special_event_begins_or_ends_though_the_state_is():
    hour = timedelta(hours=1)
    event = SpecialEvent(name="extra", state="on", begin=NOON + hour, end=NOON + 2 * hour)
    table = Timetable(replace(HOURS, events=(event,)), BERLIN)
    assert (table.state(NOON), table.why(NOON), table.same_rule_until(NOON)) == ("on", "weekly", NOON + hour)
    assert (table.why(NOON + hour), table.same_rule_until(NOON + hour)) == ("extra", NOON + 2 * hour)
    assert table.change(NOON + hour) == datetime(2026, 11, 24, 18, tzinfo=UTC)


def test_outside_of_the_effective_period_nothing_is_said():
    table = Timetable(replace(HOURS, effective=DateRange(last=date(2026, 11, 23))), BERLIN)
    assert (table.state(NOON), table.at(NOON).end) == (SILENT, None)


@given(stories(), st.lists(st.integers(-4000, 4000), max_size=8))
@settings(max_examples=50, deadline=None)
def test_the_answers_are_the_calendars_in_whatever_order_one_asks(story, minutes):
    zone, day, programme = story
    table, begin = Timetable(programme, zone), instant_of(day, time(0), zone)
    for minute in minutes:
        now = begin + timedelta(minutes=minute)
        stretch = table.at(now)
        assert stretch.begin <= now
        assert (stretch.state, table.state(now)) == (state_at(programme, now, zone),) * 2
        change = next_transition(programme, now, zone)
        if change is not None:
            assert (table.change(now), stretch.turns) == change
        until = table.same_rule_until(now)
        assert until > now
        for later in (now, now + (until - now) / 2, until - timedelta(seconds=1)):
            assert (table.state(later), table.why(later)) == (stretch.state, why_at(programme, now, zone))


def test_within_a_stretch_nothing_is_computed_again(monkeypatch):
    table = Timetable(HOURS, BERLIN)
    table.at(NOON)
    monkeypatch.setattr(calendar, "_blocks", None)  # would raise
    assert [table.state(NOON + timedelta(minutes=n)) for n in (0, 1, 200)] == ["on"] * 3


def test_a_year_without_a_change_is_looked_through_once_for_each_kind_of_day(monkeypatch):
    """Not four hundred times: the kinds of day are seven weekdays, a holiday and an exception."""
    looked, changes = [], calendar._changes
    monkeypatch.setattr(calendar, "_changes", lambda *given: looked.append(1) or changes(*given))
    monday = (Entry(time(0), "off"), Entry(time(6), "off"))
    closed = DayException(name="closed", when=DateRange(first=date(2027, 1, 1), last=date(2027, 2, 1)), entries=monday)
    quiet = replace(ALWAYS_OFF, default="x", week=((Entry(time(0), "off"),),) * 7, exceptions=(closed,))
    assert next_transition(quiet, NOON, BERLIN) is None
    assert len(looked) <= 10


def test_the_sun_is_not_asked_about_days_that_say_one_thing_all_the_same(monkeypatch):
    asked = []
    monkeypatch.setattr(calendar, "minute_of_sun", lambda *_: asked.append(1) or 360)
    rises = (Entry(SunTime(SunEvent.SUNRISE), "off"),)
    assert next_transition(replace(ALWAYS_OFF, week=(rises,) * 7, place=Place(52, 13)), NOON, BERLIN) is None
    assert len(asked) <= 1

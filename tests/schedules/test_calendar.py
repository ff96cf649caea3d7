"""The calendar: known answers of domain.md 3.5, and its promises over all zones."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.calendar import (
    DayBlock,
    DayException,
    Entry,
    Programme,
    day_blocks,
    next_transition,
    state_at,
    transitions,
    why,
)
from schedules.civil import DAY, civil_day, instant_of
from schedules.dates import DateRange

BERLIN = ZoneInfo("Europe/Berlin")
CHICAGO = ZoneInfo("America/Chicago")
OFFICE_DAY = (Entry(time(6), "occupied"), Entry(time(19), "unoccupied"))
CLOSED: tuple[Entry, ...] = ()


def programme(**changes):
    given_ = {"name": "office", "default": "unoccupied", "week": (OFFICE_DAY,) * 5 + (CLOSED,) * 2}
    return Programme(**{**given_, **changes})


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def one_state_a_day(*entries):
    return programme(week=(tuple(entries),) * 7)


# --- known answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "state"),
    [
        ("2026-11-23 05:59", "unoccupied"),
        ("2026-11-23 06:00", "occupied"),
        ("2026-11-23 18:59", "occupied"),
        ("2026-11-23 19:00", "unoccupied"),
        ("2026-11-28 12:00", "unoccupied"),  # a Saturday
    ],
)
def test_a_week(local, state):
    assert state_at(programme(), at(local), BERLIN) == state


def test_an_entry_without_a_state_returns_to_the_week_at_noon():
    morning_off = DayException(
        name="fire drill",
        when=DateRange(first=date(2026, 11, 24), last=date(2026, 11, 24)),
        entries=(Entry(time(0), "unoccupied"), Entry(time(12), None)),
    )
    drill = programme(exceptions=(morning_off,))
    assert state_at(drill, at("2026-11-24 11:59"), BERLIN) == "unoccupied"
    assert state_at(drill, at("2026-11-24 12:00"), BERLIN) == "occupied"
    assert state_at(drill, at("2026-11-25 11:00"), BERLIN) == "occupied"
    assert why(drill, date(2026, 11, 24)) == "fire drill"
    assert why(drill, date(2026, 11, 25)) == "weekly"


def test_of_two_exceptions_the_lower_number_wins_and_of_equals_the_first():
    def closed(name, precedence, state):
        return DayException(
            name=name,
            when=DateRange(first=date(2026, 11, 23), last=date(2026, 11, 25)),
            entries=(Entry(time(0), state),),
            precedence=precedence,
        )

    two = programme(exceptions=(closed("five", 5, "e"), closed("three", 3, "c"), closed("also three", 3, "d")))
    assert why(two, date(2026, 11, 24)) == "three"
    assert state_at(two, at("2026-11-24 12:00"), BERLIN) == "c"


def test_an_entry_without_a_state_in_the_week_means_the_default():
    assert day_blocks(one_state_a_day(Entry(time(8), "a"), Entry(time(9), None)), date(2026, 11, 24), BERLIN) == [
        DayBlock(0, 480, "unoccupied"),
        DayBlock(480, 540, "a"),
        DayBlock(540, 1440, "unoccupied"),
    ]


def test_nothing_carries_over_midnight():
    late = one_state_a_day(Entry(time(20), "occupied"))
    assert state_at(late, at("2026-11-24 23:59"), BERLIN) == "occupied"
    assert state_at(late, at("2026-11-25 00:00"), BERLIN) == "unoccupied"


def test_a_holiday_replaces_the_week_only_for_those_who_follow_holidays():
    thanksgiving = {date(2026, 11, 26): "Thanksgiving"}
    follows = programme(holidays=thanksgiving, on_holiday=CLOSED)
    clinical = programme(holidays=thanksgiving)
    assert state_at(follows, at("2026-11-26 12:00", CHICAGO), CHICAGO) == "unoccupied"
    assert why(follows, date(2026, 11, 26)) == "Thanksgiving"
    assert state_at(clinical, at("2026-11-26 12:00", CHICAGO), CHICAGO) == "occupied"
    assert why(clinical, date(2026, 11, 26)) == "weekly"


def test_an_exception_goes_before_a_holiday_of_the_same_rank_and_after_one_of_a_lower_number():
    open_anyway = DayException(
        name="flu clinic",
        when=DateRange(first=date(2026, 11, 26), last=date(2026, 11, 26)),
        entries=(Entry(time(8), "occupied"),),
    )
    given_ = {"holidays": {date(2026, 11, 26): "Thanksgiving"}, "on_holiday": CLOSED, "exceptions": (open_anyway,)}
    assert why(programme(**given_), date(2026, 11, 26)) == "flu clinic"
    assert why(programme(**given_, holiday_precedence=1), date(2026, 11, 26)) == "Thanksgiving"


def test_29_february():
    leap = DayException(name="leap", when=DateRange(first=date(2028, 2, 29), last=date(2028, 2, 29)), entries=CLOSED)
    assert why(programme(exceptions=(leap,)), date(2028, 2, 29)) == "leap"
    assert state_at(programme(exceptions=(leap,)), at("2028-02-29 12:00"), BERLIN) == "unoccupied"
    assert state_at(programme(exceptions=(leap,)), at("2028-03-01 12:00"), BERLIN) == "occupied"


def test_a_day_reaches_to_24_00():
    assert day_blocks(programme(), date(2026, 11, 23), BERLIN) == [
        DayBlock(0, 360, "unoccupied"),
        DayBlock(360, 1140, "occupied"),
        DayBlock(1140, 1440, "unoccupied"),
    ]
    assert day_blocks(programme(), date(2026, 11, 28), BERLIN) == [DayBlock(0, 1440, "unoccupied")]


# --- the two nights --------------------------------------------------------------------------------------------------


def test_a_time_that_the_clock_skips_takes_effect_at_the_first_instant_after_the_gap():
    spring = one_state_a_day(Entry(time(2, 15), "b"), Entry(time(2, 30), "c"), Entry(time(4), "d"))
    assert transitions(spring, date(2027, 3, 28), BERLIN) == [
        (datetime(2027, 3, 27, 23, tzinfo=UTC), "unoccupied"),
        (datetime(2027, 3, 28, 1, tzinfo=UTC), "c"),  # 03:00 CEST, the first instant there is; 02:15 lasted no time
        (datetime(2027, 3, 28, 2, tzinfo=UTC), "d"),
    ]


def test_a_time_that_the_clock_shows_twice_takes_effect_once_at_its_first_occurrence():
    autumn = one_state_a_day(Entry(time(2, 30), "b"))
    assert transitions(autumn, date(2027, 10, 31), BERLIN) == [
        (datetime(2027, 10, 30, 22, tzinfo=UTC), "unoccupied"),
        (datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "b"),
    ]
    assert state_at(autumn, datetime(2027, 10, 31, 1, 15, tzinfo=UTC), BERLIN) == "b"  # 02:15 again: it stays


def test_a_clock_that_goes_back_over_midnight_does_not_bring_the_old_day_back():
    st_johns = ZoneInfo("America/St_Johns")  # until 2011 the clock went back at 00:01, to 23:01 of the day before
    late = one_state_a_day(Entry(time(23, 30), "b"))
    again = datetime(2010, 11, 7, 2, 45, tzinfo=UTC)  # 23:15 for the second time
    assert again.astimezone(st_johns).date() == date(2010, 11, 6)
    assert civil_day(again, st_johns) == date(2010, 11, 7)
    assert state_at(late, again, st_johns) == "unoccupied"


def test_a_day_that_was_left_out_of_the_calendar_has_no_states():
    apia = ZoneInfo("Pacific/Apia")
    daily = one_state_a_day(Entry(time(8), "b"))
    assert transitions(daily, date(2011, 12, 30), apia) == []
    assert next_transition(daily, datetime(2011, 12, 30, 9, tzinfo=UTC), apia) == (
        datetime(2011, 12, 30, 10, tzinfo=UTC),  # 31 December 00:00 there
        "unoccupied",
    )


# --- what comes next -------------------------------------------------------------------------------------------------


def test_the_next_transition_looks_over_the_weekend_and_not_at_entries_that_change_nothing():
    friday_night = at("2026-11-27 19:30")
    assert next_transition(programme(), friday_night, BERLIN) == (at("2026-11-30 06:00"), "occupied")
    assert next_transition(programme(), at("2026-11-27 19:00"), BERLIN) == (at("2026-11-30 06:00"), "occupied")
    assert next_transition(programme(), at("2026-11-27 18:59"), BERLIN) == (at("2026-11-27 19:00"), "unoccupied")


def test_a_yearly_exception_is_found_and_a_programme_that_never_changes_has_no_next():
    always = programme(week=(CLOSED,) * 7)
    assert next_transition(always, at("2026-11-27 12:00"), BERLIN) is None
    party = DayException(
        name="p", when=DateRange(first=date(2027, 12, 1), last=date(2027, 12, 1)), entries=(Entry(time(9), "x"),)
    )
    assert next_transition(programme(week=(CLOSED,) * 7, exceptions=(party,)), at("2026-11-27 12:00"), BERLIN) == (
        at("2027-12-01 09:00"),
        "x",
    )


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Entry(time(6, 0, 30), "x"), "whole minutes"),
        (lambda: Entry(time(6, tzinfo=UTC), "x"), "civil time"),
        (lambda: programme(week=(CLOSED,) * 5), "a week has 7"),
        (lambda: one_state_a_day(Entry(time(9), "a"), Entry(time(8), "b")), "08:00 is written after 09:00"),
        (lambda: one_state_a_day(Entry(time(9), "a"), Entry(time(9), "b")), "forward in time"),
        (lambda: programme(on_holiday=(Entry(time(9), "a"), Entry(time(8), "b"))), "forward in time"),
        (
            lambda: DayException(name="x", when=DateRange(first=date(2026, 2, 2), last=date(2026, 2, 1)), entries=()),
            "before it begins",
        ),
    ],
)
def test_mistakes_are_told(make, says):
    with pytest.raises(ValueError, match=says):
        make()


# --- promises --------------------------------------------------------------------------------------------------------

ZONES = st.sampled_from(sorted(available_timezones())).map(ZoneInfo)
DAYS = st.dates(date(2000, 1, 1), date(2040, 12, 31))
MINUTES = st.integers(0, 1439)
STATES = st.sampled_from(["a", "b", "c"])


@st.composite
def day_programmes(draw):
    minutes = sorted(draw(st.sets(MINUTES, max_size=6)))
    return tuple(Entry(time(m // 60, m % 60), draw(STATES | st.none())) for m in minutes)


@st.composite
def programmes(draw):
    week = tuple(draw(day_programmes()) for _ in range(7))
    return Programme(name="any", default=draw(STATES), week=week)


@st.composite
def nights_and_zones(draw):
    """A zone and a day; half of the time a day on which the clocks change there."""
    zone, day = draw(ZONES), draw(DAYS)
    if draw(st.booleans()):
        for ahead in range(366):
            later = day + ahead * DAY
            if later.year < 2040 and _offset(later, zone) != _offset(later + DAY, zone):
                return later, zone
    return day, zone


def _offset(day, zone):
    return datetime(day.year, day.month, day.day, tzinfo=zone).utcoffset()


@given(nights_and_zones(), MINUTES)
@settings(max_examples=300, deadline=None)
def test_a_civil_time_is_the_first_instant_at_which_the_clock_shows_it_or_a_later_one(night, minute):
    day, zone = night
    at_ = time(minute // 60, minute % 60)
    instant = instant_of(day, at_, zone)
    wanted = datetime.combine(day, at_)
    assert instant.tzinfo is UTC
    assert instant.astimezone(zone).replace(tzinfo=None) >= wanted
    second = timedelta(seconds=1)
    assert (instant - second).astimezone(zone).replace(tzinfo=None) < wanted


@given(programmes(), nights_and_zones())
@settings(max_examples=200, deadline=None)
def test_each_change_of_a_civil_day_happens_once_and_in_order(any_programme, night):
    day, zone = night
    stretches = transitions(any_programme, day, zone)
    if not stretches:  # a day left out of the calendar
        assert instant_of(day, time(0), zone) == instant_of(day + DAY, time(0), zone)
        return
    assert stretches[0][0] == instant_of(day, time(0), zone)
    assert all(one < other for (one, _), (other, _) in pairwise(stretches))
    assert stretches[-1][0] < instant_of(day + DAY, time(0), zone)
    blocks = day_blocks(any_programme, day, BERLIN)
    assert len(stretches) <= len(blocks)
    if instant_of(day + DAY, time(0), zone) - stretches[0][0] >= DAY:  # no gap: nothing may be lost
        assert [state for _, state in stretches] == [block.state for block in blocks]
    for since, state in stretches:
        assert civil_day(since, zone) == day
        assert state_at(any_programme, since, zone) == state


@given(programmes(), nights_and_zones(), MINUTES)
@settings(max_examples=200, deadline=None)
def test_between_now_and_the_next_transition_the_state_stays(any_programme, night, minute):
    day, zone = night
    now = instant_of(day, time(0), zone) + timedelta(minutes=minute)
    change = next_transition(any_programme, now, zone)
    present = state_at(any_programme, now, zone)
    if change is None:
        assert all(state_at(any_programme, now + n * DAY, zone) == present for n in range(8))
        return
    instant, state = change
    assert instant > now
    assert state != present
    assert state_at(any_programme, instant, zone) == state
    assert state_at(any_programme, instant - timedelta(seconds=1), zone) == present
    assert state_at(any_programme, now + (instant - now) / 2, zone) == present


@given(programmes(), DAYS)
@settings(max_examples=200, deadline=None)
def test_blocks_fill_the_day_and_neighbours_differ(any_programme, day):
    blocks = day_blocks(any_programme, day, BERLIN)
    assert blocks[0].start == 0
    assert blocks[-1].end == 1440
    assert all(block.start < block.end for block in blocks)
    assert all(one.end == other.start and one.state != other.state for one, other in pairwise(blocks))

"""Exceptions that come again, the sun, effective periods and special events, in every zone, against a slow oracle.

The oracle goes through time minute by minute and keeps the latest civil time that any clock has shown so far: an entry
takes effect when that has reached it. So a time that is skipped takes effect after the gap, one shown twice once.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules.calendar import (
    OUT_OF_PERIOD,
    SILENT,
    DayBlock,
    DayException,
    Entry,
    Programme,
    SpecialEvent,
    day_blocks,
    next_transition,
    state_at,
    transitions,
    why,
    why_at,
)
from schedules.civil import DAY, civil_day, instant_of
from schedules.dates import Calendar, DateRange, WeekNDay, days_of
from schedules.sun import Place, SunEvent, SunTime, minute_of_sun

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE_DAY = (Entry(time(6), "occupied"), Entry(time(19), "unoccupied"))
OFFICE = Programme(name="office", default="unoccupied", week=(OFFICE_DAY,) * 5 + ((),) * 2)
MINUTE = timedelta(minutes=1)


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def event(state, begin, end, name="event", zone=BERLIN):
    return SpecialEvent(name=name, state=state, begin=at(begin, zone), end=at(end, zone))


# --- known answers ---------------------------------------------------------------------------------------------------


def test_an_exception_that_comes_again():
    memorial = DayException(name="Memorial Day", when=WeekNDay(month=5, week=6, weekday=1), entries=())
    office = replace(OFFICE, exceptions=(memorial,))
    assert why(office, date(2025, 5, 26)) == "Memorial Day"
    assert state_at(office, at("2025-05-26 12:00"), BERLIN) == "unoccupied"
    assert why(office, date(2025, 5, 19)) == "weekly"
    assert state_at(office, at("2025-05-19 12:00"), BERLIN) == "occupied"


def test_exceptions_of_one_calendar_end_together():
    closures = Calendar(name="closures", entries=(days_of("2026-12-24..2026-12-31"), days_of("*-02-29")))
    half = DayException(name="half day", when=closures, entries=(Entry(time(6), "occupied"), Entry(time(12), None)))
    office = replace(OFFICE, exceptions=(half,))
    assert why(office, date(2028, 2, 29)) == "half day"
    assert why(office, date(2026, 12, 31)) == "half day"
    assert why(office, date(2027, 1, 1)) == "weekly"


def test_outside_of_its_effective_period_a_programme_says_nothing():
    summer = replace(OFFICE, effective=DateRange(first=date(2026, 6, 1), last=date(2026, 8, 31)))
    assert state_at(summer, at("2026-05-29 12:00"), BERLIN) == SILENT
    assert why(summer, date(2026, 5, 29)) == OUT_OF_PERIOD
    assert state_at(summer, at("2026-06-01 00:00"), BERLIN) == "unoccupied"
    assert next_transition(summer, at("2026-05-29 12:00"), BERLIN) == (at("2026-06-01 00:00"), "unoccupied")
    assert next_transition(summer, at("2026-08-31 20:00"), BERLIN) == (at("2026-09-01 00:00"), SILENT)
    assert next_transition(summer, at("2026-09-01 00:00"), BERLIN) is None
    assert day_blocks(summer, date(2026, 9, 1), BERLIN) == [DayBlock(0, 1440, SILENT)]


def test_theatre_until_23_00_tonight():
    tonight = replace(OFFICE, events=(event("occupied", "2026-11-24 17:30", "2026-11-24 23:00", "long list"),))
    assert state_at(tonight, at("2026-11-24 22:59"), BERLIN) == "occupied"
    assert why_at(tonight, at("2026-11-24 18:00"), BERLIN) == "long list"
    assert why_at(tonight, at("2026-11-24 17:00"), BERLIN) == "weekly"
    assert next_transition(tonight, at("2026-11-24 12:00"), BERLIN) == (at("2026-11-24 23:00"), "unoccupied")
    assert day_blocks(tonight, date(2026, 11, 24), BERLIN) == [
        DayBlock(0, 360, "unoccupied"),
        DayBlock(360, 1380, "occupied"),
        DayBlock(1380, 1440, "unoccupied"),
    ]
    assert transitions(tonight, date(2026, 11, 24), BERLIN)[1:] == [
        (at("2026-11-24 06:00"), "occupied"),
        (at("2026-11-24 23:00"), "unoccupied"),
    ]


def test_a_special_event_outranks_everything_and_goes_on_over_midnight():
    first = DayException(name="closed", when=DateRange(), entries=(), precedence=1)
    night = event("occupied", "2026-11-24 23:30", "2026-11-25 02:00")
    gone = replace(OFFICE, exceptions=(first,), effective=DateRange(last=date(2026, 11, 1)), events=(night,))
    assert [state_at(gone, at(f"2026-11-{when}"), BERLIN) for when in ("24 23:29", "24 23:30", "25 01:59")] == [
        SILENT,
        "occupied",
        "occupied",
    ]
    assert next_transition(gone, at("2026-11-24 23:45"), BERLIN) == (at("2026-11-25 02:00"), SILENT)
    assert day_blocks(gone, date(2026, 11, 25), BERLIN)[0] == DayBlock(0, 120, "occupied")


def test_of_two_special_events_the_one_announced_last_rules():
    two = (event("a", "2026-11-24 10:00", "2026-11-24 14:00"), event("b", "2026-11-24 09:00", "2026-11-24 12:00"))
    assert [state for _, state in transitions(replace(OFFICE, events=two), date(2026, 11, 24), BERLIN)] == [
        "unoccupied",
        "occupied",
        "b",
        "a",
        "occupied",
        "unoccupied",
    ]


def test_lights_go_by_the_sun():
    dusk = (Entry(SunTime(SunEvent.SUNRISE, 15), "dark"), Entry(SunTime(SunEvent.SUNSET, -30), "lit"))
    lights = Programme(name="lot", default="lit", week=(dusk,) * 7, place=Place(52.52, 13.405))
    day = [
        (since.astimezone(BERLIN).strftime("%H:%M"), state)
        for since, state in transitions(lights, date(2026, 6, 21), BERLIN)
    ]
    assert day == [("00:00", "lit"), ("04:58", "dark"), ("21:03", "lit")]


def test_where_the_sun_does_not_set_lights_stay_dark_and_in_the_polar_night_lit():
    dusk = (Entry(SunTime(SunEvent.SUNRISE), "dark"), Entry(SunTime(SunEvent.SUNSET), "lit"))
    oslo = ZoneInfo("Europe/Oslo")
    lights = Programme(name="lot", default="off", week=(dusk,) * 7, place=Place(69.65, 18.96))
    assert day_blocks(lights, date(2026, 6, 21), oslo) == [DayBlock(0, 1440, "dark")]
    assert day_blocks(lights, date(2026, 12, 21), oslo) == [DayBlock(0, 1440, "lit")]


def test_at_the_same_minute_the_later_entry_counts():
    zone, place, day = BERLIN, Place(52.52, 13.405), date(2026, 6, 21)
    minute = minute_of_sun(SunTime(SunEvent.SUNSET), day, place, zone)
    same = (Entry(time(minute // 60, minute % 60), "clock"), Entry(SunTime(SunEvent.SUNSET), "sun"))
    lights = Programme(name="lot", default="off", week=(same,) * 7, place=place)
    assert [block.state for block in day_blocks(lights, day, zone)] == ["off", "sun"]


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: replace(OFFICE, week=((Entry(SunTime(SunEvent.SUNSET), "x"),),) * 7), "give latitude and longitude"),
        (lambda: DayException(name="x", when=DateRange(), entries=(), precedence=17), "it is 1 to 16"),
        (lambda: replace(OFFICE, holiday_precedence=0), "it is 1 to 16"),
        (lambda: DayException(name="x", when=DateRange(), entries=OFFICE_DAY[::-1]), "forward in time"),
        (lambda: event("x", "2026-11-24 10:00", "2026-11-24 10:00"), "ends before it begins"),
        (lambda: SpecialEvent(name="x", state="x", begin=datetime(2026, 1, 1), end=at("2026-01-02")), "offsets"),  # noqa: DTZ001
    ],
)
def test_mistakes_are_told(make, says):
    with pytest.raises(ValueError, match=says):
        make()


# --- promises --------------------------------------------------------------------------------------------------------

STATES = st.sampled_from(["a", "b", "c"])
ZONES = st.sampled_from(sorted(available_timezones()))
DAYS = st.dates(date(2020, 1, 1), date(2040, 12, 31))
SUN = st.builds(SunTime, st.sampled_from(SunEvent), st.integers(-180, 180))


@st.composite
def day_programmes(draw, most=4):
    minutes = sorted(draw(st.sets(st.integers(0, 1439) | st.integers(0, 240), max_size=most)))
    fixed = [Entry(time(m // 60, m % 60), draw(STATES | st.none())) for m in minutes]
    sun = [Entry(each, draw(STATES | st.none())) for each in draw(st.lists(SUN, max_size=2))]
    return (*fixed, *sun)


@st.composite
def stories(draw):
    """A zone, a day (half of the time one on which the clocks change there), and a programme that has much to say."""
    zone, day = ZoneInfo(draw(ZONES)), draw(DAYS)
    if draw(st.booleans()):
        ahead = (day + n * DAY for n in range(370))
        day = next((each for each in ahead if each.year < 2041 and _is_a_night(each, zone)), day)
    around = st.integers(-3, 3).map(lambda n: day + n * DAY)
    whens = st.one_of(
        st.builds(WeekNDay, week=st.none() | st.integers(1, 9), weekday=st.none() | st.integers(1, 7)),
        st.tuples(around, around).map(lambda two: DateRange(first=min(two), last=max(two))),
        st.builds(DateRange, first=around),
    )
    exceptions = [
        DayException(name=f"e{n}", when=draw(whens), entries=draw(day_programmes()), precedence=draw(st.integers(7, 9)))
        for n in range(draw(st.integers(0, 3)))
    ]
    midnight = instant_of(day, time(0), zone)
    events = [
        SpecialEvent(name=f"s{n}", state=draw(STATES), begin=begin, end=begin + draw(st.integers(1, 2000)) * MINUTE)
        for n in range(draw(st.integers(0, 2)))
        for begin in [midnight + draw(st.integers(-1500, 2900)) * MINUTE]
    ]
    programme = Programme(
        name="any",
        default=draw(STATES),
        week=tuple(draw(st.lists(day_programmes(), min_size=7, max_size=7))),
        exceptions=tuple(exceptions),
        holidays={day: "holiday"},
        on_holiday=draw(st.none() | day_programmes()),
        effective=draw(st.just(DateRange()) | whens.filter(lambda when: isinstance(when, DateRange))),
        place=Place(draw(st.floats(-90, 90)), draw(st.floats(-180, 180))),
        events=tuple(events),
    )
    return zone, day, programme


def _is_a_night(day, zone):
    one, other = (datetime(each.year, each.month, each.day, tzinfo=zone).utcoffset() for each in (day, day + DAY))
    return one != other


def said_by_rules(programme, shown, zone):
    """What the rules say at this civil time, as domain.md 3.5 tells it."""
    day, minute = shown.date(), shown.hour * 60 + shown.minute
    if not programme.effective.matches(day):
        return SILENT
    rules = [(e.precedence, e.entries) for e in programme.exceptions if e.when.matches(day)]
    if programme.on_holiday is not None and day in programme.holidays:
        rules.append((programme.holiday_precedence, programme.on_holiday))
    rules.sort(key=lambda rule: rule[0])
    for _, entries in [*rules, (17, programme.week[day.weekday()])]:
        latest, found = -1, None
        for entry in entries:
            is_sun = isinstance(entry.at, SunTime)
            comes = (
                minute_of_sun(entry.at, day, programme.place, zone) if is_sun else entry.at.hour * 60 + entry.at.minute
            )
            if comes is not None and latest <= comes <= minute:
                latest, found = comes, entry
        if found is None:
            return programme.default
        if found.state is not None:
            return found.state
    return programme.default


def through_time(programme, begin, minutes, zone):
    """(instant, state) minute by minute, the oracle."""
    latest = begin.astimezone(zone).replace(tzinfo=None) - timedelta(days=9)
    for n in range(-300, minutes):  # five hours before, so that what the clock has shown already is known
        instant = begin + n * MINUTE
        latest = max(latest, instant.astimezone(zone).replace(tzinfo=None))
        if n >= 0:
            special = [each.state for each in programme.events if each.begin <= instant < each.end]
            yield instant, special[-1] if special else said_by_rules(programme, latest, zone)


@given(stories())
@settings(max_examples=50, deadline=None)
def test_the_states_of_a_day_are_those_of_the_oracle(story):
    zone, day, programme = story
    begin, end = instant_of(day, time(0), zone), instant_of(day + DAY, time(0), zone)
    stretches = transitions(programme, day, zone)
    expected = []
    for instant, state in through_time(programme, begin, (end - begin) // MINUTE, zone):
        if not expected or expected[-1][1] != state:
            expected.append((instant, state))
    assert stretches == expected


@given(stories(), st.integers(0, 1439))
@settings(max_examples=50, deadline=None)
def test_the_next_transition_is_that_of_the_oracle(story, minute):
    zone, day, programme = story
    now = instant_of(day, time(0), zone) + minute * MINUTE
    walk = through_time(programme, now, 2 * 1440, zone)
    _, present = next(walk)
    assert state_at(programme, now, zone) == present
    expected = next(((instant, state) for instant, state in walk if state != present), None)
    found = next_transition(programme, now, zone)
    if expected is not None:
        assert found == expected
    else:
        assert found is None or found[0] >= now + 2 * 1440 * MINUTE


@given(stories(), st.integers(0, 1439))
@settings(max_examples=100, deadline=None)
def test_state_and_transitions_and_blocks_agree(story, minute):
    zone, day, programme = story
    begin, end = instant_of(day, time(0), zone), instant_of(day + DAY, time(0), zone)
    stretches = transitions(programme, day, zone)
    if begin == end:
        assert stretches == []
        return
    assert stretches[0][0] == begin
    assert stretches[-1][0] < end
    assert all(one < other and before != after for (one, before), (other, after) in pairwise(stretches))
    for (since, state), (until, _) in pairwise([*stretches, (end, "")]):
        assert civil_day(since, zone) == day
        assert {state_at(programme, each, zone) for each in (since, until - timedelta(seconds=1))} == {state}
    blocks = day_blocks(programme, day, zone)
    assert (blocks[0].start, blocks[-1].end) == (0, 1440)
    assert all(one.end == other.start and one.state != other.state for one, other in pairwise(blocks))
    if not _is_a_night(day, zone):
        assert [instant_of(day, time(b.start // 60, b.start % 60), zone) for b in blocks] == [at for at, _ in stretches]
        assert [block.state for block in blocks] == [state for _, state in stretches]


def changing_nights():
    """Every zone's days on which its clock changes, 2020-2040; zones that do the same are taken once."""
    weeks = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(weeks=n) for n in range(1096)]
    seen = set()
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        offsets = tuple(week.astimezone(zone).utcoffset() for week in weeks)
        if offsets in seen:
            continue
        seen.add(offsets)
        for week, (one, other) in zip(weeks, pairwise(offsets), strict=False):
            if one != other:
                first = week.astimezone(zone).date()
                yield from ((zone, first + n * DAY) for n in range(8) if _is_a_night(first + n * DAY, zone))


def test_in_all_zones_on_all_nights_of_2020_to_2040_each_entry_takes_effect_once():
    entries = tuple(Entry(time(minute // 60, minute % 60), f"s{minute}") for minute in range(15, 300, 35))
    programme = Programme(name="night", default="d", week=(entries,) * 7)
    nights = 0
    for zone, day in changing_nights():
        nights += 1
        begin, end = instant_of(day, time(0), zone), instant_of(day + DAY, time(0), zone)
        effects = [instant_of(day, entry.at, zone) for entry in entries]
        assert begin <= effects[0]
        assert all(one <= other for one, other in pairwise(effects))
        for entry, effect in zip(entries, effects, strict=True):
            wanted = datetime.combine(day, entry.at)
            assert effect.astimezone(zone).replace(tzinfo=None) >= wanted
            assert (effect - timedelta(seconds=1)).astimezone(zone).replace(tzinfo=None) < wanted
        stretches = transitions(programme, day, zone)
        assert (stretches[0][0], stretches[-1][0] < end) == (begin, True)
        assert len({state for _, state in stretches}) == len(stretches)  # none comes back
        assert (
            stretches[1:]
            == [
                (effect, entry.state)
                for entry, effect, following in zip(entries, effects, [*effects[1:], end], strict=True)
                if effect < following and effect > begin
            ]
            or stretches[0][1] != "d"
        )
    assert nights > 1000

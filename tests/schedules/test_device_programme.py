"""Between a device's schedule and a programme: what is the same, what differs, and what cannot be said."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from points.schedule_objects import (
    NULL,
    CalendarObject,
    CalendarReference,
    Datatype,
    DatePattern,
    DateSpan,
    Scalar,
    ScheduleObject,
    SpecialEvent,
    TimeValue,
    WeekAndDay,
)
from schedules.calendar import DayException, Entry, Programme
from schedules.dates import Calendar, DateRange
from schedules.dates import DatePattern as Pattern
from schedules.device_programme import programme_of, wanted_of
from schedules.device_values import agree, datatype_of, names_of, plain_value, scalar_of, scalars_of, values_in
from schedules.drift import drift
from schedules.sun import Place, SunEvent, SunTime
from tests.schedules.test_device_schedule import DEVICE, OFF, ON, a_schedule, day, on, real

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2025, 5, 26, 5, tzinfo=UTC)  # Monday, midnight in Chicago
VALUES = {"on": ON, "off": OFF}
TODAY = date(2025, 5, 26)


def a_programme(**more: object) -> Programme:
    workday = (Entry(time(7), "on"), Entry(time(18), "off"))
    plain: dict[str, object] = {"name": "lobby", "default": "off", "week": (workday,) * 5 + ((),) * 2}
    return Programme(**{**plain, **more})  # type: ignore[arg-type]


def written(programme: Programme, schedule: ScheduleObject, *calendars: CalendarObject) -> ScheduleObject:
    """The object as it would be after the programme was written into it."""
    wanted = wanted_of(programme, VALUES, schedule, {each.instance: each for each in calendars}, TODAY)
    assert not wanted.cannot
    return a_schedule(
        week=wanted.week, exceptions=wanted.exceptions, effective=wanted.effective, default=schedule.default
    )


class TestImport:
    def test_what_was_imported_says_the_same(self) -> None:
        schedule = a_schedule(exceptions=(on(date(2025, 5, 29), ("10:00", OFF), ("12:00", NULL), priority=3),))
        names = names_of(values_in(schedule))
        programme = programme_of(schedule, {}, "lobby", names).programme
        assert programme.default == "off"
        assert not drift(programme, {v: k for k, v in names.items()}, schedule, {}, CHICAGO, NOW).stretches

    def test_states_are_named_by_the_point_or_by_the_value(self) -> None:
        assert names_of([ON, OFF], ("Closed", "Wide Open")) == {ON: "wide-open", OFF: "closed"}
        assert names_of([ON, OFF, NULL]) == {ON: "on", OFF: "off", NULL: "released"}
        assert names_of([real(21.5), real(-5)]) == {real(21.5): "at-21-5", real(-5): "at-minus-5"}
        two = Scalar(Datatype.UNSIGNED, 2)
        assert names_of([two], ("Off", "Low", "High")) == {two: "low"}
        assert len(set(names_of([ON, Scalar(Datatype.BOOLEAN, True)]).values())) == 2

    def test_seconds_are_told(self) -> None:
        schedule = a_schedule(week=(day(("07:00:30", ON)),) * 7)
        imported = programme_of(schedule, {}, "lobby", names_of(values_in(schedule)))
        assert imported.programme.week[0] == (Entry(time(7), "on"),)
        assert any("07:00:30 becomes 07:00" in remark for remark in imported.remarks)

    def test_a_calendar_becomes_one_of_ours(self) -> None:
        calendar = CalendarObject(device=DEVICE, instance=2, name="School days", dates=(WeekAndDay(5, 6, 1),))
        schedule = a_schedule(exceptions=(SpecialEvent(CalendarReference(2), day(("00:00", OFF)), 4),))
        imported = programme_of(schedule, {2: calendar}, "lobby", names_of(values_in(schedule)))
        when = imported.programme.exceptions[0].when
        assert isinstance(when, Calendar)
        assert (when.name, when.matches(TODAY)) == ("school-days", True)
        unread = programme_of(schedule, {}, "lobby", names_of(values_in(schedule)))
        assert not unread.programme.exceptions
        assert any("calendar 2" in remark for remark in unread.remarks)

    def test_two_calendars_of_one_name_stay_two_and_are_found_again(self) -> None:
        calendars = {
            number: CalendarObject(
                device=DEVICE, instance=number, name="Holidays", dates=(DatePattern(2025, 5, 26 + number),)
            )
            for number in (1, 2)
        }
        exceptions = tuple(SpecialEvent(CalendarReference(each), day(("00:00", OFF)), 4) for each in calendars)
        schedule = a_schedule(exceptions=exceptions)
        programme = programme_of(schedule, calendars, "lobby", names_of(values_in(schedule))).programme
        assert [str(each.when) for each in programme.exceptions] == [
            "calendar holidays",
            "calendar holidays-calendar-2",
        ]
        assert wanted_of(programme, VALUES, schedule, calendars, TODAY).exceptions == exceptions

    def test_an_exception_whose_calendar_is_empty_now_is_left_out_and_told(self) -> None:
        calendar = CalendarObject(device=DEVICE, instance=2, name="Fair")
        schedule = a_schedule(exceptions=(SpecialEvent(CalendarReference(2), day(("00:00", OFF)), 4),))
        imported = programme_of(schedule, {2: calendar}, "lobby", names_of(values_in(schedule)))
        assert not imported.programme.exceptions
        assert imported.remarks == ("Exception 1 is left out: its calendar has no days now.",)

    def test_a_default_that_is_not_known_is_told(self) -> None:
        schedule = a_schedule(default=None)
        imported = programme_of(schedule, {}, "lobby", names_of(values_in(schedule)))
        assert any("Its default is not known" in remark for remark in imported.remarks)

    def test_a_period_that_is_none_is_told_with_what_became_of_it(self) -> None:
        summer = DateSpan(DatePattern(None, 4, 1), DatePattern(None, 9, 30))
        schedule = a_schedule(effective=summer)
        imported = programme_of(schedule, {}, "lobby", names_of(values_in(schedule)))
        assert any("The programme is in effect always" in remark for remark in imported.remarks)

    def test_no_value_is_called_what_means_something_else_in_the_configuration(self) -> None:
        low, high = Scalar(Datatype.UNSIGNED, 2), Scalar(Datatype.UNSIGNED, 3)
        names = names_of([low, high, NULL], ("Off", "Released", "As usual"))
        assert names == {low: "released-x", high: "as-usual-x", NULL: "released"}


class TestExport:
    def test_what_was_written_says_the_same(self) -> None:
        exception = DayException(
            name="fair",
            when=DateRange(first=date(2025, 5, 28), last=date(2025, 5, 29)),
            entries=(Entry(time(9), "on"),),
        )
        programme = a_programme(exceptions=(exception,), effective=DateRange(last=date(2025, 6, 5)))
        after = written(programme, a_schedule())
        assert after.effective == DateSpan(DatePattern(None, None, None), DatePattern(2025, 6, 5, 4))
        found = drift(programme, VALUES, after, {}, CHICAGO, NOW)
        assert (found.stretches, found.structure) == ((), ())

    def test_a_year_that_no_device_can_say_is_refused_before_anything_is_written(self) -> None:
        far = a_programme(effective=DateRange(last=date(2999, 12, 31)))
        (why,) = wanted_of(far, VALUES, a_schedule(), {}, TODAY).cannot
        assert why == "No date of a device is in 2999: it knows 1900 to 2154."
        soon = a_programme(effective=DateRange(last=date(2154, 12, 31)))
        assert not wanted_of(soon, VALUES, a_schedule(), {}, TODAY).cannot

    @pytest.mark.parametrize(
        ("value", "datatype"),
        [
            (1e39, Datatype.REAL),
            (float("nan"), Datatype.DOUBLE),
            (2**32, Datatype.UNSIGNED),
            (2**32, Datatype.ENUMERATED),
            (-(2**31) - 1, Datatype.INTEGER),
        ],
    )
    def test_a_number_that_the_datatype_cannot_have_is_refused(self, value: float, datatype: Datatype) -> None:
        with pytest.raises(ValueError, match=f"is no {datatype}"):
            scalar_of(value, datatype)

    def test_another_default_is_written_at_midnight(self) -> None:
        after = written(a_programme(), a_schedule(default=ON))
        assert after.week[6] == day(("00:00", OFF))
        assert not drift(a_programme(), VALUES, after, {}, CHICAGO, NOW).stretches

    def test_holidays_are_single_days_and_said_to_end(self) -> None:
        programme = a_programme(holidays={date(2025, 5, 26): "Memorial Day", date(2024, 5, 27): "past"}, on_holiday=())
        wanted = wanted_of(programme, VALUES, a_schedule(), {}, TODAY)
        assert wanted.exceptions == (SpecialEvent(DatePattern(2025, 5, 26, 1), day(("00:00", OFF)), 8),)
        assert "1 holidays until 2025-05-26" in wanted.remarks[0]

    def test_the_sun_cannot_be_written(self) -> None:
        sun = Entry(SunTime(SunEvent.SUNSET), "on")
        programme = a_programme(week=((sun,),) * 7, place=Place(latitude=41.9, longitude=-87.6))
        assert "goes by the sun" in wanted_of(programme, VALUES, a_schedule(), {}, TODAY).cannot[0]

    def test_a_release_cannot_be_said_where_null_means_something_else(self) -> None:
        programme = a_programme(
            exceptions=(DayException(name="x", when=Pattern(day=1), entries=(Entry(time(9), "free"),)),)
        )
        cannot = wanted_of(programme, VALUES, a_schedule(), {}, TODAY).cannot
        assert "'free' releases; in an exception NULL gives way to the week" in cannot[0]
        weekly = a_programme(week=((Entry(time(9), "free"),),) * 7)
        assert "NULL is the device's default, 0" in wanted_of(weekly, VALUES, a_schedule(), {}, TODAY).cannot[0]
        free = a_programme(week=((Entry(time(9), "on"),),) * 7, default="free")
        assert not wanted_of(free, VALUES, a_schedule(default=NULL), {}, TODAY).cannot

    def test_a_calendar_is_referred_to_only_if_the_device_has_the_same(self) -> None:
        calendar = Calendar(name="fairs", entries=(Pattern(month=6, day=1),))
        programme = a_programme(exceptions=(DayException(name="x", when=calendar, entries=(Entry(time(0), "on"),)),))
        same = CalendarObject(device=DEVICE, instance=3, name="Fairs", dates=(DatePattern(None, 6, 1),))
        other = CalendarObject(device=DEVICE, instance=3, name="Fairs", dates=(DatePattern(None, 6, 2),))
        assert wanted_of(programme, VALUES, a_schedule(), {3: same}, TODAY).exceptions[0].period == CalendarReference(3)
        elsewhere = wanted_of(programme, VALUES, a_schedule(), {3: other}, TODAY)
        assert elsewhere.exceptions[0].period == DatePattern(None, 6, 1)
        assert any("has other days" in remark for remark in elsewhere.remarks)

    def test_a_device_without_exceptions_or_with_few_entries_is_told_of(self) -> None:
        many = tuple(Entry(time(hour), "on" if hour % 2 else "off") for hour in range(1, 9))
        programme = a_programme(week=(many,) * 7, holidays={TODAY: "today"}, on_holiday=())
        wanted = wanted_of(programme, VALUES, a_schedule(has_exceptions=False, has_week=False), {}, TODAY)
        assert len(wanted.cannot) == 2
        assert any("8 entries" in remark for remark in wanted.remarks)


class TestDrift:
    def test_each_stretch_that_differs_is_named(self) -> None:
        later = (Entry(time(8), "on"), Entry(time(18), "off"))
        programme = a_programme(week=(later, *a_programme().week[1:]))
        found = drift(programme, VALUES, a_schedule(), {}, CHICAGO, NOW)
        mondays = [datetime(2025, 5, day_, 12, tzinfo=UTC) for day_ in (26,)] + [datetime(2025, 6, 2, 12, tzinfo=UTC)]
        assert [(each.begin, each.end) for each in found.stretches] == [(at, at + timedelta(hours=1)) for at in mondays]
        assert (found.stretches[0].ours, found.stretches[0].theirs.value) == (OFF, ON)
        assert found.structure == ("Monday: the programme has 08:00 1, 18:00 0, the device 07:00 1, 18:00 0.",)

    def test_the_hour_that_comes_twice_is_a_difference(self) -> None:
        entries = (Entry(time(1, 30), "on"),)
        programme = a_programme(week=(entries,) * 7)
        schedule = a_schedule(week=(day(("01:30", ON)),) * 7)
        before = datetime(2025, 11, 1, 12, tzinfo=UTC)
        found = drift(programme, VALUES, schedule, {}, CHICAGO, before, days=2)
        assert [(each.begin, each.end) for each in found.stretches] == [
            (datetime(2025, 11, 2, 7, tzinfo=UTC), datetime(2025, 11, 2, 7, 30, tzinfo=UTC))
        ]
        spring = datetime(2025, 3, 8, 12, tzinfo=UTC)
        assert not drift(programme, VALUES, schedule, {}, CHICAGO, spring, days=2).stretches

    def test_what_is_not_known_differs(self) -> None:
        old = a_schedule(revision=3)
        found = drift(a_programme(), VALUES, old, {}, CHICAGO, NOW, days=1)
        assert [(each.theirs.value, each.end - each.begin) for each in found.stretches] == [(None, timedelta(hours=7))]
        assert found.doubts

    def test_a_present_value_that_does_not_follow_is_told(self) -> None:
        noon = datetime(2025, 5, 26, 17, tzinfo=UTC)
        assert "should be 1" in " ".join(
            drift(a_programme(), VALUES, a_schedule(present=OFF), {}, CHICAGO, noon).doubts
        )
        assert not drift(a_programme(), VALUES, a_schedule(present=ON), {}, CHICAGO, noon).doubts

    def test_outside_of_both_periods_nothing_differs(self) -> None:
        span = DateSpan(DatePattern(2025, 7, 1), DatePattern(None, None, None))
        programme = a_programme(effective=DateRange(first=date(2025, 7, 1)))
        assert not drift(programme, VALUES, a_schedule(effective=span), {}, CHICAGO, NOW).stretches
        assert drift(programme, VALUES, a_schedule(), {}, CHICAGO, NOW).stretches


class TestValues:
    @pytest.mark.parametrize(
        ("value", "datatype", "there"),
        [
            (True, Datatype.ENUMERATED, 1),
            (False, Datatype.BOOLEAN, False),
            (2, Datatype.UNSIGNED, 2),
            (21, Datatype.REAL, 21.0),
            ("day", Datatype.TEXT, "day"),
        ],
    )
    def test_a_value_is_written_as_the_device_has_it(self, value: object, datatype: Datatype, there: object) -> None:
        assert scalar_of(value, datatype) == Scalar(datatype, there)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("value", "datatype"),
        [(True, Datatype.REAL), (1.5, Datatype.UNSIGNED), (-1, Datatype.ENUMERATED), ("a", Datatype.REAL)],
    )
    def test_or_refused_by_its_state(self, value: object, datatype: Datatype) -> None:
        with pytest.raises(ValueError, match="state 'on'"):
            scalars_of({"on": value}, datatype)  # type: ignore[dict-item]

    def test_null_agrees_with_null_alone(self) -> None:
        assert agree(NULL, NULL)
        assert not agree(NULL, real(0))
        assert not agree(OFF, NULL)
        assert agree(real(20), Scalar(Datatype.UNSIGNED, 20))
        assert agree(ON, Scalar(Datatype.BOOLEAN, True))
        assert not agree(ON, real(1))

    def test_the_datatype_is_that_of_its_values(self) -> None:
        assert datatype_of(a_schedule(default=NULL)) is Datatype.ENUMERATED
        assert datatype_of(a_schedule(default=NULL, week=())) is None
        assert plain_value(ON, binary=True) is True
        assert plain_value(ON, binary=False) == 1
        assert plain_value(NULL, binary=True) is None


ENTRIES = st.dictionaries(
    st.times().map(lambda at: at.replace(second=0, microsecond=0)), st.sampled_from([ON, OFF, NULL]), max_size=4
).map(lambda said: tuple(TimeValue(at, said[at]) for at in sorted(said)))
PERIODS = st.one_of(
    st.dates(date(2025, 5, 26), date(2025, 6, 8)).map(lambda day_: DatePattern(day_.year, day_.month, day_.day)),
    st.builds(
        WeekAndDay, st.sampled_from([None, 5, 13, 14]), st.sampled_from([None, 1, 6, 7]), st.sampled_from([None, 3])
    ),
    st.builds(DatePattern, st.none(), st.sampled_from([None, 5, 6]), st.sampled_from([None, 32, 33, 34])),
)


@settings(max_examples=60, deadline=None)
@given(
    week=st.lists(ENTRIES, min_size=7, max_size=7),
    events=st.lists(st.builds(SpecialEvent, PERIODS, ENTRIES, st.integers(1, 16)), max_size=4),
    default=st.sampled_from([ON, OFF]),
)
def test_there_and_back_again(week: list[tuple[TimeValue, ...]], events: list[SpecialEvent], default: Scalar) -> None:
    """Imported, a schedule says the same for a fortnight; written back, it says the same once more."""
    schedule = a_schedule(week=tuple(week), exceptions=tuple(events), default=default)
    names = {ON: "on", OFF: "off", NULL: "released"}
    programme = programme_of(schedule, {}, "lobby", names).programme
    assert not drift(programme, VALUES, schedule, {}, CHICAGO, NOW).stretches
    again = written(programme, schedule)
    assert not drift(programme, VALUES, again, {}, CHICAGO, NOW).stretches

"""From what the agent knows to what a screen shows: whose a slot is, and why a value stands."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from desk_bench import EMPTY, FAN, SETPOINT
from manual_clock import NOON
from session_bench import MONITORED, alarm, reading, status

from facility import views
from facility.guard import Limits
from facility.model import Claim, Severity
from points.catalog import Catalog
from points.model import Device, DeviceId, Point, Priority, Quality, Slots, Space, SpaceId
from schedules.calendar import DayException, Entry, Programme
from schedules.dates import DateRange

CHICAGO = ZoneInfo("America/Chicago")
SP = replace(SETPOINT, unit="degrees-celsius")


def claim(value=18.0, by="user:rdiaz", priority=Priority.OPERATOR, **changes):
    fields = {
        "point": SP.id,
        "priority": priority,
        "value": value,
        "by": by,
        "reason": "too warm",
        "since": NOON,
        "until": NOON + timedelta(hours=2),
        "command": uuid4(),
        "confirmed": True,
    }
    return Claim(**(fields | changes))


def slots(default=20.0, **levels):
    values = list(EMPTY)
    for level, value in levels.items():
        values[int(level[1:]) - 1] = value
    return Slots(values=tuple(values), default=default)


def owners(found, claims, point=SP):
    return {slot.priority: slot.by for slot in views.slot_infos(found, point, views.claims_by_level(claims)) if slot.by}


@pytest.mark.parametrize(
    ("by", "name"), [("user:rdiaz", "rdiaz"), ("policy:office-heating", "office-heating"), ("agent", "agent")]
)
def test_an_owner_is_called_by_name(by, name):
    assert views.owner(by) == name


def test_all_sixteen_levels_are_shown_the_empty_ones_too():
    shown = views.slot_infos(slots(p8=18.0), SP, {})
    assert [slot.priority for slot in shown] == list(range(1, 17))
    assert [slot.value for slot in shown if slot.value] == ["18.0 °C"]


def test_what_we_wrote_is_ours():
    assert owners(slots(p8=18.0), [claim()]) == {8: "rdiaz"}
    assert owners(slots(p15=18.0), [claim(by="policy:night", priority=Priority.SCHEDULE)]) == {15: "night"}


def test_what_the_device_made_of_it_is_ours_too():
    assert owners(slots(p8=18.00003), [claim()]) == {8: "rdiaz"}  # a REAL on the wire
    assert owners(slots(p8=17.5), [claim(unproven=(17.5,))]) == {8: "rdiaz"}  # rounded, as it was read back


def test_another_value_in_our_level_is_not_ours():
    assert owners(slots(p8=25.0), [claim()]) == {8: "not ours (operator)"}
    assert owners(slots(p8=18.0), []) == {8: "not ours (operator)"}


def test_off_is_a_value_and_has_an_owner():
    assert owners(slots(p8=False), [claim(value=False)], FAN) == {8: "rdiaz"}


def test_a_claim_says_nothing_of_other_levels():
    found = slots(p3=18.0, p5=18.0, p16=18.0)
    assert owners(found, [claim()]) == {
        3: "not ours (free level)",
        5: "not ours (critical equipment control)",
        16: "not ours (default writers)",
    }


def test_the_sign_of_a_row_is_its_worst_standing_alarm_and_unknown_before_any():
    levels = ((), ("LOW",), ("HIGH",), ("LOW", "CRIT"), ("LIFE",))
    assert [views.tag_of_alarms(standing) for standing in levels] == ["", "!", "!", "!!", "!!"]
    good, stale = reading(SP, 20.0), reading(SP, 20.0, Quality.STALE)
    assert [views.value_info(each, "!!", "").tag for each in (good, stale)] == ["!!", "?"]


def test_the_strongest_claim_is_the_one_that_is_shown():
    policy = claim(by="policy:night", priority=Priority.SCHEDULE)
    assert views.held_by([policy, claim()]) == "8 rdiaz"
    assert views.held_by([]) == ""


def test_a_hold_of_a_point_that_is_gone_is_still_shown():
    assert views.hold(claim(), None, NOON).text == "18.0"
    assert views.hold(claim(), SP, NOON).text == "18.0 °C"


def test_a_hold_at_a_device_in_quarantine_is_not_shown_as_a_fact():
    assert views.hold(claim(), SP, NOON).confirmed
    assert not views.hold(claim(), replace(SP, quarantined=True), NOON).confirmed


def test_a_hold_that_is_over_and_still_stands_says_why():
    over = claim().until + timedelta(minutes=5)
    assert views.hold(claim(), SP, claim().until).overdue == ""  # it is being released
    assert "does not answer" in views.hold(claim(), SP, over).overdue
    assert "in quarantine" in views.hold(claim(), replace(SP, quarantined=True), over).overdue


def test_a_vanished_device_is_neither_online_nor_offline():
    device = Device(id=DeviceId("ahu-1"), ref=SP.ref.device, name="AHU 1", present=False, reads_multiple=False)
    shown = views.device_info(device, 2, status())
    assert (shown.status, shown.reads) == ("vanished", "single")
    assert views.device_found(device, 2).status == "vanished"
    assert views.device_found(replace(device, present=True), 2).status == "online"


def test_a_point_is_shown_with_its_space_and_a_confidence_that_fits_a_screen():
    point = replace(MONITORED, space=SpaceId("or-3"), confidence=0.123456, unit="pascals")
    catalog = Catalog.of([], [point], [Space(id=SpaceId("or-3"), name="OR-3")])
    shown = views.point_info(point, catalog, "t", None)
    assert (shown.space, shown.space_name, shown.confidence, shown.unit, shown.limit_low) == (
        "or-3",
        "OR-3",
        0.12,
        "Pa",
        None,
    )
    assert isinstance(point, Point)


@pytest.mark.parametrize(
    ("device", "rules", "shown"),
    [
        ((None, None), None, (None, None)),
        ((0.0, 50.0), None, (0.0, 50.0)),
        ((0.0, 50.0), Limits(low=2.5, high=None, source="profile"), (2.5, 50.0)),
        ((10.0, 20.0), Limits(low=2.5, high=15.0, source="profile"), (10.0, 15.0)),
    ],
)
def test_what_may_be_commanded_is_the_narrower_of_the_device_and_the_rules(device, rules, shown):
    point = replace(MONITORED, low=device[0], high=device[1])
    info = views.point_info(point, Catalog.of([], [], []), "t", None, rules)
    assert (info.command_low, info.command_high) == shown


@pytest.mark.parametrize(
    ("unit", "shown", "code"),
    [("degrees-celsius", "°C", "Cel"), ("no-units", "", "1"), ("", "", ""), ("furlongs", "furlongs", "")],
)
def test_a_unit_is_shown_for_people_and_coded_for_programs(unit, shown, code):
    info = views.point_info(replace(MONITORED, unit=unit), Catalog.of([], [], []), "t", None)
    assert (info.unit, info.ucum) == (shown, code)


def test_only_alarms_that_stand_count_at_their_points():
    found = views.severities([alarm("a", SP.id), alarm("b", SP.id, Severity.LOW), alarm("c", FAN.id, ended=NOON)])
    assert found == {SP.id: {"CRIT", "LOW"}}


def test_a_week_names_its_holidays_and_exceptions():
    day = datetime(2026, 3, 1, 12, tzinfo=UTC).date()
    programme = Programme(
        name="office",
        default="unoccupied",
        week=((Entry(datetime(1, 1, 1, 7).time(), "occupied"),),) * 7,  # noqa: DTZ001 - a civil time
        exceptions=(DayException(name="Open day", when=DateRange(first=day, last=day), entries=()),),
        holidays={day + timedelta(days=1): "Holiday"},
        on_holiday=(),
    )
    shown = views.schedule_info(programme, [], 3, NOON, CHICAGO)
    assert [each.note for each in shown.days] == ["today, Open day", "Holiday", "", "", "", "", ""]
    assert (shown.points, shown.what, shown.now_state, shown.next_state) == (3, "", "unoccupied", "occupied")
    assert shown.next_change == datetime(2026, 3, 3, 13, tzinfo=UTC)


def test_a_point_is_shown_with_all_the_tags_that_selectors_go_by():
    room = Space(id=SpaceId("or-3"), name="OR-3", type="operating_room", tags=("clinic-b",))
    point = replace(SETPOINT, space=room.id, tags=("roof",))
    assert views.point_info(point, Catalog.of([], [point], [room]), "", None).tags == ["roof", "clinic-b"]

"""When the air of an operating room may be reduced: every condition of domain.md 1.3, and every doubt about one."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest
from pretend_office import BERLIN, decided, point, reading, timetable
from pretend_stage import Stage, running
from scripted_policy import Scripted

from points.catalog import Catalog
from points.model import Kind, Priority, Quality, Safety, Space
from schedules.calendar import Entry, Programme
from schedules.decider import Decider
from schedules.feeds import BOOKINGS, Booking, Feeds
from schedules.policies.room_turndown import RoomTurndown, TurndownRoom
from schedules.policies.weekly import Weekly
from schedules.policy import Demand, View
from schedules.writable import TURNDOWN_SPACES

THEATRE_HOURS = Programme(
    name="theatre-hours",
    default="closed",
    week=((Entry(time(7), "open"), Entry(time(18), "closed")),) * 7,
)


def of_room(name, point_class, **rest):
    given = {"space": "or-1", "safety": Safety.CRITICAL, "commandable": False, "unit": ""}
    return point(f"or-1/{name}", point_class, **{**given, **rest})


def binary(name, point_class, states, **rest):
    return of_room(name, point_class, kind=Kind.BINARY, states=states, **rest)


SUPPLY = of_room("supply-sp", "airflow-setpoint", commandable=True, unit="liters-per-second")
EXTRACT = of_room("extract-sp", "airflow-setpoint", commandable=True, unit="liters-per-second")
OTHER = of_room("other-sp", "airflow-setpoint", commandable=True, unit="liters-per-second", space="or-2")
MOTION = binary("motion", "occupancy", ("Vacant", "Occupied"))
SECOND = binary("motion-2", "occupancy", ("Vacant", "Occupied"))
PRESSURE = of_room("dp", "room-pressure", unit="pascals")
DOOR = binary("door", "door", ("Closed", "Open"))
LIGHT = binary("light", "lighting-command", ("Off", "On"), commandable=True)
DIMMER = of_room("dimmer", "lighting-level", unit="percent", commandable=True)
BUTTON = binary("in-use", "override", ("Inactive", "Active"))
ALARM = binary("alarm", "alarm", ("Normal", "Alarm"))
WITNESSES = {
    MOTION: False,
    SECOND: False,
    PRESSURE: 8.0,
    DOOR: False,
    LIGHT: False,
    DIMMER: 0.0,
    BUTTON: False,
    ALARM: False,
}
POINTS = (SUPPLY, EXTRACT, OTHER, *WITNESSES)

EVENING = datetime(2026, 11, 24, 21, tzinfo=BERLIN)
BOOKED = datetime(2026, 11, 25, 7, tzinfo=BERLIN)
ROOM = TurndownRoom(space="or-1", supply=SUPPLY.id, extract=EXTRACT.id, supply_setback=240.0, extract_setback=145.0)
BOTH = [(EXTRACT.id, 145.0), (SUPPLY.id, 240.0)]  # the extract first: the room is positive


def building(*points, room_type="operating_room"):
    spaces = [Space(id="or-1", name="OR 1", type=room_type), Space(id="or-2", name="OR 2", type="operating_room")]
    return Catalog.of([], points or POINTS, spaces)


def turndown(**changes):
    given = {"name": "or-night", "timetable": timetable(THEATRE_HOURS), "rooms": (ROOM,)}
    return RoomTurndown(**{**given, "turndown_state": "closed", **changes})


def looked_at(now=EVENING, *, minutes=20.0, catalog=None, **changed):
    """The room at rest for so long, but for what is changed: a value, or None for a reading that is not good."""
    readings = {}
    for about, usual in WITNESSES.items():
        value = changed.get(about.id.removeprefix("or-1/").replace("-", "_"), usual)
        good = value is not None
        readings[about.id] = reading(about, value if good else False, quality=Quality.GOOD if good else Quality.STALE)
    since = dict.fromkeys(readings, now - timedelta(minutes=minutes))
    return View(now=now, zone=BERLIN, catalog=catalog or building(), readings=readings, since=since)


def wants(looked, policy=None):
    return [(demand.point, demand.value) for demand in decided(policy or turndown(), looked).demands]


def test_a_vacant_room_in_which_nobody_is_expected_is_turned_down_extract_first():
    assert wants(looked_at()) == BOTH
    first = decided(turndown(), looked_at()).demands[0]
    assert (first.priority, first.policy, first.turns_down) == (Priority.OCCUPANCY, "or-night", "or-1")
    assert first.reason == "theatre-hours is closed, or-1 is vacant, says or-1/motion, or-1/motion-2"


@pytest.mark.parametrize(
    "changed",
    [
        {"motion": True},
        {"motion_2": True},  # every sensor has to say so
        {"door": True},
        {"light": True},
        {"dimmer": 1.0},
        {"in_use": True},
        {"alarm": True},
        {"pressure": 3.7},
        {"pressure": -8.0},
        {"pressure": 60.5},  # that is no pressure but a broken sensor
        *({name: None} for name in ("motion", "motion_2", "door", "light", "dimmer", "in_use", "alarm", "dp")),
    ],
)
def test_any_evidence_and_any_doubt_ends_it(changed):
    changed = {"dp" if name == "pressure" else name: value for name, value in changed.items()}
    assert wants(looked_at(**changed)) == []


@pytest.mark.parametrize("about", [MOTION, DOOR, PRESSURE, ALARM])
def test_what_was_never_read_is_a_doubt(about):
    looked = looked_at()
    readings = {point_id: each for point_id, each in looked.readings.items() if point_id != about.id}
    assert wants(replace(looked, readings=readings)) == []


def test_twenty_minutes_without_a_break_are_needed():
    assert wants(looked_at(minutes=19.9)) == []
    assert wants(replace(looked_at(), since={})) == []


def test_a_pressure_that_has_not_moved_for_an_hour_is_not_measured():
    looked = looked_at(minutes=59)
    assert wants(looked) == BOTH
    assert wants(replace(looked, since={**looked.since, PRESSURE.id: EVENING - timedelta(hours=1)})) == []


def test_other_units_of_pressure_are_understood_and_unknown_ones_are_not():
    for unit, value, expected in (("inches-of-water", 0.016, BOTH), ("inches-of-water", 0.014, []), ("bars", 8.0, [])):
        other = replace(PRESSURE, unit=unit)
        points = [other if each is PRESSURE else each for each in POINTS]
        assert wants(looked_at(dp=value, catalog=building(*points))) == expected


def test_full_flow_is_asked_for_ahead_of_the_programme():
    lead = timedelta(minutes=30)
    assert wants(looked_at(BOOKED - lead - timedelta(seconds=1))) == BOTH
    assert wants(looked_at(BOOKED - lead)) == []
    assert wants(looked_at(BOOKED)) == []
    policy = turndown()
    assert policy._next_change(EVENING) == BOOKED - lead
    assert policy._next_change(BOOKED - lead) == BOOKED
    assert policy._next_change(BOOKED) == BOOKED.replace(hour=18) - lead
    always = turndown(timetable=timetable(Programme(name="ever", default="closed", week=((),) * 7)))
    assert wants(looked_at(), always) == BOTH
    assert always._next_change(EVENING) is None


@pytest.mark.parametrize(
    "room_type", ["aii_isolation", "aii_anteroom", "protective_env", "icu", "patient_room", "admin_office", ""]
)
def test_no_other_type_of_room_is_ever_touched(room_type):
    catalog = building(room_type=room_type)
    looked = looked_at(catalog=catalog)
    assert wants(looked) == []
    assert "its air is never turned down" in next(turndown().problems(catalog))
    demand = Demand(
        point=SUPPLY.id, value=1.0, priority=Priority.OCCUPANCY, policy="reckless", reason="no", turns_down="or-1"
    )
    assert decider_of(Insists(demand), looked).wanted == {}


def test_types_that_may_be_are_written_either_way():
    for room_type in (*TURNDOWN_SPACES, "operating-room"):
        assert wants(looked_at(catalog=building(room_type=room_type))) == BOTH


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"supply": "or-1/nothing"}, "there is no point or-1/nothing"),
        ({"supply": OTHER.id}, "it belongs to or-2, not to or-1"),
        ({"supply": DIMMER.id}, "it is no airflow setpoint but lighting-level"),
        ({"space": "or-9"}, "there is no space or-9"),
    ],
)
def test_a_room_that_is_named_wrongly_is_left_alone_and_told(changed, says):
    policy = turndown(rooms=(replace(ROOM, **changed),))
    assert wants(looked_at(), policy) == []
    assert says in next(policy.problems(building()))


@pytest.mark.parametrize("without", [(MOTION, SECOND), (PRESSURE,)])
def test_a_room_without_witnesses_is_left_alone_and_told(without):
    catalog = building(*(each for each in POINTS if each not in without))
    assert wants(looked_at(catalog=catalog)) == []
    assert "or-1 has no" in next(turndown().problems(catalog))
    assert list(turndown().problems(building())) == []


def decider_of(policy, looked):
    """Somebody has watched for an hour, and everything has been as it is for twenty minutes."""
    decider = Decider(looked.now - timedelta(hours=1))
    decider.adopt([policy])
    begun = looked.now - timedelta(minutes=20)
    decider.decide(replace(looked, readings={id_: replace(each, time=begun) for id_, each in looked.readings.items()}))
    return decider


class Insists(Scripted):
    def __init__(self, *demands):
        self.name = "reckless"
        self._demands = demands

    def demands(self, _looked):
        return iter(self._demands)


def test_the_door_for_this_policy_is_narrow():
    """The planner lets critical points pass only as the air of the room they are in, and only at this level."""
    decider = decider_of(turndown(), looked_at())
    assert [(demand.point, demand.value) for demand in decider.plan({}, EVENING).holds] == BOTH
    assert decider.refusals == ()
    good = decided(turndown(), looked_at()).demands[0]
    for bad, why in (
        (replace(good, turns_down=None), "its safety class is critical, not comfort"),
        (replace(good, turns_down="or-2"), "it belongs to or-1, not to or-2"),
        (replace(good, priority=Priority.OPERATOR), "air is turned down at 14 only"),
        (replace(good, priority=Priority.SCHEDULE), "air is turned down at 14 only"),
        (replace(good, point=LIGHT.id), "it is no airflow setpoint but lighting-command"),
    ):
        decider = decider_of(Insists(bad), looked_at())
        assert (decider.wanted, [refusal.why for refusal in decider.refusals]) == ({}, [why])
    locked = building(*(replace(each, locked=True) if each is SUPPLY else each for each in POINTS))
    assert wants(looked_at(catalog=locked)) == []
    weekly = Weekly(
        name="weekly",
        timetable=timetable(THEATRE_HOURS),
        points=lambda catalog: list(catalog.points.values()),
        values={"closed": 1.0},
    )
    assert wants(looked_at(), weekly) == []  # no other policy has found it


async def test_through_an_evening_it_holds_in_order_and_lets_go_in_the_opposite_one():
    async with running(Stage(EVENING, [turndown()], building())) as stage:
        values = dict(WITNESSES)

        async def wait(minutes):
            """The polls go on, and the pressure moves."""
            for _ in range(minutes):
                values[PRESSURE] = 8.1 if values[PRESSURE] == 8.0 else 8.0
                for about, value in values.items():
                    stage.read(about, value)
                await stage.time.until(stage.time.allowed + timedelta(minutes=1))

        await wait(19)
        assert stage.hands.deeds == []
        await wait(3)
        assert [(deed[1], deed[3]) for deed in stage.hands.deeds] == BOTH
        await wait(40)
        assert set(stage.hands.values().values()) == {145.0, 240.0}  # renewed
        stage.hands.deeds.clear()
        values[DOOR] = True
        await wait(1)
        assert [(deed[1], deed[3]) for deed in stage.hands.deeds] == [
            (SUPPLY.id, "or-night no longer wants it"),
            (EXTRACT.id, "or-night no longer wants it"),
        ]
        assert stage.hands.values() == {}


def booked(start, end, *, silent=0):
    """Minutes from this evening on."""
    booking = Booking(space="or-1", start=EVENING + timedelta(minutes=start), end=EVENING + timedelta(minutes=end))
    heard = {BOOKINGS: EVENING - timedelta(minutes=silent)}
    return replace(looked_at(), outside=lambda: Feeds(bookings={"or-1": (booking,)}, heard=heard))


@pytest.mark.parametrize(
    ("looked", "reduced"),
    [
        (booked(31, 90), True),
        (booked(30, 90), False),  # full air must begin to come back
        (booked(-60, 1), False),
        (booked(-60, 0), True),
        (booked(600, 660, silent=30), True),
        (booked(600, 660, silent=31), False),
        (looked_at(), False),  # never heard
    ],
)
def test_a_booking_or_a_silent_feed_of_them_keeps_the_air_up(looked, reduced):
    assert wants(looked, turndown(bookings=True)) == (BOTH if reduced else [])


def test_it_asks_again_when_a_booking_comes_close_and_without_the_feed_not_at_all():
    assert decided(turndown(bookings=True), booked(40, 90)).until == EVENING + timedelta(minutes=10)
    assert wants(booked(-60, 60)) == BOTH


@pytest.mark.parametrize("room", sorted(TURNDOWN_SPACES))
def test_bookings_open_no_room(room):
    """A free calendar is no witness: somebody in the room is believed."""
    catalog = building(room_type=room)
    seen = replace(looked_at(motion=True, catalog=catalog), outside=booked(600, 660).outside)
    assert wants(seen, turndown(bookings=True)) == []

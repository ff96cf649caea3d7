"""Demand response level 2 during surgery, in virtual time: offices shed, the theatre refused, and all given back."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from virtual_week import virtual_agent

from facility.config.model import Config
from points.model import Priority
from schedules.feeds import DemandEvent
from schedules.occupancy import is_sensor

CHICAGO = ZoneInfo("America/Chicago")
MORNING = datetime(2027, 7, 13, 9, 30, tzinfo=CHICAGO)  # a Tuesday
TEN = MORNING + timedelta(minutes=30)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
OFFICES = ("VAV-2-01", "VAV-2-02", "VAV-2-03")
HOURS = {"name": "hours", "default": "unoccupied", "weekdays": ["06:30 occupied", "18:00 unoccupied"]}
OFFICE = "space-type:admin_office class:{0}"


def weekly(name, point_class, occupied):
    points, values = OFFICE.format(point_class), {"occupied": occupied}
    return {"kind": "weekly", "name": name, "programme": "hours", "points": points, "values": values}


POLICIES = [
    weekly("heating", "heating-setpoint", 21.0),
    weekly("cooling", "cooling-setpoint", 24.0),
    {
        "kind": "demand-response",
        "name": "response",
        "programme": "hours",
        "heating": OFFICE.format("heating-setpoint"),
        "cooling": f"{OFFICE.format('cooling-setpoint')}, space:or-1 class:temperature-setpoint",
        "low_c": 17,
        "high_c": 28,
    },
]


def announce(agent):
    agent.told.set_events([DemandEvent(id="peak", level=2, start=TEN, end=TEN + HOUR, randomize=5 * MINUTE)])


def is_in_use(agent):
    """Whether somebody is in the theatre, as its own sensor says."""
    (sensor,) = (point for point in agent.known.book.current.points_in("or-1") if is_sensor(point))
    return agent.known.store.get(sensor.id).value


def refusals(agent):
    return {refusal.demand.point: refusal.why for refusal in agent.acts.planner.decider.refusals}


def test_offices_shed_the_theatre_is_refused_with_the_reason_and_all_is_given_back_one_by_one(tmp_path):
    site = {"id": "mercy", "zone": "America/Chicago"}
    bacnet = {"address": "127.0.0.1:47999", "foreign": "127.0.0.1:47998"}
    config = Config(site=site, agent={"state_dir": tmp_path}, bacnet=bacnet, programmes=[HOURS], policies=POLICIES)
    with virtual_agent(config, MORNING, tmp_path, devices=(*OFFICES, "OR-1 Room Controller")) as week:
        week.do(announce)
        week.run_until(TEN + 10 * MINUTE)
        assert week.do(is_in_use) is True  # a case is on
        refused = week.do(refusals)
        assert refused
        assert set(refused.values()) == {"or-1 is a space of type operating_room: nothing is ever shed there"}
        week.run_until(TEN + HOUR + 30 * MINUTE)
        assert week.do(refusals) == {}
        shed = [write for write in week.writes if write.priority == Priority.DEMAND_LIMIT]
    holds = {write.point: write for write in shed if write.value is not None}
    assert {point.split("/")[0] for point in holds} == {"vav-2-01", "vav-2-02", "vav-2-03"}
    assert {write.value for write in holds.values()} == {20.0, 25.0}
    begun = [write.time - TEN for write in shed if write.value is not None]
    assert timedelta(0) < min(begun) <= max(begun) < 6 * MINUTE  # a random start, and a moment to write
    back = {write.point.split("/")[0]: write.time - TEN - HOUR for write in shed if write.value is None}
    assert sorted(round(late / MINUTE) for late in back.values()) == [0, 10, 20]
    assert not [write for write in week.writes if write.point.startswith("or-1")]

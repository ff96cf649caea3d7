"""Whatever a site's rooms are, and whatever is selected, policies of spaces speak for plainly ordinary comfort only."""

import tomllib
from datetime import timedelta
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import point, reading, timetable
from pretend_zones import SEVEN_PM, SIX

from points.catalog import Catalog
from points.model import Access, Kind, Safety, Space
from schedules.feeds import DemandEvent, Feeds
from schedules.policies.occupancy_standby import OccupancyStandby
from schedules.policies.optimal_start import OptimalStart
from schedules.policies.optimal_stop import OptimalStop, Stops
from schedules.policies.pre_cooling import PreCooling
from schedules.policies.setback import STATES, Setback
from schedules.policy import View
from schedules.writable import ORDINARY_SPACES

HOUR = timedelta(hours=1)
TYPES = [*tomllib.loads((files("facility") / "profiles" / "rooms.toml").read_text()), "unknown", ""]
CLASSES = ("heating-setpoint", "cooling-setpoint", "start-stop-command", "damper")
MOMENTS = [SIX - HOUR / 2, SIX + 6 * HOUR, SEVEN_PM - HOUR / 2, SEVEN_PM + HOUR]  # when one of them has much to say
SPACES = [f"room-{n}" for n in range(4)]


def everything(catalog):
    return list(catalog.points.values())


GIVEN = {"name": "all", "timetable": timetable()}
BOTH = {**GIVEN, "heating": everything, "cooling": everything}
POLICIES = [
    OptimalStart(**BOTH, runs=everything),
    OptimalStart(**BOTH, runs=everything, run_value=0.0),
    OptimalStop(**BOTH),
    Setback(
        **BOTH,
        points=everything,
        values={state: {"start-stop-command": True, "damper": 0.0, "heating-setpoint": 18.0} for state in STATES},
    ),
    PreCooling(**GIVEN, cooling=everything),
    OccupancyStandby(**BOTH),
]
POINTS = st.lists(
    st.tuples(
        st.sampled_from(CLASSES),
        st.sampled_from([*SPACES, "nowhere", None]),
        st.one_of(st.just(Safety.COMFORT), st.sampled_from(Safety)),
        st.one_of(st.just(value=True), st.booleans()),
    ),
    min_size=4,
    max_size=16,
)
ROOMS = st.lists(
    st.tuples(st.one_of(st.just("admin_office"), st.sampled_from(TYPES)), st.sampled_from([2.0, 18.5, 22.5, 36.0])),
    min_size=len(SPACES),
    max_size=len(SPACES),
)


def made(n, point_class, space, safety, commandable):
    kind = Kind.BINARY if point_class == "start-stop-command" else Kind.ANALOG
    unit = "percent" if point_class == "damper" else "degrees-celsius"
    return point(f"d/p-{n}", point_class, kind=kind, unit=unit, space=space, safety=safety, commandable=commandable)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.kind)
@settings(max_examples=60, deadline=None)
@given(POINTS, ROOMS, st.sampled_from(MOMENTS))
def test_no_demand_is_ever_outside_plainly_ordinary_comfort(policy, described, rooms, now):
    spaces = [Space(id=id_, name=id_, type=type_) for id_, (type_, _) in zip(SPACES, rooms, strict=True)]
    points = [made(n, *each) for n, each in enumerate(described)]
    readings = []
    for id_, (_, celsius) in zip(SPACES, rooms, strict=True):
        temp = point(f"{id_}/temp", "zone-temperature", commandable=False, space=id_)
        sensor = point(f"{id_}/occ", "occupancy", kind=Kind.BINARY, commandable=False, space=id_)
        points += (temp, sensor)
        readings += (reading(temp, celsius, now), reading(sensor, value=False, at=now))
    catalog = Catalog.of([], points, spaces)
    begins = now + HOUR / 2
    event = DemandEvent(id="dr", level=2, start=begins, end=begins + HOUR)
    view = View(
        now=now,
        zone=timetable().zone,
        catalog=catalog,
        readings={each.point: each for each in readings},
        since={each.id: now - HOUR for each in points},
        outside=lambda: Feeds(events=(event,)),
    )
    memory = Stops(slopes=dict.fromkeys(SPACES, (0.5,))) if isinstance(policy, OptimalStop) else None
    for demand in policy.bind(catalog)(view, memory).demands:
        held = catalog.points[demand.point]
        space = None if held.space is None else catalog.spaces.get(held.space)
        assert (held.safety, held.access) == (Safety.COMFORT, Access.COMMANDABLE)
        assert held.space is None or (space is not None and space.type in ORDINARY_SPACES)
        assert held.point_class != "damper"

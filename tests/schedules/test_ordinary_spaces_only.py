"""Whatever a site's rooms are, and whatever is selected, policies of spaces speak for plainly ordinary comfort only."""

import tomllib
from datetime import timedelta
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import point, reading, timetable
from pretend_zones import SIX

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
CLASSES = ("heating-setpoint", "cooling-setpoint", "zone-temperature", "start-stop-command", "damper", "occupancy")
BINARY = {"start-stop-command", "occupancy"}
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
        st.floats(0, 40),
    ),
    min_size=4,
    max_size=24,
)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.kind)
@settings(max_examples=40, deadline=None)
@given(
    POINTS,
    st.lists(st.one_of(st.just("admin_office"), st.sampled_from(TYPES)), min_size=4, max_size=4),
    st.integers(0, 24 * 4),
)
def test_no_demand_is_ever_outside_plainly_ordinary_comfort(policy, described, types, quarter):
    now = SIX + quarter * HOUR / 4
    points = [
        point(
            f"d/p-{n}",
            point_class,
            kind=Kind.BINARY if point_class in BINARY else Kind.ANALOG,
            space=space,
            safety=safety,
            commandable=commandable,
            unit="percent" if point_class == "damper" else "degrees-celsius",
        )
        for n, (point_class, space, safety, commandable, _) in enumerate(described)
    ]
    readings = [
        reading(each, False if each.kind is Kind.BINARY else celsius, now)
        for each, (*_, celsius) in zip(points, described, strict=True)
    ]
    spaces = [Space(id=id_, name=id_, type=type_) for id_, type_ in zip(SPACES, types, strict=True)]
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

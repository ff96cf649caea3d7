"""From configuration to programmes and policies; every mistake is told with its place."""

from datetime import date, time

import pytest
from pydantic import ValidationError
from session_bench import CATALOG, CONFIG

from facility.config.errors import ConfigError
from facility.config.model import Config
from facility.strategy import Strategy, rules_of
from points.catalog import Catalog
from points.site_rules import PointRule, SpaceRule
from schedules.calendar import DayException, Entry, why
from schedules.dates import DateRange
from schedules.policies.lighting_sweep import LightingSweep
from schedules.policies.occupancy_standby import OccupancyStandby
from schedules.policies.room_turndown import RoomTurndown, TurndownRoom
from schedules.policies.weekly import Weekly

TODAY = date(2026, 3, 1)
SETBACK = {
    "kind": "occupancy-standby",
    "name": "standby",
    "programme": "office",
    "heating": "ahu-1/sp",
    "cooling": "vav-9/sp",
    "standby_k": 1.5,
}
SWEEP = {
    "kind": "lighting-sweep",
    "name": "sweep",
    "programme": "lights",
    "points": "ahu-1/fan",
    "sweep_state": "out",
}
TURNDOWN = {
    "kind": "room-turndown",
    "name": "or-night",
    "programme": "lights",
    "turndown_state": "out",
    "rooms": [
        {
            "space": "or-3",
            "supply": "ahu-1/sp",
            "extract": "vav-9/sp",
            "supply_setback": 300,
            "extract_setback": 206,
        }
    ],
}
LIGHTS = {"name": "lights", "default": "free", "weekdays": ["21:00 out"]}


def configured(**sections):
    return Config(**(CONFIG | sections))


def strategy(**sections):
    return Strategy(configured(**sections), TODAY)


def test_each_kind_of_policy_follows_its_programme_in_the_zone_of_the_site():
    policies = [SETBACK, *CONFIG["policies"], SWEEP, TURNDOWN]
    made = strategy(programmes=[*CONFIG["programmes"], LIGHTS], policies=policies)
    assert [(type(policy), policy.name, policy.timetable.name) for policy in made.policies] == [
        (OccupancyStandby, "standby", "office"),  # in the order of the file, which is that of precedence
        (Weekly, "office-heating", "office"),
        (LightingSweep, "sweep", "lights"),
        (RoomTurndown, "or-night", "lights"),
    ]
    assert {policy.timetable.zone for policy in made.policies} == {made.zone}
    assert made.policies[0].standby_kelvin == 1.5
    assert made.policies[1].values == {"occupied": 21.0}
    assert made.policies[2].sweep_state == "out"
    assert made.policies[3].rooms == (
        TurndownRoom(space="or-3", supply="ahu-1/sp", extract="vav-9/sp", supply_setback=300.0, extract_setback=206.0),
    )
    assert (made.policies[3].vacant_minutes, made.policies[3].lead_minutes) == (20.0, 30.0)
    assert [made.kind_of(name) for name in ("standby", "office-heating", "sweep", "or-night")] == [
        "occupancy-standby",
        "weekly",
        "lighting-sweep",
        "room-turndown",
    ]


def test_a_policy_speaks_for_what_its_selectors_choose():
    made = strategy(policies=[*CONFIG["policies"], SETBACK])
    assert [point.id for point in made.points_of("standby", CATALOG)] == ["ahu-1/sp", "vav-9/sp"]
    assert [policy.name for policy in made.policies_following("office")] == ["office-heating", "standby"]
    assert made.points_following("office", CATALOG) == {"ahu-1/sp", "vav-9/sp"}
    assert made.points_following("office", Catalog()) == set()
    made = strategy(programmes=[LIGHTS], policies=[TURNDOWN])
    assert [point.id for point in made.points_of("or-night", CATALOG)] == ["ahu-1/sp", "vav-9/sp"]
    assert made.points_of("or-night", Catalog()) == []


def test_a_week_is_sorted_and_weekdays_stand_where_the_day_says_nothing():
    programme = strategy(
        programmes=[
            {
                "name": "office",
                "weekdays": ["19:00 unoccupied", "07:00 occupied"],
                "monday": ["09:00 occupied"],
                "sunday": ["12:00 occupied"],
            }
        ]
    ).programmes["office"]
    assert programme.week[0] == (Entry(time(9), "occupied"),)
    assert programme.week[1] == (Entry(time(7), "occupied"), Entry(time(19), "unoccupied"))
    assert [len(day) for day in programme.week] == [1, 2, 2, 2, 2, 0, 1]


def test_holidays_are_the_country_s_and_the_site_s_own_for_those_who_follow_them():
    sections = {
        "site": {"zone": "America/Chicago", "country": "US"},
        "holidays": [{"day": "2026-03-05", "name": "Founders' Day"}],
        "programmes": [
            {"name": "office", "weekdays": ["07:00 occupied"], "holidays": []},
            {"name": "clinic", "weekdays": ["07:00 occupied"]},
        ],
    }
    made = strategy(**sections).programmes
    assert why(made["office"], date(2026, 3, 5)) == "Founders' Day"
    assert why(made["office"], date(2027, 7, 5)).startswith("Independence Day")  # observed, next year
    assert why(made["clinic"], date(2026, 3, 5)) == "weekly"


def test_an_exception_of_one_day_needs_no_end():
    exceptions = [{"name": "Open day", "first": "2026-03-07", "changes": ["10:00 occupied"], "precedence": 3}]
    made = strategy(programmes=[CONFIG["programmes"][0] | {"exceptions": exceptions}])
    day = date(2026, 3, 7)
    assert made.programmes["office"].exceptions == (
        DayException(
            name="Open day", when=DateRange(first=day, last=day), entries=(Entry(time(10), "occupied"),), precedence=3
        ),
    )


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (
            {"exceptions": [{"name": "x", "first": "2026-03-07", "last": "2026-03-01"}]},
            "exception 'x' ends on",
        ),
        ({"monday": ["07:00 occupied", "07:00 unoccupied"]}, "07:00 is written after 07:00"),
    ],
)
def test_a_programme_that_cannot_be_is_no_configuration(wrong, says):
    with pytest.raises(ValidationError, match=f"programme 'office': .*{says}"):
        configured(programmes=[CONFIG["programmes"][0] | wrong])


def test_a_selector_that_has_to_be_there_names_its_policy():
    with pytest.raises(ConfigError, match="policy 'standby': '' has an empty part"):
        strategy(policies=[SETBACK | {"heating": ""}])


def test_rules_are_what_the_site_says_and_nothing_more():
    points, spaces = rules_of(
        configured(
            points=[{"match": "ahu-1/*", "limit_low": 15.0}],
            spaces=[{"id": "or-3", "name": "OR-3", "type": "operating_room", "match": ["ahu-1/*", "space:or-03"]}],
        )
    )
    assert points == [PointRule(match="ahu-1/*", limit_low=15.0)]
    assert spaces == [SpaceRule(id="or-3", name="OR-3", type="operating_room", match=("ahu-1/*", "space:or-03"))]

"""The sections of optimal start and stop, setback and pre-cooling: what they mean, and which mistakes they name."""

from datetime import date

import pytest
from pydantic import ValidationError
from session_bench import CONFIG

from facility.config.model import Config
from facility.strategy import Strategy
from schedules.policies.optimal_start import OptimalStart
from schedules.policies.optimal_stop import OptimalStop
from schedules.policies.pre_cooling import PreCooling
from schedules.policies.setback import Setback

ZONES = {"programme": "hours", "heating": "class:heating-setpoint", "cooling": "class:cooling-setpoint"}
START = {"kind": "optimal-start", "name": "start", **ZONES}
STOP = {"kind": "optimal-stop", "name": "stop", **ZONES}
NIGHT = {
    "kind": "setback",
    "name": "night",
    **ZONES,
    "points": "class:start-stop-command",
    "values": {"set-back": True},
}
PRE = {"kind": "pre-cooling", "name": "pre", "programme": "hours", "cooling": "class:cooling-setpoint"}
PROGRAMMES = [
    {"name": "hours", "weekdays": ["07:00 occupied", "19:00 unoccupied"]},
    {"name": "tariff", "default": "off-peak", "weekdays": ["14:00 peak", "18:00 off-peak"]},
]


def policies(*sections):
    config = Config(**(CONFIG | {"programmes": PROGRAMMES, "policies": list(sections)}))
    made = Strategy(config, date(2026, 3, 1))
    return made, {policy.name: policy for policy in made.policies}


def test_what_stands_in_the_configuration_is_what_the_policy_goes_by():
    start = START | {"runs": "class:start-stop-command", "run_value": "on", "cap_hours": 2, "together": True}
    stop = STOP | {"drift_k": 0.5, "unoccupied_heating_c": 15}
    pre = PRE | {"tariff": "tariff", "lower_k": 1.0, "lead_minutes": 30}
    made, known = policies(start, stop, NIGHT | {"dew_point_c": 15}, pre)
    assert isinstance(known["start"], OptimalStart)
    assert (known["start"].cap_hours, known["start"].together, known["start"].run_value) == (2.0, True, "on")
    assert isinstance(known["stop"], OptimalStop)
    assert (known["stop"].drift_kelvin, known["stop"].unoccupied_heating_celsius) == (0.5, 15.0)
    assert isinstance(known["night"], Setback)
    assert (known["night"].values, known["night"].dew_point_celsius) == ({"set-back": True}, 15.0)
    assert isinstance(known["pre"], PreCooling)
    assert (known["pre"].lower_kelvin, known["pre"].lead_minutes) == (1.0, 30.0)
    assert known["pre"].tariff is made.timetables["tariff"]
    assert {table.name for table in made.followed_by("pre")} == {"hours", "tariff"}


@pytest.mark.parametrize(
    ("section", "says"),
    [
        (START | {"cap_hours": 4}, "less than or equal to 3"),
        (START | {"heating_c": 24}, "heating_c must be below cooling_c"),
        (START | {"kind": "occupancy-standby", "heating_c": 25}, "heating_c must be below cooling_c"),
        (START | {"kind": "occupancy-standby", "cooling_c": 75}, "less than or equal to 50"),
        (STOP | {"drift_k": 2}, "less than or equal to 1"),
        (STOP | {"unoccupied_heating_c": 22}, "must not be inside the occupied ones"),
        (
            NIGHT | {"values": {"freeze": True}},
            "values has freeze; known: set-back, set-up, freeze-protection, dehumidify",
        ),
        (NIGHT | {"values": {}}, "at least 1 item"),
        (NIGHT | {"heating_c": 33}, "heating_c must be below cooling_c"),
        (PRE | {"lower_k": 2.5}, "must stay 1 K above heating_c 21"),
        (PRE | {"tariff": "hours"}, "speaks of peak; programme 'hours' knows occupied, unoccupied"),
        (PRE | {"tariff": "prices"}, "follows programme 'prices'; known: hours, tariff"),
        (STOP | {"unoccupied_state": "closed"}, "speaks of closed"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(section, says):
    with pytest.raises(ValidationError) as error:
        policies(section)
    assert says in str(error.value)

"""What a site may write about demand and light, and what becomes of it."""

from datetime import date

import pytest
from session_bench import CONFIG

from facility.config.model import Config
from facility.strategy import Strategy
from schedules.policies.daylight import Daylight
from schedules.policies.demand_limit import DemandLimit
from schedules.policies.demand_response import DemandResponse

SETPOINTS = {"heating": "class:heating-setpoint", "cooling": "class:cooling-setpoint"}
RESPONSE = {"kind": "demand-response", "name": "dr", **SETPOINTS}
LIMIT = {"kind": "demand-limit", "name": "peak", **SETPOINTS, "meter": "meter/power", "limit_kw": 500}
DAYLIGHT = {
    "kind": "daylight",
    "name": "sun",
    "programme": "office",
    "open_state": "occupied",
    "points": "class:damper",
}


def made(*policies):
    return Strategy(config(*policies), date(2026, 3, 1))


def config(*policies):
    return Config(**(CONFIG | {"policies": list(policies)}))


def test_each_becomes_its_policy_with_the_defaults_of_its_row():
    response, limit, daylight = made(RESPONSE, LIMIT, DAYLIGHT).policies
    assert isinstance(response, DemandResponse)
    assert isinstance(limit, DemandLimit)
    assert isinstance(daylight, Daylight)
    assert (response.site, response.restore_minutes) == (config().site.id, 20.0)
    assert (limit.confirm_minutes, limit.break_minutes, limit.control_minutes) == (5.0, 20.0, 20.0)
    assert (limit.window.minutes, limit.longest_minutes, limit.shortest_minutes) == (15, 15.0, 6.0)


def test_a_policy_that_is_written_as_it_was_is_the_policy_that_it_was():
    sections = (RESPONSE, LIMIT, {**DAYLIGHT})
    assert list(made(*sections).policies) == list(made(*sections).policies)


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({**LIMIT, "compare": {"comfort": {"room-type": 3}}}, "no weight but a filter"),
        ({**LIMIT, "compare": {"comfort": {"power": 9, "history": 1 / 9}, "power": {"history": 9}}}, "contradict"),
        ({**LIMIT, "compare": {"comfort": {"noise": 3}}}, "only comfort, history, power"),
        ({**RESPONSE, "low_c": 22}, "must rise in this order"),
        ({**RESPONSE, "programme": "nights"}, "follows programme 'nights'"),
        ({**RESPONSE, "programme": "office", "occupied_state": "jolly"}, "speaks of jolly"),
        ({**DAYLIGHT, "lowest_percent": 5}, "greater than or equal to 10"),
        ({**DAYLIGHT, "step_seconds": 1}, "greater than or equal to 10"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(section, says):
    with pytest.raises(ValueError, match=says):
        config(section)

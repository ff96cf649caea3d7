"""Readings in words, for the command line."""

from datetime import timedelta

import pytest
from manual_clock import NOON
from session_bench import CATALOG

from facility import views
from facility.words import age, value_text

INFO = views.point_info(next(iter(CATALOG.points.values())), CATALOG, "", None)


@pytest.mark.parametrize(
    ("kind", "more", "value", "words"),
    [
        ("analog", {}, None, "?"),
        ("binary", {}, None, "?"),
        ("analog", {}, 18.0, "18.0 °C"),
        ("analog", {}, 0.0, "0.0 °C"),
        ("analog", {}, 0.25, "0.25 °C"),
        ("analog", {}, -0.25, "-0.25 °C"),
        ("analog", {}, 1234.56, "1235 °C"),
        ("analog", {}, -1e308, "-1e+308 °C"),
        ("analog", {"unit": ""}, 18.0, "18.0"),
        ("analog", {"unit": ""}, 7, "7"),
        ("binary", {}, True, "on"),
        ("binary", {}, False, "off"),
        ("binary", {"states": ["Normal", "Alarm"]}, True, "Alarm"),
        ("binary", {"states": ["Normal", "Alarm"]}, False, "Normal"),
        ("binary", {"states": ["Normal"]}, True, "on"),
        ("multistate", {"states": ["Off", "Auto"]}, 1, "Off"),
        ("multistate", {"states": ["Off", "Auto"]}, 2, "Auto"),
        ("multistate", {"states": ["Off", "Auto"]}, 3, "state 3"),
        ("multistate", {"states": ["Off", "Auto"]}, 0, "state 0"),
        ("text", {"unit": ""}, "hello", "hello"),
    ],
)
def test_a_value_is_said_as_people_say_it(kind, more, value, words):
    assert value_text(INFO.model_copy(update={"kind": kind, "states": []} | more), value) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (119 * 60, "119 min"),
        (2 * 3600, "2 h"),
        (47 * 3600, "47 h"),
        (48 * 3600, "2 d"),
        (-30, "0 s"),  # a clock that differs is no age
    ],
)
def test_an_age_is_said_in_one_unit(seconds, words):
    assert age(NOON, NOON + timedelta(seconds=seconds)) == words

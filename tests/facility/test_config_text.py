"""Configuration as text: changes that keep comments, and errors that point at their line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facility.config.errors import ConfigError
from facility.config.loading import load_text
from facility.config.merging import merged
from facility.config.places import line_of

SITE = """\
# Mercy's own file
[site]
id = "mercy"
zone = "America/Chicago"  # civil time

[[programmes]]
name = "office"  # who follows: 24 rooms
weekdays = ["07:00 occupied", "19:00 unoccupied"]

# the night
[[programmes]]
name = "lights"
default = "swept"

[[policies]]
kind = "weekly"
name = "heating"
programme = "office"
points = "class:heating-setpoint"
values = { occupied = 21.0, unoccupied = 16.0 }
"""


def test_changes_are_laid_over_and_comments_stay():
    changes = '[[programmes]]\nname = "office"\nweekdays = ["06:00 occupied", "19:00 unoccupied"]\n'
    text = merged(SITE, changes)
    assert text == SITE.replace('"07:00 occupied"', '"06:00 occupied"')
    assert load_text(text, "x").programmes[0].weekdays[0] == "06:00 occupied"


def test_entries_are_added_and_taken_out_by_their_name():
    text = merged(SITE, '[[programmes]]\nname = "lights"\nremove = true\n[[programmes]]\nname = "lab"\n')
    assert [each.name for each in load_text(text, "x").programmes] == ["office", "lab"]
    assert "# Mercy's own file" in text


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("[[programmes]]\nremove = true\n", "programmes: every entry needs one of"),
        ('[[programmes]]\nname = "lab"\nremove = true\n', "programmes: there is no name = 'lab' to remove"),
        ("[[", "the changes: not valid TOML"),
    ],
)
def test_changes_that_mean_nothing_are_refused(changes, says):
    with pytest.raises(ConfigError, match=says.replace("[", r"\[")):
        merged(SITE, changes)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (('zone = "America/Chicago"', 'zone = "America/Chigaco"'), "line 4: site.zone"),
        (('points = "class:heating-setpoint"', "points = 3"), "line 19: policies.0.weekly.points"),
        (
            ("class:heating-setpoint", "clas:heating-setpoint"),
            "line 19: policies.0.weekly.points: 'clas:heating-setpoint'",
        ),
        (('e = "office"\npoints', 'e = "ofice"\npoints'), "line 18: policies.0.programme: policy 'heating' follows"),
        (("unoccupied = 16.0", "unocupied = 16.0"), "line 20: policies.0.values: policy 'heating' speaks of"),
        (("[[policies]]", '[[programmes]]\nname = "lights"\n[[policies]]'), "line 15: programmes.2: two of a name"),
        (('"swept"', '"swept"\nmonday = ["sunset on"]'), "line 11: programmes.1: programme 'lights' says 'sunset'"),
        (("  # civil time", '\ncountry = "USX"'), "line 2: site: no public holidays are known"),
        (('default = "swept"', 'defalt = "swept"'), "line 13: programmes.1.defalt"),
        (('"19:00 unoccupied"]', '"29:00 unoccupied"]'), "line 8: programmes.0.weekdays.1"),
    ],
)
def test_errors_point_at_line_and_key(wrong, place):
    with pytest.raises(ConfigError) as error:
        load_text(SITE.replace(*wrong), "site.toml")
    assert f"\n  {place}" in str(error.value)


def test_lines_of_odd_texts():
    text = 'a = 1\ntext = """\n[not]\nb = 2\n"""\n["quoted part".x]\n"y z" = 1\n[[l]]\n[l.inner]\nk = 1\n[[l]]\nk = 2\n'
    assert line_of(text, ["a"]) == 1
    assert line_of(text, ["not"]) is None
    assert line_of(text, ["quoted part", "x", "y z"]) == 7
    assert line_of(text, ["l", 0, "inner", "k"]) == 10
    assert line_of(text, ["l", 1, "k"]) == 12
    assert line_of(text, ["l", 1, "nothing"]) == 11


@given(st.text(max_size=200), st.lists(st.text(max_size=5) | st.integers(0, 3), max_size=4))
def test_a_line_is_asked_of_any_text(text, path):
    line = line_of(text, path)
    assert line is None or 1 <= line <= len(text.splitlines())

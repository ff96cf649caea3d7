"""A draft is exactly the changes that were made: laid over a configuration, it means what was typed."""

import tomllib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from schedule_story import written

from facility.config.merging import merged
from facility.wire import Block, ScheduleDay, ScheduleInfo
from tui.draft import Draft, Edit, parsed, present, stretches

TUESDAY = date(2026, 11, 24)
WEDNESDAY = date(2026, 11, 25)
BASE = """
# the clinic
[[programmes]]
name = "clinic"
weekdays = ["05:00 occupied", "19:00 unoccupied"]  # as agreed

[[programmes.exceptions]]
name = "half day"
first = 2026-11-25
changes = ["05:00 occupied", "17:00 unoccupied"]
precedence = 5

[[policies]]
name = "p"
kind = "weekly"
"""


def schedule(**more):
    day = ScheduleDay(date="2026-11-26", note="", blocks=[Block(start=0, end=480, state="unoccupied"),
                                                          Block(start=480, end=1440, state="occupied")])  # fmt: skip
    fields = {
        "name": "clinic", "what": "", "points": 1, "days": [day], "now_state": "", "next_change": None,
        "next_state": "", "written": written(),
    } | more  # fmt: skip
    return ScheduleInfo(**fields)


def laid(*edits, base=BASE):
    draft = Draft()
    for edit in edits:
        draft.add(edit)
    return tomllib.loads(merged(base, "\n".join(draft.lines([schedule()]))))


def edit(day=TUESDAY, *, weekly=True, changes=("06:00 occupied",), name=""):
    return Edit(programme="clinic", day=day, weekly=weekly, changes=changes, name=name)


def test_a_weekday_is_written_whole_and_nothing_else_changes():
    was, now = tomllib.loads(BASE), laid(edit())
    assert now["programmes"][0].pop("tuesday") == ["06:00 occupied"]
    assert now == was
    assert laid(edit(changes=()))["programmes"][0]["tuesday"] == ["00:00 unoccupied"]


INLINE = """
[[programmes]]
name = "clinic"
exceptions = [{name = "half day", first = 2026-11-25, changes = ["05:00 occupied", "17:00 unoccupied"], precedence = 5}]
"""


@pytest.mark.parametrize("base", [BASE, INLINE])
def test_an_exception_of_a_date_goes_before_all_others_and_keeps_them(base):
    thursday = date(2026, 11, 26)
    [programme] = laid(edit(thursday, weekly=False, name='"fair" day'), base=base)["programmes"]
    assert programme["exceptions"] == [
        {"name": '"fair" day', "first": thursday, "changes": ["06:00 occupied"], "precedence": 5},
        {"name": "half day", "first": WEDNESDAY, "changes": ["05:00 occupied", "17:00 unoccupied"], "precedence": 5},
    ]


def test_the_exception_of_that_date_is_replaced():
    [programme] = laid(edit(WEDNESDAY, weekly=False, name="half day", changes=("05:00 occupied",)))["programmes"]
    assert [(each["name"], each["changes"]) for each in programme["exceptions"]] == [("half day", ["05:00 occupied"])]


def test_a_later_edit_of_the_same_day_counts_and_undo_takes_the_last_back():
    draft = Draft()
    draft.add(edit())
    draft.add(edit(WEDNESDAY))
    draft.add(edit(changes=("07:00 occupied",)))
    assert [each.changes for each in draft.edits] == [("06:00 occupied",), ("07:00 occupied",)]
    assert draft.of("clinic", TUESDAY).changes == ("07:00 occupied",)
    assert draft.undo().day == TUESDAY
    assert draft.of("clinic", TUESDAY) is None
    draft.clear()
    assert (draft.undo(), draft.lines([schedule()])) == (None, [])


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ("6:30 occupied", "is no change"), ("06:30", "is no change"), ("25:00 occupied", "is no change"),
        ("06:30 open", "is no state of it; there are occupied, unoccupied"), ("06:30 as-usual", "is no state of it"),
        ("06:30 occupied, 06:30 unoccupied", "twice"), ("sunup occupied", "is no change"),
    ],
)  # fmt: skip
def test_what_is_typed_is_checked_at_once(typed, wrong):
    with pytest.raises(ValueError, match=wrong):
        parsed(typed, written(), weekly=True)


def test_what_is_typed_comes_out_in_order():
    typed = " 19:00  unoccupied,05:00 occupied, sunset-00:30 occupied, "
    assert parsed(typed, written(), weekly=True) == ("05:00 occupied", "19:00 unoccupied", "sunset-00:30 occupied")
    assert parsed("12:00 as-usual", written(), weekly=False) == ("12:00 as-usual",)
    assert parsed("", written(), weekly=False) == ()


def test_what_is_in_force_is_what_an_edit_begins_with():
    assert present(schedule(), TUESDAY, weekly=True) == ("05:00 occupied", "19:00 unoccupied")
    assert present(schedule(), WEDNESDAY, weekly=False) == ("05:00 occupied", "17:00 unoccupied")
    assert present(schedule(), date(2026, 11, 26), weekly=False) == ("08:00 occupied",)
    assert present(schedule(), date(2027, 1, 2), weekly=False) == ()  # a Saturday nobody was asked about
    assert present(schedule(written=None), TUESDAY, weekly=True) == ()


def test_stretches_are_the_day_or_none_where_the_sun_decides():
    assert stretches(["05:00 on", "19:00 off"], "off") == [(0, 300, "off"), (300, 1140, "on"), (1140, 1440, "off")]
    assert stretches(["00:00 on"], "off") == [(0, 1440, "on")]
    assert stretches(["sunset on"], "off") is None


@given(st.sets(st.integers(0, 1439), max_size=6), st.text(max_size=12))
def test_whatever_is_typed_comes_back_from_the_configuration(minutes, name):
    changes = tuple(f"{minute // 60:02d}:{minute % 60:02d} occupied" for minute in sorted(minutes))
    [programme] = laid(edit(date(2026, 12, 1), weekly=False, changes=changes, name=name))["programmes"]
    assert programme["exceptions"][0]["name"] == name
    assert tuple(programme["exceptions"][0]["changes"]) == changes

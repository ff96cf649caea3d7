"""Who is told to be next in line is who is shed next."""

from pretend_offices import seen
from test_demand_limit import POLICY, Building, metered

from facility.energy.live import shedding


def line_of(building, most=5):
    view = seen(metered(building.readings, 490.0), building.now)
    return [space for space, _ in POLICY.next_in_line(view, building.memory, most)]


def test_the_line_is_the_order_in_which_they_are_then_shed():
    building = Building()
    building.minutes(10, 490.0)
    told = line_of(building)
    before = building.memory
    building.minutes(12, 640.0)
    turns = list(building.memory.round)  # in the order in which they were shed
    assert turns, "nobody was shed, so the test says nothing"
    assert turns[: len(told)] == told[: len(turns)]
    assert before.shed == ()  # to ask has changed nothing
    assert not set(line_of(building)) & set(turns[:1])  # who is shed is not in line


def test_the_screen_is_told_the_limit_the_level_and_the_line():
    building = Building()
    building.minutes(10, 490.0)
    view = seen(metered(building.readings, 490.0), building.now)
    told = shedding([POLICY], {"peak": building.memory}, view)
    assert (told.policy, told.limit_kw, told.level) == ("peak", 500.0, 0)
    assert told.next_in_line[0].endswith("about 20 kW")
    building.minutes(8, 640.0)
    assert shedding([POLICY], {"peak": building.memory}, view).level >= 1
    assert shedding([], {}, view) is None

"""Demand limiting: domain.md 4, rows 9, 10 and 11."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pretend_office import BERLIN, NOON, reading
from pretend_offices import BUILDING, METER, MINUTE, NAMES, OFFICES, OR, at_rest, chosen, having, obeyed, seen, vav
from steady_answers import assert_steady

from points.catalog import Catalog
from points.model import Quality, Space
from schedules.decider import Decider
from schedules.policies.demand_limit import DemandLimit
from schedules.policy import View
from schedules.sliding import Window

POLICY = DemandLimit(
    name="peak",
    meter=METER.id,
    limit_kilowatts=500.0,
    heating=chosen("heating-setpoint"),
    cooling=chosen("cooling-setpoint"),
    kilowatts_each=20.0,
)


def metered(readings, kilowatts, **rest):
    return readings | {METER.id: reading(METER, kilowatts, **rest)}


def rooms(decision):
    return {demand.point.split("/")[0] for demand in decision.demands if demand.point.startswith("office")}


class Building:
    """Asks once a minute, and at every instant that is named; remembers who was shed when."""

    def __init__(self, policy=POLICY):
        self.policy, self.decide, self.memory = policy, None, None
        self.now, self.readings = NOON, at_rest()
        self.shed = {}  # room -> [(since, until)]
        self.turns = []
        self.steady = False

    def minute(self, kilowatts, **rest):
        """One minute with this power; the last decision in it."""
        end = self.now + MINUTE
        while self.now < end:
            decision = self._ask(metered(self.readings, kilowatts, **rest))
            self.now = min(decision.until or end, end)
        return decision

    def minutes(self, many, kilowatts, **rest):
        for _ in range(many):
            decision = self.minute(kilowatts, **rest)
        return decision

    def _ask(self, readings):
        view = seen(readings, self.now)
        self.decide = self.decide or self.policy.bind(view.catalog)
        ask = assert_steady if self.steady else lambda _policy, view, memory: self.decide(view, memory)
        decision = ask(self.policy, view, self.memory)
        self.memory = decision.memory
        holding = rooms(decision)
        for room in holding - {each for each, spans in self.shed.items() if spans[-1][1] is None}:
            self.shed.setdefault(room, []).append((self.now, None))
            self.turns.append(room)
        for room, spans in self.shed.items():
            if spans[-1][1] is None and room not in holding:
                spans[-1] = (spans[-1][0], self.now)
        return decision


def test_row_9_the_sliding_window():
    window, samples = Window(), [(NOON - n * MINUTE, 480.0) for n in range(1, 6)]
    assert window.projected(samples, NOON, 540.0) == 520.0
    assert window.needed(520.0, 500.0) == 30.0
    assert window.needed(499.0, 500.0) == 0.0


def test_row_9_what_is_needed_is_shed_once_it_is_confirmed_and_not_before():
    building = Building()
    building.steady = True
    building.minutes(5, 480.0)
    assert rooms(building.minutes(5, 540.0)) == set()
    assert building.memory.needed > 0
    assert len(rooms(building.minute(540.0))) == 3  # 60 kW too many by now, 20 kW each
    assert len(rooms(building.minute(500.0))) == 3


def test_a_level_is_added_when_all_are_shed_and_it_is_not_enough():
    building = Building(replace(POLICY, kilowatts_each=5.0, longest_minutes=60.0))
    building.minutes(6, 600.0)
    decision = building.minutes(3, 600.0)
    assert rooms(decision) == set(NAMES)
    assert {demand.value for demand in decision.demands if "office" in demand.point} == {20.5, 24.5}
    decision = building.minutes(4, 600.0)
    assert {demand.value for demand in decision.demands if "office" in demand.point} == {20.0, 25.0}
    decision = building.minutes(20, 600.0)
    assert {demand.value for demand in decision.demands if "office" in demand.point} == {20.0, 26.0}  # 2 K, in range


def test_row_10_it_lasts_for_the_control_time_and_is_given_back_one_after_the_other():
    building = Building(replace(POLICY, longest_minutes=60.0))
    building.minutes(10, 540.0)
    began = building.memory.began
    assert len(rooms(building.minutes(5, 450.0))) == 3
    while building.now - began < timedelta(minutes=20):
        assert len(rooms(building.minute(450.0))) == 3
    counts = [len(rooms(building.minute(450.0))) for _ in range(21)]
    assert counts[0] == 2
    assert counts == sorted(counts, reverse=True)
    assert counts[9:12] == [2, 1, 1]
    assert counts[-1] == 0


def test_row_10_after_it_is_over_there_is_a_break():
    building = Building()
    building.minutes(10, 540.0)
    while building.memory.ended is None:
        building.minute(450.0)
    building.minutes(18, 540.0)
    assert building.memory.began is None
    building.minutes(3, 540.0)
    assert building.memory.began is not None


def test_row_10_the_room_with_the_most_comfort_to_spare_goes_first():
    warm = having(at_rest(), OFFICES["office-4"][2], 23.0)
    for name in set(NAMES) - {"office-4"}:
        warm = having(warm, OFFICES[name][2], 25.5)
    building = Building(replace(POLICY, kilowatts_each=100.0))
    building.readings = warm
    assert rooms(building.minutes(6, 540.0)) == {"office-4"}


def test_row_11_nobody_is_shed_longer_than_15_of_60_minutes_and_nobody_twice_before_all_others():
    building = Building()
    building.minutes(180, 520.0)
    assert building.turns
    for room, spans in building.shed.items():
        done = [(since, until or building.now) for since, until in spans]
        for since, until in done:
            assert timedelta(minutes=6) <= until - since <= timedelta(minutes=15) or until == building.now
        for _, end in done:
            hour = [max(min(u, end) - max(s, end - timedelta(hours=1)), timedelta(0)) for s, u in done]
            assert sum(hour, timedelta(0)) <= timedelta(minutes=15), room
    for n in range(len(building.turns)):
        counts = Counter(building.turns[: n + 1])
        assert max(counts.values()) - min(counts.get(name, 0) for name in NAMES) <= 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([450.0, 510.0, 540.0, 700.0, None]), min_size=20, max_size=120))
def test_whatever_the_meter_says_the_limits_of_rotation_hold(power):
    building = Building()
    for each in power:
        building.minute(each or 0.0, quality=Quality.GOOD if each else Quality.STALE)
    for spans in building.shed.values():
        done = [(since, until or building.now) for since, until in spans]
        for since, until in done:
            assert until - since <= timedelta(minutes=15)
            hour = [max(min(u, until) - max(s, until - timedelta(hours=1)), timedelta(0)) for s, u in done]
            assert sum(hour, timedelta(0)) <= timedelta(minutes=15)
            assert until == building.now or until - since >= timedelta(minutes=6)


def test_a_meter_that_is_not_known_sheds_nothing_new_and_all_is_given_back():
    building = Building(replace(POLICY, longest_minutes=60.0))
    building.minutes(7, 540.0)
    held = building.shed.keys()
    assert len(held) == 3
    decision = building.minutes(4, 999.0, quality=Quality.STALE)
    assert len(rooms(decision)) == 3
    assert any(remark.held and "meter is not known" in remark.text for remark in decision.remarks)
    counts = [len(rooms(building.minute(999.0, quality=Quality.STALE))) for _ in range(25)]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 0
    assert len(building.turns) == 3


def test_a_room_that_leaves_its_range_is_given_back_at_once_and_another_takes_its_place():
    building = Building()
    held = rooms(building.minutes(6, 540.0))
    hot = min(held)
    building.readings = having(building.readings, OFFICES[hot][2], 26.5)
    decision = building.minute(540.0)
    assert hot not in rooms(decision)
    assert len(rooms(decision)) == len(held)


def test_who_was_shed_is_remembered_over_a_restart():
    whole, halved = Building(), Building()
    whole.minutes(40, 530.0)
    halved.minutes(17, 530.0)
    halved.decide = None  # another process binds anew, with what was remembered
    halved.minutes(23, 530.0)
    assert whole.turns == halved.turns
    assert whole.memory == halved.memory


def test_a_clock_that_is_put_back_makes_nobody_suffer_longer():
    building = Building()
    building.minutes(8, 540.0)
    held = set(building.shed)
    assert held
    building.now -= timedelta(hours=2)
    begun = building.now
    building.minutes(13, 450.0)
    assert not held & rooms(building.minute(450.0))
    assert building.memory.ended is None or building.memory.ended > begun
    building.minutes(40, 450.0)
    assert rooms(building.minutes(7, 540.0))  # and the limit is kept, though by the clock the last one is yet to come


class Counted(dict):
    """Readings that count how often somebody looks."""

    looks = 0

    def get(self, key, default=None):
        self.looks += 1
        return super().get(key, default)


def test_who_goes_next_is_found_out_in_one_look_at_every_room():
    offices = {f"office-{n}": vav(f"office-{n}") for n in range(300)}
    spaces = [Space(id=space, name=space, type="admin_office") for space in offices]
    building = Catalog.of([], [METER, *(point for points in offices.values() for point in points)], spaces)
    decide, memory = POLICY.bind(building), None
    for minute in range(7):
        counted = Counted(metered(at_rest(offices=offices), 2500.0 if minute else 490.0))
        view = View(now=NOON + minute * MINUTE, zone=BERLIN, catalog=building, readings=counted)
        memory = decide(view, memory).memory
    assert len(memory.shed) > 90
    assert counted.looks < 20 * len(offices)


def test_operating_rooms_are_refused_with_the_reason():
    decider, now = Decider(NOON), NOON
    decider.adopt([POLICY])
    for _ in range(8):
        decider.decide(seen(metered(at_rest(), 540.0), now))
        now += MINUTE
    refused = {refusal.demand.point: refusal.why for refusal in decider.refusals}
    assert "operating_room: nothing is ever shed there" in refused[OR[0].id]
    assert all(point.startswith("office") for point, _ in decider.wanted)


def test_what_is_shed_stays_where_it_was_counted_from():
    building = Building(replace(POLICY, longest_minutes=60.0, kilowatts_each=100.0))
    decision = building.minutes(6, 540.0)
    (room,) = rooms(decision)
    building.readings = obeyed(building.readings, decision.demands)
    later = building.minutes(3, 540.0)
    assert {demand.value for demand in later.demands if demand.point.startswith(room)} == {20.5, 24.5}


@pytest.mark.parametrize("unit", ["no-units", "kilowatt-hours"])
def test_a_meter_that_does_not_say_that_it_is_power_is_not_known(unit):
    other = replace(METER, unit=unit)
    building = type(BUILDING).of(
        [], [other, *(p for p in BUILDING.points.values() if p is not METER)], BUILDING.spaces.values()
    )
    decision = POLICY.bind(building)(seen(metered(at_rest(), 540.0)), None)
    assert any("meter is not known" in remark.text for remark in decision.remarks)

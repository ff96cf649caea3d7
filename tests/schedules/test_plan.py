"""The plan as properties: idempotent, comfort only, released if and only if nobody demands."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pretend_office import COOL, HEAT, NOON, SENSOR, TEMP, catalog, point, reading, view
from scripted_policy import Scripted

from facility.config.policies import KINDS
from points.model import PointId, Priority, Safety, values_agree
from schedules.decider import Decider
from schedules.plan import LEASE, Release, Standing
from schedules.policy import Demand
from schedules.precedence import TABLE


@dataclass(frozen=True)
class Says(Scripted):
    """A policy that wants what it is told to want."""

    name: str
    wanted: tuple = ()
    changes: object = None

    def demands(self, _view):
        for point_id, value, priority in self.wanted:
            yield Demand(point=PointId(point_id), value=value, priority=priority, policy=self.name, reason="told to")

    def next_change(self, _now):
        return self.changes


@dataclass(frozen=True)
class Breaks(Scripted):
    name: str = "broken"

    def demands(self, _view):
        yield Demand(point=HEAT.id, value=99.0, priority=Priority.SCHEDULE, policy=self.name, reason="half done")
        raise ZeroDivisionError("a mistake")


def decider_of(policies, looked):
    decider = Decider(looked.now)
    decider.adopt(policies)
    decider.decide(looked)
    return decider


def plan(policies, looked, held):
    return decider_of(policies, looked).plan(held, looked.now)


def carried_out(decided, held):
    after = dict(held)
    for release in decided.releases:
        after.pop((release.point, release.priority))
    for demand in decided.holds:
        standing = Standing(value=demand.value, policy=demand.policy, until=decided.until)
        after[(demand.point, demand.priority)] = standing
    return after


def standing(value, policy="p", left=LEASE):
    return Standing(value=value, policy=policy, until=NOON + left)


SLOT = (HEAT.id, Priority.SCHEDULE)
WANT_21 = (HEAT.id, 21.0, Priority.SCHEDULE)


def test_what_is_wanted_and_not_held_is_put_there_for_one_lease():
    decided = plan([Says("p", (WANT_21,))], view(), {})
    assert [(hold.point, hold.value, hold.priority) for hold in decided.holds] == [WANT_21]
    assert decided.until == NOON + LEASE
    assert decided.releases == ()


@pytest.mark.parametrize(
    ("present", "is_due"),
    [
        (standing(21.0), False),
        (standing(21.00001), False),  # a REAL that lost digits
        (standing(21.0, left=LEASE / 2 + timedelta(seconds=1)), False),
        (standing(21.0, left=LEASE / 2), True),
        (standing(21.0, left=-timedelta(minutes=1)), True),
        (standing(21.0, left=LEASE + timedelta(hours=1)), True),  # the clock was put back
        (standing(20.5), True),
        (standing(21.0, policy="another"), True),
    ],
)
def test_only_the_difference_and_due_renewals_are_submitted(present, is_due):
    decided = plan([Says("p", (WANT_21,))], view(), {SLOT: present})
    assert bool(decided.holds) is is_due
    assert decided.releases == ()


def test_what_nobody_wants_any_more_is_released_with_the_reason():
    decided = plan([Says("p")], view(), {SLOT: standing(21.0, policy="hours")})
    assert decided.releases == (Release(point=HEAT.id, priority=Priority.SCHEDULE, reason="hours no longer wants it"),)


def test_the_policy_written_first_wins_and_the_conflict_is_told():
    first, second = Says("first", (WANT_21,)), Says("second", ((HEAT.id, 19.0, Priority.SCHEDULE),))
    decider = decider_of([first, second], view())
    assert [hold.value for hold in decider.plan({}, NOON).holds] == [21.0]
    assert [str(conflict) for conflict in decider.conflicts] == [
        "vav-1/heat-sp slot 15: first (21.0) goes before second (19.0), because it is written earlier"
    ]
    assert plan([second, first], view(), {}).holds[0].value == 19.0
    assert decider_of([first, Says("third", (WANT_21,))], view()).conflicts == ()  # agreeing is no conflict


def test_within_a_level_the_table_of_precedence_goes_before_the_order_of_writing():
    class Starts(Says):
        kind = "optimal-start"

    class StandsBy(Says):
        kind = "occupancy-standby"

    standby = StandsBy("standby", ((HEAT.id, 20.5, Priority.OCCUPANCY),))
    start = Starts("start", ((HEAT.id, 21.0, Priority.OCCUPANCY),))
    decider = decider_of([standby, start], view())
    assert [hold.policy for hold in decider.plan({}, NOON).holds] == ["start"]
    (conflict,) = decider.conflicts
    assert str(conflict).endswith("because optimal-start goes before occupancy-standby")


def test_every_kind_of_policy_has_one_place_in_the_table():
    placed = [kind for kinds in TABLE.values() for kind in kinds]
    assert len(set(placed)) == len(placed)
    assert set(KINDS) <= set(placed)


def test_different_levels_of_one_point_are_no_conflict():
    decider = decider_of([Says("a", (WANT_21,)), Says("b", ((HEAT.id, 20.5, Priority.OCCUPANCY),))], view())
    assert len(decider.plan({}, NOON).holds) == 2
    assert decider.conflicts == ()


def test_a_policy_that_raises_loses_its_say_and_its_holds_run_out_by_themselves():
    held = {SLOT: standing(18.0, policy="broken", left=timedelta(minutes=1))}
    decider = decider_of([Breaks(), Says("p", ((COOL.id, 24.0, Priority.SCHEDULE),))], view())
    decided = decider.plan(held, NOON)
    assert [hold.point for hold in decided.holds] == [COOL.id]  # not even its half-finished demand
    assert decided.releases == ()
    assert isinstance(decider.faults["broken"], ZeroDivisionError)


@pytest.mark.parametrize(
    ("building", "priority", "why"),
    [
        (catalog(point(HEAT.id, "heating-setpoint", safety=Safety.CRITICAL)), Priority.SCHEDULE, "not comfort"),
        (catalog(point(HEAT.id, "heating-setpoint", locked=True)), Priority.SCHEDULE, "monitor-only"),
        (catalog(COOL), Priority.SCHEDULE, "no such point"),
        (catalog(), Priority.OPERATOR, "belongs to people"),
    ],
)
def test_what_no_policy_may_have_is_refused_and_let_go(building, priority, why):
    held = {(HEAT.id, priority): standing(21.0)}
    decider = decider_of([Says("p", ((HEAT.id, 21.0, priority),))], view(building=building))
    decided = decider.plan(held, NOON)
    assert decided.holds == ()
    assert len(decided.releases) == 1
    assert why in str(decider.refusals[0])


def test_the_plan_knows_what_it_was_made_from_and_when_to_look_again():
    class Looks(Says):
        def demands(self, looked):
            assert looked[SENSOR.id] is not None
            assert looked[TEMP.id] is None
            assert len(looked.readings) == len(list(looked.readings)) == 2
            return iter(())

    soon, later = NOON + timedelta(minutes=1), NOON + timedelta(hours=1)
    here = reading(SENSOR, value=True)
    decider = decider_of([Looks("a", changes=later), Says("b", changes=soon)], view(here, reading(COOL, 24.0)))
    assert decider.said("a").inputs == {SENSOR.id: here, TEMP.id: None}
    assert decider.is_input(SENSOR.id)
    assert not decider.is_input(COOL.id)
    assert decider.next_change == soon
    assert decider_of([], view()).next_change is None


# --- properties ------------------------------------------------------------------------------------------------------

BUILDING = catalog(
    *(
        point(f"d/{safety}{number}", "heating-setpoint", safety=safety, commandable=number < 2)
        for safety in Safety
        for number in range(3)
    )
)
IDS = st.sampled_from([*BUILDING.points, PointId("d/unheard-of")])
SLOTS = st.tuples(IDS, st.sampled_from(list(Priority)))
WANTED = st.tuples(IDS, st.floats(10, 30), st.sampled_from(list(Priority)))
POLICIES = st.lists(
    st.builds(Says, st.sampled_from("abcd"), st.lists(WANTED, max_size=8).map(tuple)) | st.just(Breaks()),
    max_size=5,
    unique_by=lambda policy: policy.name,
)
HELD = st.dictionaries(
    SLOTS,
    st.builds(
        standing,
        st.floats(10, 30),
        st.sampled_from(["a", "b", "gone", "broken"]),
        st.integers(-60, 1200).map(lambda seconds: timedelta(seconds=seconds)),
    ),
)


@given(POLICIES, HELD)
def test_a_plan_carried_out_leaves_nothing_to_do(policies, held):
    looked = view(building=BUILDING)
    after = carried_out(plan(policies, looked, held), held)
    again = plan(policies, looked, after)
    assert (again.holds, again.releases) == ((), ())


@given(POLICIES, HELD)
def test_only_commandable_comfort_points_are_ever_held(policies, held):
    for demand in plan(policies, view(building=BUILDING), held).holds:
        assert BUILDING.points[demand.point].safety is Safety.COMFORT
        assert BUILDING.points[demand.point].commandable
        assert demand.priority >= Priority.PROTECTIVE


@given(POLICIES, HELD)
def test_released_if_and_only_if_nobody_demands(policies, held):
    decider = decider_of(policies, view(building=BUILDING))
    decided = decider.plan(held, NOON)
    released = {(release.point, release.priority) for release in decided.releases}
    for slot, present in held.items():
        excused = present.policy in decider.faults
        assert (slot in released) is (slot not in decider.wanted and not excused)
    assert released <= held.keys()


@given(POLICIES, HELD)
def test_every_slot_holds_what_the_first_policy_wants(policies, held):
    decider = decider_of(policies, view(building=BUILDING))
    after = carried_out(decider.plan(held, NOON), held)
    for slot, demand in decider.wanted.items():
        assert values_agree(after[slot].value, demand.value)
        named = [policy.name for policy in policies if isinstance(policy, Says) and slot in map(_slot, policy.wanted)]
        assert demand.policy == named[0]


def _slot(wanted):
    return (wanted[0], wanted[2])

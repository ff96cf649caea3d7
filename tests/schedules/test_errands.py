"""Devices that take their time hold up nobody else, and nothing outdated is written to them. In virtual time."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slow_devices import LEVEL, SlowSite, points_of

from points.errors import DeviceRefused, DeviceSilent
from schedules.errands import AT_ONCE, LEAVE_AFTER_S, PATIENCE_S, TURN_S, NotYet
from schedules.plan import LEASE
from schedules.planner import REST_S, TICK_S

SLOW_S = 4.0  # for one hold or release
SOON_S = LEAVE_AFTER_S + REST_S + 0.01  # at the latest: a round has just begun, and rests then; and a turn of the loop
SLOW, QUICK = points_of("slow", 30), points_of("quick", 3)


def wanting(points, value):
    return {each.id: value for each in points}


@pytest.fixture
def site():
    """With a slow device that is given thirty values, from the beginning."""
    site = SlowSite(*SLOW, *QUICK)
    site.hands.takes["slow"] = SLOW_S
    site.want(wanting(SLOW, 20.0))
    with site:
        yield site


def test_a_slow_device_does_not_hold_up_another(site):
    site.pass_(10.5)
    site.want(wanting(SLOW, 20.0) | wanting(QUICK, 16.0))
    site.pass_(SOON_S)
    quick = {each.id for each in QUICK}
    assert site.hands.values().keys() >= quick
    assert len(site.hands.done) < len(SLOW)
    site.pass_(SLOW_S * len(SLOW))
    assert site.hands.values() == wanting(SLOW, 20.0) | wanting(QUICK, 16.0)
    assert [point for _, point, _ in site.hands.done if point not in quick] == [each.id for each in SLOW]


def test_what_is_not_wanted_any_more_is_not_begun_and_the_newest_is_done_when_the_visit_ends(site):
    site.pass_(10.5)  # the third is on its way
    wants = wanting(SLOW[2:4], 22.0) | wanting(SLOW[8:12], 20.0)
    site.want(wants)
    site.pass_(120)
    steps = [(point, value) for _, point, value in site.hands.begun]
    assert (
        steps
        == [
            *((each.id, 20.0) for each in SLOW[:3]),
            *((each.id, 20.0) for each in SLOW[8:12]),  # the rest of the visit, as wanted as ever
            *((each.id, None) for each in SLOW[1::-1]),  # then what nobody wants; what was taken last goes first
            *((each.id, 22.0) for each in SLOW[2:4]),
        ]
    )
    assert site.hands.values() == wants


def test_what_came_to_be_held_although_nobody_wants_it_any_more_is_let_go_of_when_the_visit_ends():
    site = SlowSite(*SLOW)
    site.hands.takes["slow"] = 25.0
    site.want(wanting(SLOW[:1], 20.0))
    with site:
        site.pass_(5)
        site.want({})  # it is under way: nothing is held yet, and nothing is wanted
        site.pass_(15)
        assert site.hands.values() == {}
        site.pass_(20 - SOON_S + REST_S)
        assert site.hands.begun[-1][1:] == (SLOW[0].id, None)  # before everything is compared
        site.pass_(25)
        assert site.hands.values() == {}


def test_what_is_wanted_of_a_device_meanwhile_is_done_when_the_visit_ends(site):
    site.want(wanting(SLOW[:5], 20.0))
    site.pass_(2 * SLOW_S + 1)
    site.want(wanting(SLOW[:5], 20.0) | wanting(SLOW[7:8], 20.0))
    site.pass_(3 * SLOW_S - 1 + SOON_S + SLOW_S)
    assert site.at(site.clock.now()) < TICK_S  # before everything is compared
    assert [point for _, point, _ in site.hands.done] == [each.id for each in (*SLOW[:5], SLOW[7])]


def test_a_visit_that_lasts_longer_than_a_lease_gives_each_hold_its_own():
    many = points_of("slow", 40)
    site = SlowSite(*many)
    site.hands.takes["slow"] = 25.0
    site.want(wanting(many, 20.0))
    with site:
        site.pass_(40 * 25 + 1)
        assert [point for _, point, _ in site.hands.done] == [each.id for each in many]
        assert set(site.hands.leases) == {LEASE}


def test_what_is_on_its_way_to_its_goal_is_not_looked_at_all_the_time(site):
    site.want(wanting(SLOW[:1], 20.0))
    site.hands.becomes[SLOW[0].id] = 18.0  # a ramp
    site.pass_(3 * TICK_S + 1)
    assert 2 <= len(site.hands.begun) <= 4  # when everything is compared


def test_a_silent_device_that_takes_its_time_to_be_silent_is_left_alone(site):
    site.pass_(9.0)  # the third is on its way; from now on nobody answers
    silent = DeviceSilent("no answer in 4 s")
    site.hands.refuses.update({each.id: silent for each in SLOW})
    site.pass_(TICK_S - 10)
    assert [point for _, point, _ in site.hands.begun] == [each.id for each in SLOW[:3]]
    assert set(site.planner.troubles) == {(SLOW[2].id, LEVEL)}
    site.pass_(TICK_S)  # then everything is compared: the next one is tried, and no more
    assert len(site.hands.begun) <= 6
    site.hands.refuses.clear()
    site.pass_(20 * TICK_S)
    assert site.hands.values() == wanting(SLOW, 20.0)
    assert site.planner.troubles == {}


def test_a_refused_point_of_a_slow_device_is_tried_again_and_its_neighbours_have_their_turn(site):
    site.hands.refuses[SLOW[4].id] = DeviceRefused("write access denied", "write-access-denied")
    site.pass_(SLOW_S * len(SLOW) + SOON_S)
    assert site.hands.values() == wanting([*SLOW[:4], *SLOW[5:]], 20.0)
    assert site.planner.troubles[SLOW[4].id, LEVEL].tries <= 2
    site.hands.refuses.clear()
    site.pass_(2 * TICK_S + SOON_S + SLOW_S)
    assert site.hands.values() == wanting(SLOW, 20.0)
    assert site.planner.troubles == {}


@pytest.mark.parametrize("seconds", [0.0, SLOW_S])
def test_a_step_that_others_have_cancelled_is_a_failure_of_its_point_and_ends_nothing(site, seconds):
    site.hands.takes["slow"] = seconds
    site.hands.refuses[SLOW[4].id] = asyncio.CancelledError()
    site.pass_(SLOW_S * len(SLOW) + SOON_S)
    assert site.hands.values() == wanting([*SLOW[:4], *SLOW[5:]], 20.0)
    assert set(site.planner.troubles) == {(SLOW[4].id, LEVEL)}
    site.hands.refuses.clear()
    site.pass_(5 * TICK_S)
    assert site.hands.values() == wanting(SLOW, 20.0)


def test_whose_turn_comes_during_a_visit_is_asked_for_again_when_it_ends(site):
    site.hands.refuses[SLOW[0].id] = NotYet("the extract first", timedelta(seconds=5))
    site.pass_(SLOW_S + 1)
    assert (SLOW[0].id, LEVEL) in site.planner.postponed
    rounds = len(site.rounds)
    del site.hands.refuses[SLOW[0].id]
    site.pass_(SLOW_S * (len(SLOW) - 1) - 2)
    assert len(site.rounds) - rounds <= 2 + SLOW_S * len(SLOW) / TICK_S  # and nobody looks every two seconds until then
    site.pass_(REST_S + SLOW_S + 2)
    assert site.hands.done[-1][1] == SLOW[0].id
    assert site.planner.postponed == {}


def test_a_slow_device_that_has_what_is_wanted_costs_no_rounds(site):
    site.pass_(SLOW_S * len(SLOW) + 10)
    rounds = len(site.rounds)
    site.pass_(5 * TICK_S)
    assert len(site.rounds) - rounds <= 6


def test_with_eight_slow_devices_the_ninth_has_its_turn_when_one_of_them_has_answered():
    slow = [points_of(f"slow-{number}", 10) for number in range(AT_ONCE)]
    site = SlowSite(*(each for some in slow for each in some), *QUICK)
    for number in range(AT_ONCE):
        site.hands.takes[f"slow-{number}"] = SLOW_S
    wants = {each.id: 20.0 for some in slow for each in some}
    site.want(wants)
    with site:
        site.pass_(13.0)
        site.want(wants | wanting(QUICK, 16.0))
        site.pass_(SOON_S + SLOW_S)
        assert site.hands.values().keys() >= {each.id for each in QUICK}
        assert site.hands.most == AT_ONCE
        site.pass_(SLOW_S * 12)
        assert site.hands.values() == wants | wanting(QUICK, 16.0)


def test_with_eight_hands_that_hang_the_ninth_waits_no_longer_than_for_one_of_them():
    hanging = [points_of(f"slow-{number}", 10) for number in range(AT_ONCE)]
    site = SlowSite(*(each for some in hanging for each in some), *QUICK)
    for number in range(AT_ONCE):
        site.hands.takes[f"slow-{number}"] = 10_000.0
    site.want({each.id: 20.0 for some in hanging for each in some} | wanting(QUICK, 16.0))
    with site:
        site.pass_(PATIENCE_S + 1)
        assert site.hands.values() == wanting(QUICK, 16.0)


def test_whoever_keeps_its_place_for_long_makes_room_and_nobody_else_does():
    """Sixteen devices, quick enough for each to be done in one turn; and the same with twice the time for each."""
    devices = [points_of(f"d{number}", 4) for number in range(2 * AT_ONCE)]
    for seconds, turns in ((TURN_S / 5, 1), (TURN_S / 2, 2)):
        site = SlowSite(*(each for some in devices for each in some))
        site.hands.takes.default_factory = lambda seconds=seconds: seconds
        site.want({each.id: 20.0 for some in devices for each in some})
        with site:
            site.pass_(60)
            order = [point.split("/")[0] for when, point, _ in site.hands.begun if point.startswith(("d0/", "d8/"))]
            assert order == [*(["d0"] * (4 // turns) + ["d8"] * (4 // turns))] * turns


def test_a_stop_in_the_midst_of_slow_visits_lets_go_of_everything_and_writes_nothing_else(site):
    site.hands.takes["slow"] = 1.0  # ten of them can be let go of in the time that a stop has
    site.pass_(6.5)
    begun = len(site.hands.begun)
    assert site.hands.values()
    site.stop()  # no task outlives it
    assert site.hands.values() == {}
    assert [value for _, _, value in site.hands.begun[begun:]] == [None] * len(site.hands.begun[begun:])


def test_hands_that_do_not_let_go_of_a_step_begin_no_other_after_a_stop(site):
    reach = site.hands._reach
    site.hands._reach = lambda point, value: finished(reach(point, value))
    site.pass_(5.0)  # the second is on its way
    begun = len(site.hands.begun)
    site.stop()
    assert {value for _, _, value in site.hands.begun[begun:]} == {None}


async def finished(step):
    """Whatever whoever waits for it has come to want."""
    task = asyncio.ensure_future(step)
    while not task.done():
        with suppress(asyncio.CancelledError):
            await asyncio.shield(task)


def test_a_stop_does_not_wait_for_a_visit_that_has_not_begun(site):
    site.want(wanting(SLOW, 20.0))
    site.stop()  # its first round is not over, nor has any visit begun
    assert site.hands.values() == {}
    with SlowSite(*SLOW, *QUICK) as other:
        other.want(wanting(QUICK, 16.0))
        other.pass_(5)
        other.want(wanting(QUICK, 17.0))
        other.pass_(0)
    assert other.hands.values() == {}


def test_hands_that_answer_at_once_have_done_everything_at_the_instant_of_the_round():
    many = [each for number in range(3 * AT_ONCE) for each in points_of(f"d{number}", 40)]
    site = SlowSite(*many)
    site.hands.takes.default_factory = lambda: 0.0
    site.want(wanting(many, 20.0))
    with site:
        site.pass_(TICK_S / 2)
        assert {site.at(when) for when, _, _ in site.hands.done} == {0.0}
        assert [point for _, point, _ in site.hands.done if point.startswith("d7/")] == [
            p.id for p in points_of("d7", 40)
        ]
        assert len(site.rounds) == 1


DEVICES = [points_of(f"d{number}", 3) for number in range(5)]
POINTS = [each for some in DEVICES for each in some]
BAD_POINT = st.sampled_from(
    [
        None,
        DeviceSilent("no answer"),
        DeviceRefused("denied", "write-access-denied"),
        NotYet("not yet", timedelta(seconds=3)),
    ]
)
STEP = st.one_of(
    st.tuples(st.just("want"), st.sampled_from([each.id for each in POINTS]), st.sampled_from([None, 20.0, 21.0])),
    st.tuples(
        st.just("takes"), st.sampled_from([f"d{n}" for n in range(5)]), st.sampled_from([0.0, 0.4, 3.0, 20.0, 100.0])
    ),
    st.tuples(st.just("refuses"), st.sampled_from([each.id for each in POINTS]), BAD_POINT),
)
STEPS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 1.9, 7.0, 45.0, 500.0]), STEP), max_size=25)


@given(steps=STEPS)
def test_whatever_devices_do_the_quick_follow_at_once_nothing_outdated_is_begun_and_in_the_end_all_is_as_wanted(steps):
    site = SlowSite(*POINTS, *QUICK)
    wants, history = wanting(POINTS, 20.0), []

    def want():
        site.want(wants)
        history.append((site.clock.now(), dict(wants)))

    with site:
        want()
        for number, (seconds, (kind, about, what)) in enumerate(steps):
            match kind:
                case "want" if what is None:
                    wants.pop(about, None)
                case "want":
                    wants[about] = what
                case "takes":
                    site.hands.takes[about] = what
                case "refuses" if what is None:
                    site.hands.refuses.pop(about, None)
                case "refuses":
                    site.hands.refuses[about] = what
            wants |= wanting(QUICK, float(number))
            want()
            site.pass_(seconds)
            site.pass_(SOON_S)
            assert [site.hands.values()[each.id] for each in QUICK] == [float(number)] * 3
        gaps = [(later - earlier).total_seconds() for earlier, later in pairwise([*site.rounds, site.clock.now()])]
        assert max(gaps, default=0.0) <= TICK_S + SOON_S
        site.hands.takes.clear()
        site.hands.refuses.clear()
        site.pass_(
            PATIENCE_S + 17 * 60
        )  # fifteen minutes at most until a trouble is tried again, at the next comparison
        begun = list(site.hands.begun)
        ends = [*(since for since, _ in history[1:]), site.clock.now()]
        spans = [(*each, end + timedelta(seconds=SOON_S)) for each, end in zip(history, ends, strict=True)]
        assert site.hands.values() == wants
        assert (dict(site.planner.troubles), dict(site.planner.postponed)) == ({}, {})
        assert site.planner._errands.open == set()
    assert site.hands.values() == {}
    assert site.hands.most <= AT_ONCE
    for when, point, value in begun:
        lately = {wanted.get(point) for since, wanted, until in spans if since <= when <= until}
        assert value in lately, (site.at(when), point, value)

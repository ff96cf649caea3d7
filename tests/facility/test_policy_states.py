"""What policies demand, and who wins: told from what is known without asking a device."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest
from policy_bench import BLIND, OFFICE, Wants, demand, remark, states_of

from facility.model import Claim
from facility.overrides import BY_HAND, Found
from facility.port import FacilityError
from points.model import DeviceId, Priority


def row_of(told, about=OFFICE.name):
    return next(row for row in told.rows if row.about == about)


def test_a_demand_that_stands_confirmed_wins():
    states = states_of(Wants(demands=[demand(21.0)]), holds=[(15, 21.0, "policy:office", True)])
    [told] = states.told()
    assert (told.state, told.demands, told.winning, told.beneath, told.refused) == ("on", 1, 1, 0, 0)
    row = row_of(told)
    assert (row.value, row.result, row.why) == ("21.0 °C", "wins", "office is occupied")
    assert row.guard[0] == "not below 12.0 °C (the profile)"


@pytest.mark.parametrize(
    ("holds", "result", "why"),
    [
        ([], "waits", "it is on its way"),
        ([(15, 21.0, "policy:office", False)], "unknown", "has not confirmed"),
        ([(15, 21.0, "policy:office", True), (8, 18.0, "user:mchen", True)], "beneath", "mchen holds 18.0 °C there"),
    ],
)
def test_what_does_not_win_says_why(holds, result, why):
    row = row_of(states_of(Wants(demands=[demand(21.0)]), holds=holds).told()[0])
    assert row.result == result
    assert why in row.why
    assert row.beneath == (8 if result == "beneath" else 0)


@pytest.mark.parametrize(("level", "why"), [(5, "slot 5 is not ours"), (BY_HAND, "by hand at the device")])
def test_what_others_hold_is_above_it(level, why):
    states = states_of(Wants(demands=[demand(21.0)]), holds=[(15, 21.0, "policy:office", True)])
    now = states.clock.now()
    found = {level: Found(point=demand(1.0).point, level=level, value=1.0, since=now, seen=now)}
    row = row_of(replace(states, foreign=lambda _point: found).told()[0])
    assert (row.result, why in row.why) == ("beneath", True)


def test_a_silent_device_leaves_it_unknown():
    states = states_of(Wants(demands=[demand(21.0)]), holds=[(15, 21.0, "policy:office", True)])
    silent = {DeviceId("vav-1"): SimpleNamespace(status="offline")}
    row = row_of(replace(states, freshness=SimpleNamespace(devices=lambda: silent)).told()[0])
    assert (row.result, row.why) == ("unknown", "vav-1 does not answer")


def test_trouble_is_told_as_refused_or_failing_and_a_turn_that_has_not_come_as_waiting():
    states = states_of(Wants(demands=[demand(21.0)]))
    slot = (demand(1.0).point, Priority.SCHEDULE)
    for text, result in (("refused (limits): too low", "refused"), ("mismatch: slot 15 is empty", "fails")):
        states.planning.troubles = {slot: SimpleNamespace(text=text)}
        told = states.told()[0]
        assert (row_of(told).result, row_of(told).why) == (result, text)
        assert told.why.startswith(f"1 {'refused' if result == 'refused' else 'not done'}: Office 1: {text}")
    states.planning.troubles = {}
    states.planning.postponed = {slot: SimpleNamespace(text="its compressor rests 3 min")}
    assert (row_of(states.told()[0]).result, row_of(states.told()[0]).why) == ("waits", "its compressor rests 3 min")


def test_what_no_policy_may_have_is_refused():
    [told] = states_of(Wants(demands=[demand(1.0, point=BLIND)])).told()
    assert (told.refused, told.rows[0].result, told.rows[0].why) == (1, "refused", "it is monitor-only")


def test_who_loses_a_slot_to_another_policy_learns_to_whom():
    first = Wants(demands=[demand(21.0)])
    second = replace(first, name="other", demands=[demand(19.0, policy="other")])
    told = states_of(first, second, holds=[(15, 21.0, "policy:office", True)]).told("other")[0]
    assert (told.beneath, told.rows[0].result) == (1, "outranked")
    assert "policy office goes first" in told.rows[0].why


def test_nothing_demanded_is_explained():
    idle = states_of(Wants(remarks=[remark("vacant 11 min of 20")])).told()[0]
    assert (idle.state, idle.why) == ("idle", "Office 1: vacant 11 min of 20")
    assert (idle.rows[0].result, idle.rows[0].point) == ("nothing", "")
    held = states_of(Wants(remarks=[remark("its temperature is not known", held=True)])).told()[0]
    assert (held.state, held.rows[0].result) == ("held", "held")
    whole = states_of(
        Wants(demands=[demand(21.0)], remarks=[remark("the meter is silent", held=True, about="")])
    ).told()[0]
    assert (whole.state, whole.why.split(";")[0]) == ("held", "the meter is silent")


def test_a_policy_that_failed_or_was_never_asked_or_is_off_says_so():
    failed = states_of(Wants(fault=ZeroDivisionError("division by zero"))).told()[0]
    assert (failed.state, failed.why) == ("failed", "it failed and has no say (ZeroDivisionError: division by zero)")
    fresh = states_of(Wants(), decided=False).told()[0]
    assert (fresh.state, fresh.why, fresh.rows) == ("idle", "it has not been asked yet", [])
    off = states_of(Wants(enabled=False)).told()[0]
    assert (off.state, off.priority, off.why) == ("off", 0, "enabled = false")


def test_an_unknown_policy_is_a_no_and_rows_are_limited():
    states = states_of(Wants(remarks=[remark(f"vacant {number} min", about=f"room-{number}") for number in range(30)]))
    with pytest.raises(FacilityError, match="known: office"):
        states.told("cellar")
    assert (len(states.told()[0].rows), states.told()[0].more) == (20, 10)
    assert (len(states.told("office")[0].rows), states.told("office")[0].more) == (30, 0)


def test_a_claim_of_a_policy_that_is_gone_is_not_taken_for_its_own():
    states = states_of(Wants(demands=[demand(21.0)]), holds=[(15, 21.0, "policy:old", True)])
    assert row_of(states.told()[0]).result == "waits"
    assert isinstance(states.claims.standing()[0], Claim)
    assert states.told()[0].next == states.clock.now() + timedelta(hours=1)

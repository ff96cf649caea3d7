"""The plan of a command as a person sees it, and the second person at a screen."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from fake_facility import NOW, SETPOINT, FakeFacility, overview, waiting
from watching import SMALL, watching

from facility.wire import Plan, Touched
from points.clock import SystemClock
from tui.canvas import Canvas
from tui.model import Link, Picture
from tui.screens.command import number_in
from tui.screens.plan import draw_plan

PLAN = Plan(
    id="plan-1",
    point=SETPOINT,
    what="write 18.0 °C to ahu-4/supply-air-temp-sp (analog-value 14, slot 8)",
    verdict="warning",
    rule="critical",
    source="ASHRAE 170 Table 7-1, 2021; not verified at this site",
    why="It belongs to a critical space. Make sure that its users know, and look at the plant after the command.",
    wins="no: level 5 stands above, critical equipment, at 25.0 °C; beneath: 15 21.0 °C, 16 20.0 °C",
    slots=[],
    spaces=[Touched(name="OR 1", critical=True), Touched(name="Office 5", critical=False)],
    ramp="reaches 18.0 °C in about 3 min",
    ends=NOW + timedelta(hours=2),
    after="the agent lets go; then 21.0 °C from level 15",
    down="the slot keeps 18.0 °C until the agent is back: BACnet writes have no time-out",
    check="will check that ahu-4/supply-air-temp falls within 10 min",
    owner="mchen, seconded by rdiaz",
    reason="valve test",
    valid_until=NOW + timedelta(minutes=1),
)
FORM = (78, 21)  # of the dialog at 80x24


def drawn(plan: Plan) -> str:
    canvas = Canvas(*FORM)
    draw_plan(canvas, plan, NOW.tzinfo)
    return canvas.text()


@pytest.mark.parametrize(("written", "number"), [("18", 18.0), (" 2,5", 2.5), ("1e3", 1000.0)])
def test_a_number_is_taken_as_operators_write_it(written, number):
    assert number_in(written) == number


@pytest.mark.parametrize("written", ["", "٣", "1_0", "on", "18 °C"])
def test_what_no_operator_takes_for_a_number_is_none(written):
    with pytest.raises(ValueError, match="could not convert"):
        number_in(written)


@pytest.mark.parametrize("verdict", ["allowed", "warning", "second-person", "refused"])
def test_all_of_a_plan_is_in_sight_at_80x24(verdict):
    said = " ".join(drawn(PLAN.model_copy(update={"verdict": verdict})).split())
    for word in (
        PLAN.what, PLAN.wins, "OR 1 (critical), Office 5", PLAN.ramp, "10:14:07", PLAN.after, PLAN.down, PLAN.check,
        PLAN.owner, PLAN.reason, PLAN.why, "rule critical", PLAN.source,
    ):  # fmt: skip
        assert word in said, word
    lines = drawn(PLAN).splitlines()
    assert all(not line.strip() for line in lines[FORM[1] - 2 :])  # the keys and the frame are free


def test_where_there_is_too_much_to_say_lines_are_cut_before_any_is_left_out():
    long = PLAN.model_copy(update={"wins": "yes " * 60, "check": "look at it " * 30, "after": "then " * 40})
    lines = drawn(long).splitlines()
    heads = [line[3:13].strip() for line in lines if line[3:13].strip()]
    assert heads == ["What", "Wins?", "Spaces", "Ramp", "Ends", "No agent", "Check", "Owner", "Guard"]
    assert any(line.endswith("…") for line in lines)
    assert PLAN.why in " ".join(drawn(long).split())  # the guard's word is never cut
    assert max(y for y, line in enumerate(lines) if line.strip()) < FORM[1] - 2  # the keys are in sight


def picture(**hello):
    """A picture that is live, of a caller who may only `permissions`."""
    seen = Picture(FakeFacility(), clock=SystemClock())
    facility = FakeFacility()
    seen.gathering.hello = asyncio.run(facility.hello()).model_copy(update=hello)
    seen.link = Link.LIVE
    return seen


def test_why_something_may_not_be_done_is_said_by_role():
    operator = picture()
    assert operator.may_not("command") == operator.may_not("acknowledge") == ""
    assert operator.may_not("approve") == "you are an operator: you may not approve"
    viewer = picture(role="viewer", permissions=["see"])
    assert viewer.may_command == "you are a viewer: look only"
    viewer.link = Link.LOST
    assert viewer.may_command == "no agent: nothing was sent"


async def composed(watch, *keys):
    watch.app.action_command(SETPOINT, "override")
    await watch.pilot.pause()
    await watch.press("1", "8", "tab", *keys, "tab", "1", "enter")
    await watch.until_seen("step 2 of 3")


async def test_the_first_of_two_people_asks_and_writes_nothing():
    facility = FakeFacility()
    facility.verdict = "second-person"
    async with watching(facility, SMALL) as watch:
        await composed(watch, "right", "right", "right")
        for word in ("NEEDS A SECOND PERSON", "Y  ask for a second person"):
            assert word in watch.text, word
        watch.app.screen._previewed = 0.0
        await watch.press("Y")
        await watch.until_seen("Asked, nothing written", "ASKED", "Request 3f9a", "then it is forgotten")
        [(kind, wish)] = facility.changes
        assert (kind, wish.minutes) == ("ask", 24 * 60)  # the longest that an operator can choose


async def test_a_plan_that_went_stale_is_read_again_with_enter():
    facility = FakeFacility()
    async with watching(facility, SMALL) as watch:
        await composed(watch)
        facility._wishes.clear()  # slot 5 appears between preview and Y
        watch.app.screen._previewed = 0.0
        await watch.press("Y")
        await watch.until_seen("Not done", "slot 5", "Stale, Enter reads again")
        await watch.press("enter")
        await watch.until_seen("step 2 of 3", " Y  write it")
        assert (facility.asked["preview"], facility.changes) == (2, [])


async def test_the_second_person_finds_it_under_needs_you_and_agrees_with_y():
    facility = FakeFacility()
    facility.picture = overview().model_copy(update={"waiting": [waiting()]})
    async with watching(facility, SMALL) as watch:
        await watch.until_seen("SECOND PERSON needed by mchen until 02:22", "2ND", "8 min left · mchen")
        await watch.app.run_action("second('3f9a')")
        await watch.until_seen("asked for by mchen", "mchen, seconded by rdiaz", "Y  agree, write it")
        await watch.pilot.press("Y")  # dead at first
        assert facility.changes == []
        watch.app.screen._previewed = 0.0
        await watch.press("Y")
        await watch.until_seen("HELD")
        assert [kind for kind, _ in facility.changes] == ["commit"]


async def test_it_is_declined_with_n_and_ones_own_is_withdrawn_and_never_agreed_to():
    facility = FakeFacility()
    facility.picture = overview().model_copy(update={"waiting": [waiting()]})
    async with watching(facility, SMALL) as watch:
        await watch.app.run_action("second('3f9a')")
        await watch.until_seen("Y  agree, write it")
        await watch.press("N")
        await watch.until_seen("Declined: write 18.0 °C")
        await watch.press("escape")
        mine = overview().model_copy(update={"waiting": [waiting(by="rdiaz", mine=True, may_second=False)]})
        facility.push(overview=mine)
        await watch.until_seen("you wait for a second person")
        assert "SECOND PERSON needed" not in watch.text  # it is for others
        await watch.app.run_action("second('3f9a')")
        await watch.until_seen("N withdraw it")
        await watch.press("enter", "Y")
        await watch.press("N")
        await watch.until_seen("Withdrawn")
    assert facility.changes == [("dismiss", "3f9a"), ("dismiss", "3f9a")]
    assert (facility.asked["second"], facility.asked["commit"]) == (1, 0)


async def test_enter_on_its_line_opens_it_and_nobody_else_is_bothered():
    facility = FakeFacility()
    facility.picture = overview().model_copy(update={"waiting": [waiting()]})
    async with watching(facility, SMALL) as watch:
        board = watch.app.places["overview"].main
        target = next(item.target for item in board._drawn.items if "second" in getattr(item.target, "action", ""))
        board.place_cursor(target)
        await watch.press("enter")
        await watch.until_seen("asked for by mchen")
        await watch.press("escape")
        facility.push(overview=overview().model_copy(update={"waiting": [waiting(may_second=False)]}))
        await watch.until(lambda: "2ND" not in watch.text)
        assert "SECOND PERSON" not in watch.text
        assert facility.changes == []

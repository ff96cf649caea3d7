"""The Compliance tab of Energy: nothing is rounded away, the unknown is told, and the report is asked for once."""

import asyncio
from datetime import date, timedelta

import energy_story
import pytest
from fake_facility import NOW, FakeFacility
from watching import LARGE, SMALL, assert_snapshot, watching

from facility.port import FacilityError
from tui.minutes import minutes, worst_first

FIRST = date(2026, 10, 26)


def test_the_worst_is_first_and_a_short_time_out_is_not_rounded_away():
    spaces = worst_first(energy_story.compliance(NOW, 30), FIRST)
    assert [(space.about.space, space.sign) for space in spaces] == [
        ("or-3", "!"), ("rm-114", "!"), ("pharm-797", "?"), ("aii-407", "?"), ("office-5", ""),
    ]  # fmt: skip
    short = spaces[1]
    assert (minutes(short.out), short.shares) == ("<1", "in range 99.99 % · out 0.01 % · unknown 0.00 %")
    assert spaces[-1].shares == "in range 100.00 % · out 0.00 % · unknown 0.00 %"
    assert spaces[2].share_in == "?"  # and not 0 %
    assert spaces[0].most("out", 1) == [(date(2026, 11, 15), 240.0)]


def test_a_day_is_the_worst_of_it_and_a_day_that_is_not_there_is_empty():
    report = energy_story.compliance(NOW, 30)
    of = {space.about.space: space.strip(FIRST, 31) for space in worst_first(report, FIRST)}
    assert of["or-3"] == "·········!··········!········· "
    assert of["aii-407"] == "·················?···········? "
    assert of["pharm-797"] == "?" * 30 + " "


def test_a_shorter_range_is_the_end_of_the_longer_one():
    report = energy_story.compliance(NOW, 30)
    week = {space.about.space: space for space in worst_first(report, FIRST + timedelta(days=23))}
    assert {len(space.days) for space in week.values()} == {7}
    assert week["or-3"].out == 0
    assert week["rm-114"].out == 0.25


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "140x40"])
async def test_the_compliance_tab_asks_once_keeps_and_follows(size):
    facility = FakeFacility()
    made, told = asyncio.Event(), facility.compliance_report

    async def slow(days=30):
        await made.wait()
        return await told(days)

    facility.compliance_report = slow
    async with watching(facility, size=size) as watch:
        await watch.press("8")
        await watch.until_seen("Demand and savings", "Now 1,512 kW")
        assert not facility.asked["compliance"]
        await watch.press("tab")
        await watch.until_seen("The report of 30 days is being made")
        made.set()
        await watch.until_seen("OR-3: operating room, critical", "5 spaces: 2 were out, 3 at times unknown")
        assert_snapshot(f"compliance-{size[0]}x{size[1]}", watch.text)
        await watch.press("j", "t")
        await watch.until_seen("Minutes in 1 day, 24 Nov until 02:00", "RM-114: patient room", "0 were out")
        await watch.press("t")
        await watch.until_seen("Minutes in 7 days", "18 Nov  ···!···  24 Nov")
        assert facility.asked["compliance"] == 1
        await watch.press("R")
        await watch.until(lambda: facility.asked["compliance"] == 2)
        await watch.until_seen("t range · R anew")
        await watch.press("escape")
        await watch.until_seen("Now 1,512 kW")
        await watch.press("tab", "enter")
        await watch.until_seen("space:rm-114")


async def test_what_cannot_be_reported_says_why_and_what_was_reported_stays():
    facility, told = FakeFacility(), FakeFacility.compliance_report

    async def no(days=30):
        raise FacilityError("unknown", "No history is kept: history.enabled is false")

    async def none(days=30):
        return (await told(facility, days)).model_copy(update={"days": []})

    facility.compliance_report = no
    async with watching(facility) as watch:
        await watch.press("8", "tab")
        await watch.until_seen("No history is kept: history.enabled is false. R asks again.")
        facility.compliance_report = none
        await watch.press("R")
        await watch.until_seen("No space is counted")
        del facility.compliance_report
        await watch.press("R")
        await watch.until_seen("OR-3: operating room, critical")
        facility.compliance_report = no
        await watch.press("R")
        await watch.until_seen("Not made anew: No history is kept", "OR-3: operating room, critical")


async def test_who_was_cut_off_has_the_report_when_the_agent_is_back():
    async with watching() as watch:
        await watch.press("8")
        await watch.until_seen("Now 1,512 kW")
        watch.facility.lose()
        await watch.until(lambda: not watch.app.picture.live)
        await watch.press("tab", "R")
        await watch.until_seen("? not known: the agent is lost", "no agent: nothing was asked")
        assert not watch.facility.asked["compliance"]
        watch.facility.come_back()
        for _ in range(4):
            watch.clock.pass_time(1)
            await watch.look()
        await watch.until_seen("OR-3: operating room, critical")

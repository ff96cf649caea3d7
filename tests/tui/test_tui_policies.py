"""7 Policies: what each demands, who wins, and why nothing is demanded."""

import pytest
import schedule_story
from fake_facility import FakeFacility
from schedule_story import FLOW
from watching import LARGE, SMALL, assert_snapshot, watching

from facility.port import FacilityError

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "140x40"])


def row(watch, name):
    return " ".join(next(line for line in watch.text.splitlines() if name in line).split())


@SIZES
async def test_the_policies_screen(size):
    async with watching(size=size) as watch:
        await watch.press("7")
        await watch.until_seen("or-setback", "enabled = false")
        await watch.press("down", "enter")
        await watch.until_seen("OR-3", "OR-5", "2 more are not shown")
        assert_snapshot(f"policies-{size[0]}x{size[1]}", watch.text)


@SIZES
async def test_states_have_signs_and_words_and_counts_are_apart(size):
    async with watching(size=size) as watch:
        await watch.press("7")
        await watch.until_seen("night-heat")
        assert row(watch, "or-setback").startswith("! or-setback")
        assert row(watch, "daylight ").startswith("? daylight")
        assert " held " in row(watch, "daylight ")
        assert row(watch, "night-heat").startswith("! night-heat")
        assert " failed " in row(watch, "night-heat")
        assert row(watch, "demand ").startswith("demand")
        assert " off " in row(watch, "lights ")
        assert "0" not in row(watch, "lights ")  # what is off is not counted
        assert "212" in row(watch, "weekly ")
        assert "205" in row(watch, "weekly ")


@SIZES
async def test_each_demand_has_its_result_and_the_reason(size):
    async with watching(size=size) as watch:
        await watch.press("7", "down", "enter")
        await watch.until_seen("OR-7")
        for name, sign, words in (
            ("OR-3", "!", "refused refused (critical-space)"), ("OR-7", "H", "beneath 8 rdiaz holds"),
            ("OR-6", "?", "nothing held back a door"), ("OR-1", "", "0.42 m³/s wins vacant 3 h"),
            ("OR-5", "", "nothing vacant 11 min of 20"),
        ):  # fmt: skip
            said = next(line for line in watch.text.splitlines() if f" {name} " in line[:12])
            assert said[:1].strip() == sign, said
            assert words in " ".join(said.split()), said


async def test_enter_goes_to_the_demands_then_to_the_point_and_escape_back():
    async with watching() as watch:
        await watch.press("7", "down")
        await watch.until_seen("OR-7")
        assert watch.app.place.point is None  # the policies have the cursor
        await watch.press("enter", "down")
        assert watch.app.place.point == FLOW
        await watch.press("enter")
        assert watch.app.place.id == "point"
        await watch.press("escape")
        await watch.until(lambda: watch.app.place.id == "policies")
        assert watch.app.place.subject == "or-setback"
        await watch.press("enter", "down", "enter")
        await watch.until_seen("nothing is demanded there")
        await watch.press("escape", "home", "enter")
        await watch.until_seen("it demands nothing now, nowhere")


@SIZES
async def test_g_shows_the_rule_of_the_guard_with_its_source(size):
    async with watching(size=size) as watch:
        await watch.press("7", "down")
        await watch.until_seen("OR-7")
        await watch.press("enter", "G")
        await watch.until_seen(
            "Guard  ahu-4/supply-air-temp-sp", "from 12.0 °C to 18.0 °C (ASHRAE 170 Table 7-1, 2021;"
        )
        await watch.press("escape", "down", "down", "G")
        await watch.until_seen("no demand is chosen here")


async def test_a_building_without_policies_says_what_to_do():
    facility = FakeFacility()

    async def none(policy=""):
        return []

    facility.policies = none
    async with watching(facility) as watch:
        await watch.press("7")
        await watch.until_seen("No policy is configured: [[policies]]")
        await watch.press("enter", "G", "w", "down", "escape", "7")
        assert watch.app.is_running


async def test_a_lost_agent_and_an_agent_that_says_no_leave_no_claim():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await watch.press("7")
        await watch.until_seen("weekly")
        facility.lose()
        await watch.until_seen("as it was at 02:14; the agent is lost")
        assert row(watch, "weekly ").startswith("? weekly")
    other = FakeFacility()

    async def no(policy=""):
        raise FacilityError("not-allowed", "You may not look at policies.")

    other.policies = no
    async with watching(other) as watch:
        await watch.press("7")
        await watch.until_seen("You may not look at policies.")


async def test_it_asks_again_every_five_seconds_and_the_cursor_stays():
    async with watching() as watch:
        await watch.press("7", "down", "down")
        await watch.until_seen("roof sensor")
        asked = watch.facility.asked["policies"]
        watch.clock.pass_time(6)
        await watch.until(lambda: watch.facility.asked["policies"] > asked + 1)
        assert watch.app.place.subject == "daylight"
        assert len(schedule_story.policies(watch.facility.now)) == watch.app.place.table.count

"""8 Energy: what is known, with its error; what is not, with its reason."""

from datetime import timedelta

import pytest
from energy_story import MAIN
from fake_facility import FakeFacility
from watching import LARGE, SMALL, assert_snapshot, watching

from facility.port import FacilityError

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "140x40"])


@SIZES
async def test_the_energy_screen(size):
    async with watching(size=size) as watch:
        await watch.press("8")
        await watch.until_seen("Now 1,512 kW", "1,505 projected", "limit 2,300", "└", "or-setback")
        assert_snapshot(f"energy-{size[0]}x{size[1]}", watch.text)


@SIZES
async def test_savings_have_their_error_and_what_is_not_known_has_its_reason(size):
    async with watching(size=size) as watch:
        await watch.press("8")
        await watch.until_seen("25.2 MWh ±3.1")
        rows = watch.text.splitlines()
        for name, words in {
            "or-setback": "9.8 MWh ±1.4", "lighting-sweep": "390 kWh ±600 may be none",
        }.items():  # fmt: skip
            row = " ".join(next(row for row in rows if name in row).split())
            assert words.replace(" may", "") in row.replace(" may", ""), row
        if size == LARGE:
            assert "not known: It was in force at the same hours" in watch.text
            assert "not known: There are 3.0 days of reference" in watch.text


async def test_a_meter_that_is_not_known_is_a_question_mark_with_its_reason():
    async with watching(size=LARGE) as watch:
        await watch.press("8")
        await watch.until_seen("Chillers", "412")
        row = next(row for row in watch.text.splitlines() if "Lighting  " in row)
        assert "? offline" in " ".join(row.split())
        assert "40 s of it unknown" in watch.text
        assert "room for 795 kW more" in watch.text


async def test_without_a_limit_and_without_a_meter_it_says_what_to_do():
    facility = FakeFacility()
    told = facility.demand

    async def nothing():
        demand = await told()
        return demand.model_copy(
            update={"meter": "", "point": "", "kw": None, "level": None, "limit_kw": None, "meters": [],
                    "note": "No meter is surely that of the whole building; name it with energy.main."}
        )  # fmt: skip

    facility.demand = nothing
    async with watching(facility) as watch:
        await watch.press("8")
        await watch.until_seen("? No meter is surely", "name it with energy.main", "no meter to draw")
        assert "No policy limits the demand." in watch.text


async def test_keys_change_range_and_meter_and_enter_follows():
    async with watching(size=LARGE) as watch:
        await watch.press("8")
        await watch.until_seen("└", "12 h · t range")
        await watch.press("t")
        await watch.until_seen("24 h · t range", "└")
        await watch.press("M")
        await watch.until_seen("Chillers, kW", "└")
        await watch.press("M", "M")
        await watch.until_seen("Demand, kW", "└")
        assert watch.app.place.point == MAIN


async def test_it_asks_for_the_demand_every_ten_seconds_and_for_the_report_every_quarter_of_an_hour():
    async with watching() as watch:
        await watch.press("8")
        await watch.until_seen("Now 1,512 kW", "or-setback")
        asked = watch.facility.asked.copy()
        watch.clock.pass_time(11)
        await watch.until(lambda: watch.facility.asked["demand"] == asked["demand"] + 1)
        assert watch.facility.asked["energy"] == asked["energy"]
        watch.clock.pass_time(timedelta(minutes=15).total_seconds())
        await watch.until(lambda: watch.facility.asked["energy"] == asked["energy"] + 1)


async def test_a_report_that_cannot_be_made_says_why():
    facility = FakeFacility()

    async def no(days=7):
        raise FacilityError("unknown", "No history is kept: history.enabled is false.")

    facility.energy = no
    async with watching(facility) as watch:
        await watch.press("8")
        await watch.until_seen("No history is kept: history.enabled is false.")


async def test_a_lost_agent_leaves_no_number_without_its_time():
    async with watching() as watch:
        await watch.press("8")
        await watch.until_seen("Now 1,512 kW")
        watch.facility.lose()
        await watch.until_seen("? was 02:14 1,512 kW")


async def test_in_ascii_an_error_is_still_an_error():
    async with watching(size=LARGE, plain=True, theme="mono") as watch:
        await watch.press("8")
        await watch.until_seen("25.2 MWh +-3.1", "1,498 > 1,505 projected")
        assert watch.text.isascii()

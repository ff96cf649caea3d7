"""The overview says what others hold: there is no end to it, and its age is known."""

import pytest
from fake_facility import FakeFacility, ago, overview
from watching import LARGE, SMALL, watching

from facility.wire import OverrideInfo

FOREIGN = OverrideInfo(
    point="ahu-2/mode",
    space="AHU-2",
    level=5,
    level_name="critical equipment",
    text="heating",
    since=ago(4 * 3600),
    seen=ago(300),
    kind="slot",
    wins=True,
)
BY_HAND = FOREIGN.model_copy(update={"kind": "by hand", "level": None, "point": "ahu-4/supply-air-temp"})


def holding(*overrides, count=None):
    facility = FakeFacility()
    facility.picture = overview().model_copy(
        update={"overrides": list(overrides), "foreign": len(overrides) if count is None else count}
    )
    return facility


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_what_is_not_ours_stands_beside_our_holds_without_an_end(size):
    async with watching(holding(FOREIGN), size=size) as watch:
        (line,) = [line for line in watch.text.splitlines() if "foreign P5" in line]
        assert "F ahu-2/mode" in line
        assert "foreign P5 · no end" in line
        assert any("H ef-3/fan-command" in line for line in watch.text.splitlines())
        if size is LARGE:
            assert "for 4 h 00, seen 5 min ago" in line


async def test_what_is_held_by_hand_is_named_so_and_what_has_no_room_is_counted():
    many = [FOREIGN.model_copy(update={"point": f"ahu-2/mode-{number}"}) for number in range(12)]
    async with watching(holding(BY_HAND, *many, count=40), size=LARGE) as watch:
        assert "by hand · no end" in watch.text
        shown = watch.text.count("no end")
        assert f"{40 - shown} more not shown" in watch.text


async def test_an_override_leads_to_its_point():
    async with watching(holding(FOREIGN), size=LARGE) as watch:
        line = next(number for number, text in enumerate(watch.text.splitlines()) if "foreign P5" in text)
        await watch.pilot.click(offset=(6, line))
        await watch.press("enter")
        await watch.until_seen("ahu-2/mode", "1-7")

"""The picture: complete or not shown, lost and back; and that no key changes anything by itself."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress

import fake_facility
import pytest
from fake_facility import NOW, SETPOINT, FakeFacility, StandingClock, alarm, value
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unhurried import UnhurriedLoop
from watching import LARGE, SMALL, seen, watching

from facility.client import RemoteFacility
from tui import keys, model
from tui.app import FacilityApp
from tui.model import Link, Picture
from tui.seat import Goto
from tui.trail import Trail

SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "140x40"])


@SIZES
async def test_before_the_first_snapshot_nothing_claims_to_be_ok(size):
    facility = FakeFacility()
    facility.lost = True
    async with watching(facility, size, complete=False) as watch:
        await watch.until_seen("Connecting to the agent", "Trying again in", "no screen claims that anything is OK")
        await watch.press("1", "4", "o", "Y", "a")
        assert "Connecting to the agent" in watch.text
        facility.come_back()
        watch.clock.pass_time(2)
        await watch.until(lambda: watch.app.picture.live)
        await watch.until_seen("CRIT 1/1")


async def test_an_incomplete_snapshot_is_not_live():
    facility = FakeFacility()
    facility.deaf = True  # hello never answers
    picture = Picture(facility, clock=StandingClock())
    following = asyncio.create_task(picture.run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert picture.link is Link.CONNECTING
    assert not picture.points
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


@SIZES
async def test_a_lost_agent_is_said_and_old_values_are_never_live(size):
    facility = FakeFacility()
    async with watching(facility, size) as watch:
        facility.lose()
        await watch.until_seen("NO AGENT since 02:14:07", "UNKNOWN", "Was NOT OK")
        assert "as of 02:14" in watch.text
        await watch.press("4")
        rows = [line for line in watch.text.splitlines() if "/" in line[:22] and " s " in line]
        assert rows
        assert all(row.startswith("?") for row in rows)
        await watch.press("o", "5", "a")
        assert "nothing was sent" in watch.text
        await watch.press("colon", *"space-temp")
        [row] = [line for line in watch.text.splitlines() if "or-3/space-temp" in line]
        assert "?" in row
        await watch.press("enter")
        assert "? " in watch.text
        assert "no agent · last 25.1 °C" in watch.text
        assert facility.changes == []
        before = watch.text
        watch.clock.pass_time(0.6)
        await watch.look()
        assert "Trying again" in before
        facility.come_back()
        for _ in range(4):
            watch.clock.pass_time(1)
            await watch.look()
        await watch.until(lambda: watch.app.picture.live)
        await watch.until_seen("back after")
        assert "NO AGENT" not in watch.text


async def test_an_open_preview_loses_its_y_with_the_agent():
    facility = FakeFacility()
    async with watching(facility) as watch:
        await watch.press("colon", *"temp-sp")
        await watch.until_seen(f"point   {SETPOINT}")
        await watch.press("enter", "o", "1", "8", "tab", "tab", *"valve", "enter")
        await watch.until_seen(" Y ")
        facility.lose()
        await watch.until_seen("nothing was sent")
        assert " Y " not in watch.text
        watch.dead_time_passes()
        await watch.press("Y")
        assert facility.asked["commit"] == 0


async def test_retries_double_to_ten_seconds():
    facility = FakeFacility()
    facility.lost = True
    clock = StandingClock()
    picture = Picture(facility, clock=clock)
    following = asyncio.create_task(picture.run())
    waits = []
    for _ in range(6):
        async with asyncio.timeout(30):
            while picture.retry_in == 0:
                await asyncio.sleep(0)
        waits.append(picture.retry_in)
        attempts = facility.asked["watch"]
        clock.pass_time(picture.retry_in)
        async with asyncio.timeout(30):
            while facility.asked["watch"] == attempts:
                await asyncio.sleep(0)
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following
    assert waits == [1, 2, 4, 8, 10, 10]


@asynccontextmanager
async def followed(facility):
    """A picture that is complete."""
    picture = Picture(facility, clock=facility.clock)
    following = asyncio.create_task(picture.run())
    try:
        async with asyncio.timeout(30):
            while not picture.live:
                await asyncio.sleep(0)
        yield picture
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


def test_an_agent_that_sends_an_overview_now_and_then_is_not_lost(monkeypatch):
    monkeypatch.setattr(model, "SILENCE", 0.2)
    monkeypatch.setattr(fake_facility, "HEARTBEAT", 0.05)

    async def follow():
        async with followed(FakeFacility()) as picture:
            before = picture.revision
            async with asyncio.timeout(30):
                while picture.revision < before + 8:
                    await asyncio.sleep(0.01)
            assert picture.live

    with asyncio.Runner(loop_factory=UnhurriedLoop) as runner:
        runner.run(follow())


async def test_a_tick_that_comes_while_the_screens_are_taken_down_finds_nothing_to_do():
    async with watching() as watch:
        pass
    watch.app._seen = -1
    watch.app._tick()


@SIZES
async def test_a_silent_agent_is_said_to_be_silent_and_its_clock_stands(size, monkeypatch):
    facility = FakeFacility()
    async with watching(facility, size) as watch:
        facility.deaf = True
        watch.clock.pass_time(2)  # the screen's own clock goes on
        await watch.look()
        assert "02:14:07" in watch.text.splitlines()[0]
        await watch.until_seen("NO AGENT since 02:14:07, not answering", "OLD")
        [banner] = [line for line in watch.text.splitlines() if "NO AGENT" in line]
        assert banner.rstrip(" .").endswith(("now", " s"))  # nothing of it is cut


@SIZES
async def test_a_socket_without_an_agent_is_explained_at_once(size, tmp_path):
    async with RemoteFacility(tmp_path / "nosock") as facility:
        app = FacilityApp(facility)
        async with app.run_test(size=size) as pilot, asyncio.timeout(30):
            while "Trying again in" not in (screen := seen(app)):
                await pilot.pause(0.02)
    words = " ".join(screen.split())
    assert "No agent is running: there is no socket" in words
    assert "Start one with `facility run`." in words


async def test_a_catalog_that_comes_anew_forgets_what_is_gone():
    facility = FakeFacility()
    async with followed(facility) as picture:
        left = [info for info in facility.catalog if info.id != SETPOINT]
        facility.push(points=left)
        async with asyncio.timeout(30):
            while SETPOINT in picture.points:
                await asyncio.sleep(0)
        assert len(picture.points) == len(left)


async def test_updates_merge_and_ended_acknowledged_alarms_leave():
    facility = FakeFacility()
    picture = Picture(facility, clock=StandingClock())
    following = asyncio.create_task(picture.run())
    async with asyncio.timeout(30):
        while not picture.live:
            await asyncio.sleep(0)
        facility.push(values=[value("or-3/humidity", 61.0)])
        gone = alarm("a5", "LOW", "x", "CHP-1", "over", state="rtn", ended=NOW, acknowledged=NOW, acknowledged_by="me")
        facility.push(alarms=[gone])
        while picture.alarm("a5"):
            await asyncio.sleep(0)
    assert picture.values["or-3/humidity"].value == 61.0
    assert picture.values["or-3/space-temp"].value == 25.1
    assert [a.id for a in picture.alarms()] == ["a1", "a3", "a2", "a4"]
    following.cancel()
    with suppress(asyncio.CancelledError):
        await following


HARMLESS = [
    *(key for key, *_ in keys.PLACES),
    *(
        key
        for verb in (*keys.VERBS, *keys.EVERYWHERE)
        for key in verb.keys.split(",")
        if key not in ("a", "ctrl+q", "ctrl+c")
    ),
    "up", "down", "home", "end", "pagedown", "tab", "shift+tab", "backspace", "left", "right", "y", "q", "1", "8", "z",
]  # fmt: skip


async def test_every_binding_has_one_meaning_and_a_capital_one_at_each_place():
    used = [(verb.action, key) for verb in (*keys.VERBS, *keys.EVERYWHERE) for key in verb.keys.split(",")]
    small = [key for _, key in used if key != key.upper() or not key.isalpha()] + [key for key, *_ in keys.PLACES]
    assert len(small) == len(set(small))
    async with watching() as watch:
        for place in watch.app.places.values():
            capitals = [key for action, key in used if action in place.doable and key == key.upper()]
            assert len(capitals) == len(set(capitals)), place.id
    used = [key for _, key in used]
    assert "q" not in used
    assert "Y" not in used


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(pressed=st.lists(st.sampled_from(HARMLESS), min_size=5, max_size=25))
def test_no_keys_without_y_or_a_change_anything(pressed):
    async def press() -> FakeFacility:
        facility = FakeFacility()
        async with watching(facility) as watch:
            for key in pressed:
                await watch.pilot.press(key)
            assert watch.app.is_running
        return facility

    facility = asyncio.run(press())
    assert facility.changes == []
    assert facility.asked["commit"] == facility.asked["acknowledge"] == 0


def test_the_way_goes_back_and_forward_and_help_leaves_no_trace():
    trail = Trail(Goto("overview"))
    trail.go(Goto("points"), left=Goto("overview"))
    trail.go(Goto("point", "a/t"), left=Goto("points", "or-2"))
    trail.go(Goto("help"), left=Goto("point", "a/t"))
    assert trail.here == Goto("help")
    assert trail.move(0)
    assert trail.here == Goto("point", "a/t")
    assert trail.move(-1)
    assert trail.here == Goto("points", "or-2")  # as it was left
    assert trail.move(1)
    assert not trail.move(1)
    assert trail.move(-2)
    assert not trail.move(-1)
    trail.go(Goto("links"), left=trail.here)
    assert not trail.move(1)  # what lay ahead is forgotten
    trail.go(Goto("help"), left=trail.here)
    trail.go(Goto("alarms"), left=Goto("help"))
    assert trail.move(-1)
    assert trail.here == Goto("links")
